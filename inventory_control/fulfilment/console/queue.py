"""The list of backorders: who waits, since when, promised for when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from inventory_control.core import clock
from inventory_control.fulfilment import permissions
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.selectors import (
    SORTS,
    backorder_queue,
)
from inventory_control.fulfilment.states import BackorderStatus, Service
from inventory_control.web.console import ConsoleView, vary_on_htmx
from inventory_control.web.filters import select_of
from inventory_control.web.times import span

PAGE = 50
ANY = "any"
TONES = {"waiting": "med", "allocated": "ok", "cancelled": ""}
SORT_WORDS = {"age": "Oldest first", "promise": "Promised first"}
_NAMES = ("q", "status", "service", "sort")


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
            "rows": [row_words(one, now) for one in shown],
            "filters": _filters(asked),
            "sorts": _sorts(asked),
            "pager": _pager(asked, shown, has_more=len(found) > PAGE, is_first=not _is_on(request)),
            "empty": _empty(asked),
        }
        htmx: Any = getattr(request, "htmx", None)
        is_part = bool(htmx and not htmx.boosted)
        template = "fulfilment/_backorder_rows.html" if is_part else "fulfilment/backorders.html"
        return vary_on_htmx(render(request, template, {**context, "oob": is_part}))


def _asked(request: HttpRequest) -> dict[str, str]:
    """What the address asks for; whatever it cannot mean is left out."""
    said = {name: request.GET.get(name, "").strip().replace("\0", "")[:200] for name in _NAMES}
    return {
        "q": said["q"],
        "status": said["status"] if said["status"] in (*BackorderStatus.values, ANY) else "waiting",
        "service": said["service"] if said["service"] in Service.values else "",
        "sort": said["sort"] if said["sort"] in SORTS else "age",
    }


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
            select_of("service", "Priority", [("", "Any"), *Service.choices], asked["service"]),
            select_of("status", "State", [*BackorderStatus.choices, (ANY, "Any")], asked["status"]),
        ],
        "kept": [{"name": "sort", "value": asked["sort"]}] if asked["sort"] != "age" else [],
        "sorted_by": SORT_WORDS[asked["sort"]],
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


def row_words(one: Backorder, now: datetime) -> dict[str, Any]:
    """A backorder as the list and its own page show it."""
    is_waiting = one.status_value == BackorderStatus.WAITING
    return {
        "one": one,
        "url": reverse("fulfilment:backorder-detail", args=[one.pk]),
        "left": max(0, one.quantity - one.allocated) if is_waiting else 0,
        "age": span(now - one.ordered_at),
        "is_late": is_waiting and one.promise_at is not None and one.promise_at < now,
        "tone": TONES[one.status_value],
    }
