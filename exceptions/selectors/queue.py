"""The exception queue: filtered, paged by key, one query a page however deep it lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Subquery, Sum
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

from exceptions import permissions
from exceptions.errors import UnknownCaseError
from exceptions.models import ExceptionCase
from exceptions.rules import kept_money
from exceptions.states import CASE_FLOW, LIVE, Status
from exceptions.values import CappedCount, Counters, QueueFilters
from inventory_control.catalog.models import Node
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused

COUNT_CAP = 999
"""Beyond it a queue is just long; counting on would read the whole table."""
_SEPARATOR = "~"


@dataclass(frozen=True, slots=True)
class _Order:
    """A way of sorting: its fields, all in one direction, so that one row comparison pages it."""

    fields: tuple[str, ...]
    is_descending: bool

    def sort(self, cases: QuerySet[ExceptionCase]) -> QuerySet[ExceptionCase]:
        sign = "-" if self.is_descending else ""
        return cases.order_by(*(f"{sign}{field}" for field in self.fields))

    def beyond(self, cases: QuerySet[ExceptionCase], after: str) -> QuerySet[ExceptionCase]:
        """Only the rows behind a place in the order; the database compares whole rows."""
        comparison = TupleLessThan if self.is_descending else TupleGreaterThan
        columns = Tuple(*(F(field) for field in self.fields))
        return cases.filter(comparison(columns, self._values(after)))

    def place_of(self, case: ExceptionCase) -> str:
        """Where a case lies in the order, as `after` takes it."""
        return _SEPARATOR.join(_text(getattr(case, field)) for field in self.fields)

    def _values(self, after: str) -> tuple[Any, ...]:
        texts = after.split(_SEPARATOR)
        try:
            return tuple(
                _READERS[field](text) for field, text in zip(self.fields, texts, strict=True)
            )
        except (ValueError, InvalidOperation):
            raise Refused(
                "after must be taken from the `next` of the page before, in the same order.",
                field="after",
            ) from None


_ORDERS = {
    "urgency": _Order(("severity", "due_at", "id"), is_descending=False),
    "money": _Order(("at_stake", "id"), is_descending=True),
    "closed": _Order(("closed_at", "id"), is_descending=True),
    "latest": _Order(("id",), is_descending=True),
}
_READERS: Mapping[str, Callable[[str], Any]] = {
    "severity": int,
    "id": int,
    "due_at": lambda text: _moment(text),
    "closed_at": lambda text: _moment(text),
    "at_stake": lambda text: _money(text),
}


@dataclass(frozen=True, slots=True)
class QueuePage:
    """One page of cases; `next_after` fetches the page behind it and is empty on the last."""

    cases: list[ExceptionCase]
    next_after: str


def exception_queue(filters: QueueFilters, after: str = "", limit: int = 50) -> QueuePage:
    """A page of the queue, worst and most urgent first unless the filters say otherwise.

    One query. Paging compares the whole sort key with the last row shown, so no row is shown
    twice or left out however many tie, and a partial index on live cases answers it from any
    depth. The page is cut before items and nodes are joined to it: within the last rank the
    planner expects almost no rows, would join first, and read the rest of the queue. Raises
    `Refused` when `after` was not made by this function.
    """
    order = _ORDERS[filters.order]
    matching = order.sort(_matching(filters))
    if after:
        matching = order.beyond(matching, after)
    page = ExceptionCase.objects.filter(pk__in=matching.values("pk")[: limit + 1])
    found = list(order.sort(page).select_related("item", "node"))
    shown = found[:limit]
    return QueuePage(shown, order.place_of(shown[-1]) if len(found) > limit else "")


def queue_count(filters: QueueFilters) -> CappedCount:
    """How many cases match, counted no further than `COUNT_CAP`."""
    found = _matching(filters).order_by().values("pk")[: COUNT_CAP + 1].count()
    return CappedCount(min(found, COUNT_CAP), is_capped=found > COUNT_CAP)


def open_count() -> int | str:
    """The number beside the queue in the navigation; capped, then with a plus sign."""
    count = queue_count(QueueFilters())
    return str(count) if count.is_capped else count.value


def counters() -> Counters:
    """The exact figures of the live cases, for the partner's counters; one pass of an index."""
    figures = ExceptionCase.objects.filter(status__in=LIVE).aggregate(
        open=Count("pk"),
        past_due=Count("pk", filter=Q(due_at__lt=clock.now())),
        at_stake=Sum("at_stake"),
    )
    return Counters(
        open=figures["open"],
        past_due=figures["past_due"],
        at_stake=kept_money(figures["at_stake"] or Decimal(0)),
    )


def case_page(pk: int) -> ExceptionCase:
    """One case with its item, supplier, node and notes; raises `UnknownCaseError`. Two queries."""
    case = (
        ExceptionCase.objects.select_related("item__supplier", "node")
        .prefetch_related("notes")
        .filter(pk=pk)
        .first()
    )
    if case is None:
        raise UnknownCaseError(f"There is no exception {pk}.")
    return case


def cases_of(item_id: int, limit: int = 50) -> list[ExceptionCase]:
    """The cases of an item, live ones first and then the latest, for its page."""
    cases = ExceptionCase.objects.filter(item_id=item_id).select_related("item", "node")
    live = list(cases.filter(status__in=LIVE).order_by("severity", "due_at", "id")[:limit])
    closed = cases.exclude(status__in=LIVE).order_by("-id")[: limit - len(live)]
    return [*live, *closed]


def moves_of(case: ExceptionCase, by: Actor) -> frozenset[str]:
    """What this actor may do with a case now, for pages to offer: the flow and the permissions."""
    if not by.may(permissions.HANDLE):
        return frozenset()
    reached = CASE_FLOW.moves_from(case.status_value)
    names = {
        Status.ACKNOWLEDGED: "acknowledge",
        Status.RESOLVED: "resolve",
        Status.DISMISSED: "dismiss",
        Status.OPEN: "reopen",
    }
    moves = {name for status, name in names.items() if status in reached}
    return frozenset(moves | {"note"} | ({"assign"} if case.status in LIVE else set()))


def _matching(filters: QueueFilters) -> QuerySet[ExceptionCase]:
    cases: QuerySet[ExceptionCase] = ExceptionCase.objects.filter(*_status(filters.status))
    if filters.kind:
        cases = cases.filter(kind=filters.kind)
    if filters.severity is not None:
        cases = cases.filter(severity=filters.severity)
    if filters.node:
        node = Node.objects.filter(code=filters.node).values("pk")
        cases = cases.filter(node_id=Subquery(node))
    if filters.assignee:
        cases = cases.filter(assignee="" if filters.assignee == "none" else filters.assignee)
    if filters.is_past_due:
        cases = cases.filter(due_at__lt=clock.now(), status__in=LIVE)
    if filters.sku:
        cases = cases.filter(item__sku__icontains=filters.sku)
    if filters.key:
        cases = cases.filter(key=filters.key)
    return cases


def _status(status: str) -> tuple[Q, ...]:
    if status == "any":
        return ()
    if status == "live":
        return (Q(status__in=LIVE),)
    if status == "closed":
        return (Q(status__in=(Status.RESOLVED, Status.DISMISSED)),)
    live = (Q(status__in=LIVE),) if status in LIVE else ()
    return (*live, Q(status=status))


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment needs its offset")
    return moment


def _money(text: str) -> Decimal:
    money = Decimal(text)
    if not money.is_finite():
        raise ValueError("money is finite")
    return money
