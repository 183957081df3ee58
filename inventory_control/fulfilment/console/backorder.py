"""One who waits: its turn and why, who got the last units, and giving it units out of turn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from inventory_control.audit.console.timeline import as_shown
from inventory_control.audit.selectors import timeline_of
from inventory_control.core import clock
from inventory_control.core.errors import DomainError
from inventory_control.fulfilment import permissions
from inventory_control.fulfilment.console.queue import row_words
from inventory_control.fulfilment.errors import InvalidReleaseError
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.selectors import (
    last_given,
    queue_policy,
    turns_at,
)
from inventory_control.fulfilment.services import release_backorder
from inventory_control.fulfilment.values import KEPT, QueuePolicy
from inventory_control.orders.selectors import inbound_supply
from inventory_control.people.selectors import names_of
from inventory_control.stock.selectors import free_at, open_claims_of
from inventory_control.web.console import ConsoleView
from inventory_control.web.times import span

SAID = {
    "backorder.queued": "Taken into the queue",
    "backorder.served": "Given units",
    "backorder.released": "Given out of turn",
    "backorder.allocated": "Served whole",
    "backorder.cancelled": "Cancelled",
    "backorder.corrected": "Waits again after a correction",
    "backorder.promised": "Promised anew",
}
ORDER_WORDS = {"service": "premium first", "age": "then the oldest"}


class BackorderDetailView(ConsoleView):
    """One order line that waits, or waited."""

    permission = permissions.READ

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Its turn, what could serve it, who was served last, and what happened to it."""
        context = _detail(_found(pk), may_act=self.actor.may(permissions.ALLOCATE))
        return render(request, "fulfilment/backorder.html", context)


class BackorderReleaseView(ConsoleView):
    """Giving one who waits units out of turn."""

    permission = permissions.ALLOCATE

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give them and show the page anew; a refusal answers the form with what was typed."""
        row, said = _found(pk), request.POST
        try:
            release_backorder(
                row,
                units=_units(said.get("units", ""), "units"),
                had=_units(said.get("had", ""), "had"),
                reason=said.get("reason", ""),
                by=self.actor,
            )
        except DomainError as error:
            if error.status not in {409, 422}:
                raise
            confirm = {**_dialog(_detail(row, may_act=False), said), "error": error.detail}
            form = "console/_confirm_form.html"
            return render(request, form, {"confirm": confirm}, status=422)
        page = reverse("fulfilment:backorder-detail", args=[pk])
        if getattr(request, "htmx", False):
            return HttpResponse(status=204, headers={"HX-Redirect": page})
        return redirect(page)


def _found(pk: int) -> Backorder:
    row = Backorder.objects.select_related("item", "node").filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


def _units(text: str, field: str) -> int:
    if not text.isdecimal() or len(text) > 10:
        raise InvalidReleaseError(f"{field} is a whole number.", field=field)
    return int(text)


def _detail(row: Backorder, *, may_act: bool) -> dict[str, Any]:
    place = row.item_id, row.node_id
    policy, policy_name, _ = queue_policy()
    claim = open_claims_of(KEPT).get(place)
    free, kept = free_at([place]).get(place, 0), claim.open if claim else 0
    turns = turns_at(place, policy, kept=kept)
    mine = next((turn for turn, one in turns if one.pk == row.pk), None)
    now = clock.now()
    context: dict[str, Any] = {
        **row_words(row, now),
        "is_frozen": free is None,
        "free": free,
        "kept": kept,
        "can_give": max(0, (free or 0) + kept),
        "turn": mine,
        "waiting": len(turns),
        "queue": [
            {"turn": turn, "one": one, "age": span(now - one.ordered_at), "is_this": turn is mine}
            for turn, one in turns
        ],
        "ahead": [one.key for turn, one in turns if mine and turn.number < mine.number],
        "given": last_given(place, policy),
        "supply": inbound_supply([place])[place],
        "policy_name": policy_name,
        "policy_words": _policy_words(policy),
        "history": _history(row),
    }
    context["can_release"] = bool(may_act and mine and context["can_give"] and free is not None)
    context["dialogs"] = [_dialog(context, {})] if context["can_release"] else []
    return context


def _dialog(context: Mapping[str, Any], said: Mapping[str, str]) -> dict[str, Any]:
    row, mine, can_give = context["one"], context["turn"], context["can_give"]
    most = min(mine.wanted, can_give) if mine else 0
    ahead = context["ahead"]
    text = f"{can_give:,} can be given at {row.node.code}. They are allocated at once; "
    if ahead:
        named = ", ".join(ahead[:3]) + (" and others" if len(ahead) > 3 else "")
        text += f"{named} {'stands' if len(ahead) == 1 else 'stand'} before it in the queue."
    else:
        text += "nobody is passed over."
    return {
        "id": "release",
        "title": f"Give {row.item.sku} to {row.key}",
        "verb": "Give out of turn" if ahead else "Give",
        "text": text,
        "action_url": reverse("fulfilment:backorder-release", args=[row.pk]),
        "kept": [{"name": "had", "value": row.allocated}],
        "fields": [
            {
                "name": "units",
                "label": "Units",
                "value": said.get("units", str(most)),
                "required": True,
                "help": f"1 to {most:,}" if most else "",
            },
            {
                "name": "reason",
                "label": "Reason",
                "value": said.get("reason", ""),
                "required": True,
                "help": "Kept with the decision and shown to whoever asks why.",
            },
        ],
    }


def _policy_words(policy: QueuePolicy) -> str:
    words = [ORDER_WORDS[name] for name in policy.order_by] or ["in order of arrival"]
    words.append("lines may be served in part" if policy.takes_part else "lines are served whole")
    words.append(
        "what is left is kept for the next"
        if policy.keeps_remainder
        else "what is left may be sold"
    )
    return ", ".join(words).removeprefix("then ")


def _history(row: Backorder) -> dict[str, Any]:
    """What happened to it, as the timeline fragment takes it."""
    entries = timeline_of(("backorder", str(row.pk)))
    names = names_of({entry.actor_id for entry in entries})
    return {
        "pk": row.pk,
        "entries": [
            as_shown(
                entry,
                title=SAID.get(entry.verb, entry.verb),
                text=_told(entry.data, names.get(entry.actor_id, "")),
            )
            for entry in entries
        ],
    }


def _told(data: Mapping[str, Any], who: str) -> str:
    parts = [who] if who else []
    if "units" in data:
        parts.append(f"{data['units']:,} units")
    if data.get("passed_over"):
        parts.append(f"before {', '.join(data['passed_over'])}")
    if data.get("promise_at"):
        parts.append(f"for {datetime.fromisoformat(data['promise_at']):%-d %b %H:%M}")
    if data.get("reason"):
        parts.append(str(data["reason"]))
    return ", ".join(parts)
