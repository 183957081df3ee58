"""The price of an item on its page: how old its stock is, which prices were proposed, and asking."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from inventory_control.catalog.models import Item
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import DomainError, Refused
from inventory_control.people.selectors import names_of
from inventory_control.policies.selectors import current_policy
from inventory_control.stock import permissions as stock
from inventory_control.stock.selectors import age_of
from inventory_control.web.console import ConsoleView, vary_on_htmx
from workflows import permissions
from workflows.models import WorkflowRun
from workflows.rules import why_aged
from workflows.selectors import markdown_of, markdowns_of
from workflows.services import request_markdown
from workflows.services.configuring import MARKDOWN
from workflows.states import RUN_LIVE
from workflows.values import WantedMarkdown


class ItemPriceView(ConsoleView):
    """How old an item's stock is and which prices were proposed: a fragment of its page."""

    permission = stock.READ

    def get(self, request: HttpRequest, sku: str) -> HttpResponse:
        """The panel, with the dialog of those who may propose a price."""
        item = _item(sku)
        currency = str(request.house.currency)  # type: ignore[attr-defined]  # tenants.middleware
        context = _panel(item, currency, self.actor)
        return vary_on_htmx(render(request, "workflows/_price.html", context))


class ItemMarkdownView(ConsoleView):
    """Proposing a price."""

    permission = permissions.REQUEST

    def post(self, request: HttpRequest, sku: str) -> HttpResponse:
        """Ask, then show the item's page; a refusal answers the form with what was typed."""
        item, said = _item(sku), request.POST
        currency = str(request.house.currency)  # type: ignore[attr-defined]  # tenants.middleware
        try:
            wanted = WantedMarkdown(
                item=sku,
                price=_price(said.get("price", "")),
                currency=currency,
                reason=said.get("reason", ""),
            )
            request_markdown(wanted, by=self.actor)
        except DomainError as error:
            confirm = {**_dialog(item, currency, said), "error": error.detail}
            return render(
                request, "console/_confirm_form.html", {"confirm": confirm}, status=error.status
            )
        page = reverse("stock:item-detail", args=[sku])
        if getattr(request, "htmx", False):
            return HttpResponse(status=204, headers={"HX-Redirect": page})
        return redirect(page)


def _panel(item: Item, currency: str, by: Actor) -> dict[str, Any]:
    policy = current_policy(MARKDOWN)
    age = age_of(item.pk, at=clock.now())
    runs = markdowns_of(item.pk)
    names = names_of({run.requester for run in runs})
    why = why_aged(age, policy.value)
    is_free = not any(run.status_value in RUN_LIVE for run in runs)
    may_ask = bool(why) and is_free and item.unit_price > 0 and by.may(permissions.REQUEST)
    return {
        "item": item,
        "age": age,
        "policy": policy,
        "why": why,
        "rows": [_row(run, names) for run in runs],
        "dialog": _dialog(item, currency, {}) if may_ask else None,
    }


def _row(run: WorkflowRun, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "run": run,
        "told": markdown_of(run),
        "who": names.get(run.requester, "A program"),
        "approvals": [one for one in run.approvals.all() if one.decided_at],
    }


def _dialog(item: Item, currency: str, said: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": "markdown",
        "title": f"Mark {item.sku} down",
        "verb": "Propose",
        "text": "Others must agree; then the pricing system is told, which sets the price.",
        "action_url": reverse("workflows:item-markdown", args=[item.sku]),
        "fields": [
            {
                "name": "price",
                "label": f"New price, {currency}",
                "help": f"It sells for {item.unit_price.normalize():f}.",
                "value": said.get("price", ""),
                "required": True,
            },
            {
                "name": "reason",
                "label": "Reason",
                "value": said.get("reason", ""),
                "required": True,
            },
        ],
    }


def _item(sku: str) -> Item:
    found = Item.objects.filter(sku=sku).first()
    if found is None:
        raise Http404
    return found


def _price(text: str) -> Decimal:
    try:
        price = Decimal(text.strip())
    except InvalidOperation:
        raise Refused("price is a number such as 7.50.", field="price") from None
    if not price.is_finite() or price >= 10**8:
        raise Refused("price is an amount of money.", field="price")
    return price
