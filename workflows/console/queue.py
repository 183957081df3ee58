"""The exception queue: one URL, filters in the address, fragments for htmx, acts on many."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import quote_etag

from ai_advice.models import Advice
from ai_advice.selectors import newest_advice
from exceptions import permissions
from exceptions.detectors import kinds
from exceptions.models import ExceptionCase
from exceptions.rules import page_size, queue_filters
from exceptions.selectors import QueuePage, exception_queue, queue_count
from exceptions.services import acknowledge, assign_all, resolve
from exceptions.states import Severity
from exceptions.values import QueueFilters
from inventory_control.core import clock
from inventory_control.core.errors import DomainError, Refused
from inventory_control.people.selectors import names_of
from inventory_control.web.console import ConsoleView, vary_on_htmx
from workflows.console.words import KINDS, LEVELS, advice_words, due_chip, money

BAR_WIDTH = 80
PAUSED = {"tone": "bare", "icon": "pause", "text": "In work", "sr": "Governed by a workflow: "}
"""What stands where the clock would: a workflow has the case until its effect."""
FILTER_NAMES = {
    "kind": "Kind",
    "severity": "Severity",
    "node": "Node",
    "assignee": "Owner",
    "past_due": "Due",
    "sku": "SKU",
    "status": "Status",
    "order": "Order",
}


class CaseListView(ConsoleView):
    """The queue."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """The page, or its rows with filter tokens and pager for htmx."""
        query = _query(request, self.actor.id)
        filters = queue_filters(query, kinds=kinds())
        page = exception_queue(filters, query.get("after", ""), page_size(query))
        context = queue_context(request, query, filters, page, self.actor.id)
        htmx: Any = getattr(request, "htmx", None)
        template = "exceptions/_rows.html" if htmx and not htmx.boosted else "exceptions/queue.html"
        return vary_on_htmx(render(request, template, {**context, "oob": bool(htmx)}))


class CaseCountView(ConsoleView):
    """The live stamp and count; 304 while nothing changed."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """The stamp with the count, under an ETag of both figures."""
        open_now = str(queue_count(QueueFilters()))
        late = str(queue_count(QueueFilters(is_past_due=True)))
        etag = quote_etag(hashlib.sha256(f"{open_now}/{late}".encode()).hexdigest()[:16])
        if request.headers.get("If-None-Match") == etag:
            return HttpResponse(status=304)
        response = render(
            request,
            "exceptions/_live.html",
            {"counter": open_now, "late": late, "now": clock.now(), "oob": True},
        )
        response.headers["ETag"] = etag
        return vary_on_htmx(response)


class CaseBulkView(ConsoleView):
    """One act on many cases: take on, assign to me, resolve with a reason."""

    permission = permissions.HANDLE

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it, then answer the rows anew, with a toast that says what happened."""
        chosen = [int(pk) for pk in request.POST.getlist("case") if pk.isdigit()]
        act = request.POST.get("act", "")
        try:
            text = self._do(act, chosen, request.POST.get("reason", ""))
            status = 200
        except DomainError as error:
            text, status = error.detail, error.status
        query = _query(request, self.actor.id)
        filters = queue_filters(query, kinds=kinds())
        page = exception_queue(filters, "", page_size(query))
        context = queue_context(request, query, filters, page, self.actor.id)
        return render(
            request,
            "exceptions/_rows.html",
            {**context, "oob": True, "toast": {"text": text}, "announcement": text},
            status=status if status in {200, 409} else 200,
        )

    def _do(self, act: str, chosen: Sequence[int], reason: str) -> str:
        if not chosen:
            raise Refused("Select at least one exception.", field="case")
        if act == "assign":
            assign_all(chosen, assignee=self.actor.id, by=self.actor)
            return f"{len(chosen)} assigned to you."
        cases = list(ExceptionCase.objects.filter(pk__in=chosen).order_by("pk"))
        done = 0
        for case in cases:
            if act == "acknowledge":
                acknowledge(case, by=self.actor)
            elif act == "resolve":
                resolve(case, reason=reason, by=self.actor)
            else:
                raise Refused(f"There is no act {act[:20]}.", field="act")
            done += 1
        return f"{done} {'taken on' if act == 'acknowledge' else 'resolved'}."


def queue_context(
    request: HttpRequest,
    query: dict[str, str],
    filters: QueueFilters,
    page: QueuePage,
    me: str,
) -> dict[str, Any]:
    """Everything the queue's templates show; a constant number of queries for any page."""
    currency = str(request.house.currency)  # type: ignore[attr-defined]  # tenants.middleware
    advice = newest_advice([case.pk for case in page.cases])
    names = names_of({case.assignee for case in page.cases if case.assignee})
    most = max((case.at_stake for case in page.cases), default=0)
    now = clock.now()
    return {
        "rows": [
            row_of(case, advice.get(case.pk), names, currency, now, most, me) for case in page.cases
        ],
        "currency": currency,
        "filters": _filter_bar(query, filters),
        "pager": {
            "text": f"{len(page.cases)} on this page",
            "newer_url": _address(query, after="") if query.get("after") else None,
            "newer_label": "First page",
            "older_url": _address(query, after=page.next_after) if page.next_after else None,
            "older_label": "Next page",
        },
        "empty": _empty(query),
        "counter": str(queue_count(QueueFilters())),
        "late": str(queue_count(QueueFilters(is_past_due=True))),
        "now": now,
        "poll_url": reverse("exceptions:case-count"),
        "bulk_url": f"{reverse('exceptions:case-bulk')}?{urlencode(_kept(query))}",
        "confirm": _resolve_dialog(query),
    }


def row_of(
    case: ExceptionCase,
    advice: Advice | None,
    names: dict[str, str],
    currency: str,
    now: Any,
    most: Any,
    me: str,
) -> dict[str, Any]:
    """One row of the queue."""
    owner = names.get(case.assignee, "")
    return {
        "pk": case.pk,
        "url": reverse("exceptions:case-detail", args=[case.pk]),
        "kind": KINDS.get(case.kind, case.kind),
        "level": LEVELS[case.severity],
        "name": case.item.name if case.item else case.document,
        "sku": case.item.sku if case.item else "",
        "node": case.node.code if case.node else "",
        "seen": case.seen,
        "stake": money(case.at_stake, currency),
        "stake_exact": f"{case.at_stake:.2f}",
        "bar": int(case.at_stake / most * BAR_WIDTH) if most else 0,
        "summary": case.summary,
        "units": case.units,
        "advice": _advice(advice),
        "sla": PAUSED if case.governed_by else due_chip(case.due_at, now),
        "owner": owner,
        "initials": "".join(word[0] for word in owner.split()[:2]).upper(),
        "is_mine": bool(case.assignee) and case.assignee == me,
    }


def _advice(advice: Advice | None) -> dict[str, str] | None:
    if advice is None:
        return None
    return advice_words(advice)


def _query(request: HttpRequest, me: str) -> dict[str, str]:
    """The address' query as the queue's filters take it; the search box is the sku."""
    query = {key: value for key, value in request.GET.dict().items() if value}
    if "q" in query:
        query["sku"] = query.pop("q")
    if query.get("assignee") == "me":
        query["assignee"] = me
    return query


def _filter_bar(query: dict[str, str], filters: QueueFilters) -> dict[str, Any]:
    return {
        "action": reverse("exceptions:case-list"),
        "target": "#queue-rows",
        "label": "Filter by SKU",
        "q": filters.sku,
        "tokens": [
            {
                "label": label,
                "text": _word(name, query[name]),
                "remove_url": _address({k: v for k, v in query.items() if k != name}, after=""),
            }
            for name, label in FILTER_NAMES.items()
            if name in query and name not in {"order"}
        ],
        "clear_url": reverse("exceptions:case-list"),
        "selects": [
            _select("kind", "Kind", query, {kind: KINDS.get(kind, kind) for kind in kinds()}),
            _select(
                "severity",
                "Severity",
                query,
                {one.name.lower(): str(one.label) for one in Severity},
            ),
            _select("past_due", "Due", query, {"1": "Past due"}),
            _select("assignee", "Owner", query, {"me": "Me", "none": "Nobody"}),
            _select("status", "Status", query, {"closed": "Closed", "any": "All"}, usual="Live"),
            _select("order", "Order", query, {"money": "Money at stake"}, usual="Urgency"),
        ],
        "kept": [],
        "sorted_by": "By money at stake" if filters.order == "money" else "By urgency",
    }


def _select(
    name: str, label: str, query: dict[str, str], choices: dict[str, str], usual: str = "Any"
) -> dict[str, Any]:
    chosen = query.get(name, "")
    options = [{"value": "", "label": usual, "selected": not chosen}]
    options += [
        {"value": value, "label": words, "selected": value == chosen}
        for value, words in choices.items()
    ]
    return {"name": name, "label": label, "options": options}


def _word(name: str, value: str) -> str:
    if name == "kind":
        return KINDS.get(value, value)
    if name == "past_due":
        return "past due"
    if name == "assignee":
        return "nobody" if value == "none" else names_of({value}).get(value, "me")
    return value


def _empty(query: dict[str, str]) -> dict[str, Any]:
    if _kept(query):
        return {
            "icon": "search",
            "title": "No exception matches",
            "text": "Other filters may show more.",
            "action": {"url": reverse("exceptions:case-list"), "label": "Clear the filters"},
        }
    return {
        "icon": "check",
        "title": "Nothing needs you",
        "text": "Every risk found is dealt with. New ones appear here by themselves.",
    }


def _resolve_dialog(query: dict[str, str]) -> dict[str, Any]:
    return {
        "id": "resolve",
        "title": "Resolve the selected exceptions",
        "verb": "Resolve",
        "action_url": f"{reverse('exceptions:case-bulk')}?{urlencode(_kept(query))}",
        "text": "The risk may open again when the place changes.",
        "target": "#queue-rows",
        "include": "#queue-rows",
        "kept": [{"name": "act", "value": "resolve"}],
        "fields": [{"name": "reason", "label": "Reason", "value": "", "required": True}],
    }


def _kept(query: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in query.items() if key != "after"}


def _address(query: dict[str, str], *, after: str) -> str:
    parts = _kept(query) | ({"after": after} if after else {})
    address = reverse("exceptions:case-list")
    return f"{address}?{urlencode(parts)}" if parts else address
