"""Backorders: who waits and in which turn, who got the last units and why, and giving units."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from inventory_control.audit.selectors import timeline_of
from inventory_control.core import clock
from inventory_control.core.errors import DomainError
from inventory_control.fulfilment import permissions
from inventory_control.fulfilment.errors import InvalidReleaseError
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.selectors import (
    SORTS,
    backorder_queue,
    last_given,
    queue_policy,
    turns_at,
)
from inventory_control.fulfilment.services import release_backorder
from inventory_control.fulfilment.states import BackorderStatus, Service
from inventory_control.fulfilment.values import KEPT, QueuePolicy
from inventory_control.orders.selectors import inbound_supply
from inventory_control.people.selectors import names_of
from inventory_control.stock.selectors import free_at, open_claims_of
from inventory_control.web.console import ConsoleView, vary_on_htmx
from inventory_control.web.times import span

PAGE = 50
ANY = "any"
TONES = {"waiting": "med", "allocated": "ok", "cancelled": ""}
SORT_WORDS = {"age": "Oldest first", "promise": "Promised first"}
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


class BackorderListView(ConsoleView):
    """Order lines that wait for stock."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page; the address says what is shown and in which order."""
        asked = _asked(request)
        found = backorder_queue(
            text=asked["q"],
            status="" if asked["status"] == ANY else asked["status"],
            service=asked["service"],
            sort=asked["sort"],
            after=_mark(request.GET.get("after", "")),
            limit=PAGE + 1,
        )
        shown, now = found[:PAGE], clock.now()
        context = {
            "rows": [_row(one, now) for one in shown],
            "filters": _filters(asked),
            "sorts": _sorts(asked),
            "pager": _pager(asked, shown, has_more=len(found) > PAGE, is_first=not _is_on(request)),
            "empty": _empty(asked),
        }
        htmx: Any = getattr(request, "htmx", None)
        is_part = bool(htmx and not htmx.boosted)
        template = "fulfilment/_backorder_rows.html" if is_part else "fulfilment/backorders.html"
        return vary_on_htmx(render(request, template, {**context, "oob": is_part}))


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


def _asked(request: HttpRequest) -> dict[str, str]:
    """What the address asks for; whatever it cannot mean is left out."""
    said = {name: request.GET.get(name, "").strip().replace("\0", "")[:200] for name in _NAMES}
    return {
        "q": said["q"],
        "status": said["status"] if said["status"] in (*BackorderStatus.values, ANY) else "waiting",
        "service": said["service"] if said["service"] in Service.values else "",
        "sort": said["sort"] if said["sort"] in SORTS else "age",
    }


_NAMES = ("q", "status", "service", "sort")


def _is_on(request: HttpRequest) -> bool:
    return _mark(request.GET.get("after", "")) is not None


def _mark(text: str) -> tuple[datetime, int] | None:
    """Where a page goes on: moment and id of the last row before it."""
    moment, _, pk = text.partition("~")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (at, int(pk)) if at.tzinfo and pk.isdecimal() and len(pk) < 19 else None


def _address(asked: Mapping[str, str], **changes: str) -> str:
    said = {**asked, **changes}
    defaults = {"status": "waiting", "sort": "age"}
    query = {name: value for name, value in said.items() if value != defaults.get(name, "")}
    page = reverse("fulfilment:backorder-list")
    return f"{page}?{urlencode(query)}" if query else page


def _filters(asked: Mapping[str, str]) -> dict[str, Any]:
    tokens = []
    if asked["service"]:
        label = Service(asked["service"]).label
        tokens.append(("Priority", label, _address(asked, service="")))
    if asked["status"] != BackorderStatus.WAITING:
        text = "any" if asked["status"] == ANY else BackorderStatus(asked["status"]).label
        tokens.append(("State", text, _address(asked, status="waiting")))
    return {
        "action": reverse("fulfilment:backorder-list"),
        "target": "#backorder-rows",
        "label": "Find by order, SKU or node",
        "q": asked["q"],
        "tokens": [
            {"label": label, "text": text, "remove_url": url} for label, text, url in tokens
        ],
        "selects": [
            _select("service", "Priority", [("", "Any"), *Service.choices], asked["service"]),
            _select("status", "State", [*BackorderStatus.choices, (ANY, "Any")], asked["status"]),
        ],
        "kept": [{"name": "sort", "value": asked["sort"]}] if asked["sort"] != "age" else [],
        "sorted_by": SORT_WORDS[asked["sort"]],
    }


def _select(
    name: str, label: str, choices: list[tuple[str, str]], chosen: str
) -> dict[str, object]:
    return {
        "name": name,
        "label": label,
        "options": [
            {"value": value, "label": words, "selected": value == chosen}
            for value, words in choices
        ],
    }


def _sorts(asked: Mapping[str, str]) -> dict[str, dict[str, object]]:
    return {
        name: {"url": _address(asked, sort=name), "is_on": asked["sort"] == name} for name in SORTS
    }


def _pager(
    asked: Mapping[str, str], shown: list[Backorder], *, has_more: bool, is_first: bool
) -> dict[str, Any]:
    older = None
    if has_more:
        last = shown[-1]
        mark = last.ordered_at if asked["sort"] == "age" else last.promised_by  # type: ignore[attr-defined]  # annotated by the selector
        older = _address(asked, after=f"{mark.isoformat()}~{last.pk}")
    return {
        "text": f"{len(shown)} on this page",
        "newer_url": None if is_first else _address(asked),
        "newer_label": "First page",
        "older_url": older,
        "older_label": "Next page",
    }


def _empty(asked: Mapping[str, str]) -> dict[str, Any]:
    if asked["q"] or asked["service"]:
        return {
            "icon": "search",
            "title": "No backorder matches",
            "text": "Orders are found by how they begin, items by SKU, nodes by code.",
            "action": {"url": reverse("fulfilment:backorder-list"), "label": "Show all that wait"},
        }
    return {
        "icon": "check",
        "title": "Nobody waits for stock",
        "text": "An order line that cannot be served joins the queue here and is served in turn.",
        "action": {"url": _address(asked, status=ANY), "label": "Show those served before"},
    }


def _row(one: Backorder, now: datetime) -> dict[str, Any]:
    is_waiting = one.status_value == BackorderStatus.WAITING
    return {
        "one": one,
        "url": reverse("fulfilment:backorder-detail", args=[one.pk]),
        "left": max(0, one.quantity - one.allocated) if is_waiting else 0,
        "age": span(now - one.ordered_at),
        "is_late": is_waiting and one.promise_at is not None and one.promise_at < now,
        "tone": TONES[one.status_value],
    }


def _detail(row: Backorder, *, may_act: bool) -> dict[str, Any]:
    place = row.item_id, row.node_id
    policy, policy_name, _ = queue_policy()
    claim = open_claims_of(KEPT).get(place)
    free, kept = free_at([place]).get(place, 0), claim.open if claim else 0
    turns = turns_at(place, policy, kept=kept)
    mine = next((turn for turn, one in turns if one.pk == row.pk), None)
    now = clock.now()
    context: dict[str, Any] = {
        **_row(row, now),
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
            {
                "at": entry.at,
                "title": SAID.get(entry.verb, entry.verb),
                "text": _told(entry.data, names.get(entry.actor_id, "")),
                "icon": "audit",
                "tone": "",
                "number": entry.number if entry.number is not None else "",
                "proof_url": f"/audit/{entry.entry_id}/" if entry.is_sealed else None,
                "sealed": entry.is_sealed,
                "head_at": entry.at,
            }
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
