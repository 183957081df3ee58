"""The pages of an item: a list to find it, and everything the product knows of its stock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from inventory_control.availability.console.listing import signed
from inventory_control.availability.rules import available_to_sell, breakdown
from inventory_control.availability.selectors import (
    channel_figures,
    node_stock,
    safety_stock_history,
)
from inventory_control.catalog.models import Item, Node
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import DomainError
from inventory_control.events.selectors import customer_signals, staleness
from inventory_control.events.values import Freshness
from inventory_control.fulfilment.values import KEPT
from inventory_control.orders.selectors import documents_of_events, inbound_supply
from inventory_control.people.selectors import names_of
from inventory_control.stock import permissions
from inventory_control.stock.selectors import (
    claims_at,
    hold_of,
    holds_in_force,
    ledger_of,
    positions_of,
)
from inventory_control.stock.services import freeze, unfreeze
from inventory_control.stock.values import Position
from inventory_control.web.console import ConsoleView, vary_on_htmx

PAGE = 50
MOST_NODES = 1_000
SAFETY_CHANGES = 10
SIGNALS_OF = timedelta(days=28)
"""How far back the page counts what customers signalled."""
STATES = (
    ("received", "Received"),
    ("quarantined", "Quarantined"),
    ("sellable", "Sellable"),
    ("refurbishable", "Refurbishable"),
    ("damaged", "Damaged"),
    ("vendor_return", "To vendor"),
    ("in_transit", "In transit"),
    ("reserved", "Reserved"),
    ("allocated", "Allocated"),
)


class ItemListView(ConsoleView):
    """Find an item by code or name."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page of items with their totals, by code."""
        text, after = request.GET.get("q", "").strip(), request.GET.get("after", "")
        items = Item.objects.select_related("supplier").order_by("sku")
        if text:
            items = items.filter(Q(sku__icontains=text) | Q(name__icontains=text))
        if after:
            items = items.filter(sku__gt=after)
        found = list(items[: PAGE + 1])
        shown = found[:PAGE]
        positions = positions_of([item.pk for item in shown])
        context = {
            "rows": [_row(item, positions) for item in shown],
            "filters": {
                "action": reverse("stock:item-list"),
                "target": "#item-rows",
                "label": "Find an item by SKU or name",
                "q": text,
                "tokens": [],
                "selects": [],
                "kept": [],
            },
            "pager": {
                "text": f"{len(shown)} on this page",
                "newer_url": reverse("stock:item-list") if after else None,
                "newer_label": "First page",
                "older_url": _next(text, shown) if len(found) > PAGE else None,
                "older_label": "Next page",
            },
            "empty": {"icon": "search", "title": "No item matches", "text": "Try another word."},
        }
        htmx: Any = getattr(request, "htmx", None)
        template = "stock/_item_rows.html" if htmx and not htmx.boosted else "stock/items.html"
        return vary_on_htmx(render(request, template, {**context, "oob": bool(htmx)}))


class ItemDetailView(ConsoleView):
    """One item: states per node, how ATS is made, channels, supply, claims, ledger."""

    permission = permissions.READ

    def get(self, request: HttpRequest, sku: str) -> HttpResponse:
        """The page, or older ledger lines for htmx."""
        item = Item.objects.select_related("supplier").filter(sku=sku).first()
        if item is None:
            raise Http404
        before = request.GET.get("before", "")
        rows = _ledger_rows(item.pk, int(before) if before.isdigit() else None)
        ledger = {
            "item": item,
            "rows": rows,
            "older": rows[-1]["line"].id if len(rows) == PAGE else None,
        }
        if getattr(request, "htmx", False) and before:
            return vary_on_htmx(render(request, "stock/_ledger.html", ledger))
        context = {**_detail(item), **_held(item, self.actor), **ledger}
        return vary_on_htmx(render(request, "stock/item.html", context))


class HoldView(ConsoleView):
    """Freezing an item at a node, and lifting a hold; both from the item's page."""

    permission = permissions.HOLD

    def post(self, request: HttpRequest, sku: str, pk: int | None = None) -> HttpResponse:
        """Do it and show the page anew; a refusal answers the form with what was typed."""
        said = request.POST
        item = get_object_or_404(Item, sku=sku)
        hold = hold_of(pk) if pk is not None else None
        if pk is not None and (hold is None or hold.item_id != item.pk):
            raise Http404
        try:
            if hold is None:
                freeze(
                    sku=sku, node=said.get("node", ""), reason=said.get("reason", ""), by=self.actor
                )
            else:
                unfreeze(hold, reason=said.get("reason", ""), by=self.actor)
        except DomainError as error:
            confirm = _hold_dialog(item, said) if hold is None else _lift_dialog(item, hold)
            context = {"confirm": {**confirm, "error": error.detail}}
            return render(request, "console/_confirm_form.html", context, status=error.status)
        page = reverse("stock:item-detail", args=[sku])
        if getattr(request, "htmx", False):
            return HttpResponse(status=204, headers={"HX-Redirect": page})
        return redirect(page)


def _held(item: Item, by: Actor) -> dict[str, Any]:
    """What freezes the item, and the dialogs of those who may change that."""
    found = holds_in_force(item.pk)
    names = names_of({hold.placed_by for hold in found})
    may = by.may(permissions.HOLD)
    return {
        "holds": [
            {"hold": hold, "who": names.get(hold.placed_by, ""), "dialog": f"lift-{hold.pk}"}
            for hold in found
        ],
        "may_hold": may,
        "dialogs": [_hold_dialog(item, {}), *(_lift_dialog(item, hold) for hold in found)]
        if may
        else [],
    }


def _hold_dialog(item: Item, said: Mapping[str, str]) -> dict[str, Any]:
    options = [
        {"value": code, "label": name, "selected": said.get("node") == code}
        for code, name in Node.objects.order_by("code").values_list("code", "name")[:MOST_NODES]
    ]
    return {
        "id": "hold",
        "title": f"Freeze {item.sku}",
        "verb": "Freeze",
        "text": "Nothing of it is sold, reserved or confirmed there until the hold is lifted.",
        "action_url": reverse("stock:item-hold", args=[item.sku]),
        "fields": [
            {"name": "node", "label": "Node", "options": options, "required": True},
            {
                "name": "reason",
                "label": "Reason",
                "value": said.get("reason", ""),
                "required": True,
            },
        ],
    }


def _lift_dialog(item: Item, hold: Any) -> dict[str, Any]:
    return {
        "id": f"lift-{hold.pk}",
        "title": f"Lift the hold at {hold.node.code}",
        "verb": "Lift the hold",
        "text": f"It was placed because: {hold.reason}",
        "action_url": reverse("stock:item-hold-lift", args=[item.sku, hold.pk]),
        "fields": [{"name": "reason", "label": "Reason", "value": "", "required": True}],
    }


def _detail(item: Item) -> dict[str, Any]:
    positions = positions_of([item.pk])
    nodes = Node.objects.in_bulk({node for _, node in positions})
    supply = inbound_supply(positions)
    claims = claims_at(positions)
    now = clock.now()
    freshness = staleness(nodes, at=now)
    figures = [
        {
            **_figure(nodes[node_id].code, position),
            "stale_minutes": _stale_minutes(freshness.get(node_id), now),
        }
        for (_, node_id), position in positions.items()
    ]
    return {
        "states": [label for _, label in STATES],
        "figures": sorted(figures, key=lambda one: str(one["node"])),
        "channels": channel_figures(item.pk),
        "safety": safety_stock_history(item_id=item.pk, limit=SAFETY_CHANGES),
        "supply": [
            {"node": nodes[node_id].code, "one": one}
            for (_, node_id), found in supply.items()
            for one in found
        ],
        "claims": [
            {
                "node": nodes[node_id].code,
                "key": key,
                "order": key.rpartition("/")[0],
                "is_kept": key.startswith(f"{KEPT}/"),
                "channel": channel,
                "units": units,
            }
            for (_, node_id), found in claims.items()
            for key, channel, units in found
        ],
        "signals": customer_signals(item.pk, since=now - SIGNALS_OF).items(),
        "queue_url": f"/exceptions/?{urlencode({'sku': item.sku, 'status': 'any'})}",
    }


def _ledger_rows(item_id: int, before: int | None) -> list[dict[str, Any]]:
    """A page of ledger lines, each with what the ERP is to know of its event."""
    lines = ledger_of(item_id, before=before, limit=PAGE)
    documents = documents_of_events(line.event_id for line in lines)
    return [
        {
            "line": line,
            "expectations": [one.expectation for one in documents.get(line.event_id, ())],
        }
        for line in lines
    ]


def _stale_minutes(freshness: Freshness | None, at: datetime) -> int | None:
    """How old the word on a node is, where that is older than its limit."""
    return freshness.age_minutes(at) if freshness and freshness.is_stale(at) else None


def _figure(code: str, position: Position) -> dict[str, Any]:
    stock = node_stock(position)
    ats = available_to_sell(stock)
    return {
        "node": code,
        "cells": [(label, getattr(position, name)) for name, label in STATES],
        "ats": ats,
        "is_short": ats < 0,
        "is_frozen": stock.is_frozen,
        "terms": signed(breakdown(stock)),
        "changed_at": position.changed_at,
    }


def _row(item: Item, positions: dict[tuple[int, int], Position]) -> dict[str, Any]:
    mine = [position for (item_id, _), position in positions.items() if item_id == item.pk]
    return {
        "item": item,
        "url": reverse("stock:item-detail", args=[item.sku]),
        "on_hand": sum(position.on_hand for position in mine),
        "ats": sum(available_to_sell(node_stock(position)) for position in mine),
        "nodes": len(mine),
    }


def _next(text: str, shown: list[Item]) -> str:
    query = {"after": shown[-1].sku} | ({"q": text} if text else {})
    return f"{reverse('stock:item-list')}?{urlencode(query)}"
