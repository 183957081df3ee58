"""One timeline per business object: what every system and every person did about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q

from exceptions.detectors import document_kinds
from exceptions.models import ExceptionCase
from inventory_control.audit.selectors import timeline_of
from inventory_control.catalog.models import Item
from inventory_control.core.errors import Refused
from inventory_control.events.models import InventoryEvent
from inventory_control.events.selectors import event_page, events_about, latest_events_of
from inventory_control.notifications.selectors import history_of, requests_of_order
from inventory_control.notifications.values import NOTIFY_CUSTOMER
from inventory_control.orders.models import PurchaseOrder, TransferOrder
from inventory_control.orders.selectors import purchase_order, transfer
from inventory_control.outbox.selectors import commands_about
from inventory_control.stock.selectors import (
    claims_of_keys,
    counts_of_events,
    holds_since,
    lines_of_events,
)
from inventory_control.timelines.errors import UnknownObjectError
from inventory_control.timelines.selectors.event import claim_key
from inventory_control.timelines.selectors.telling import (
    moment_of_claim,
    moment_of_entry,
    moment_of_event,
    moment_of_line,
    moment_of_message,
    moments_of_command,
)
from inventory_control.timelines.values import (
    ITEM,
    OBJECT_KINDS,
    ORDER,
    PURCHASE_ORDER,
    TRANSFER,
    Moment,
    Timeline,
)
from workflows.models import Approval, WorkflowRun

MOST_EVENTS = 500
MOST_CASES = 100
MOST_RUNS = 300
MOST_ENTRIES = 500
MOST_MESSAGES = 100
SUBJECTS = {
    ORDER: "order",
    PURCHASE_ORDER: "purchaseorder",
    TRANSFER: "transferorder",
    ITEM: "item",
}
Document = PurchaseOrder | TransferOrder | Item
_CAUSE_FIRST = ("event", "ledger", "count", "claim", "audit", "message", "command", "answer")
"""Of what is true at one moment, the cause before its effects."""


def timeline_of_object(kind: str, pk: str) -> Timeline:
    """What happened to an order, purchase order, transfer, return, count or item, in true order.

    Events with their corrections, the ledger lines and claims they made, the exceptions they
    led to with runs and approvals, holds on the claims, what was sent out and what was answered,
    what its customer was told. A constant number of queries, however long it is: the latest events are told. Raises `UnknownObjectError`.
    """
    if kind not in OBJECT_KINDS:
        raise Refused(f"{kind[:40]} has no timeline; {', '.join(OBJECT_KINDS)} have.", field="kind")
    document = _document(kind, pk)
    events = _events(kind, pk, document)
    if not events and document is None:
        raise UnknownObjectError(f"Nothing was ever told of {kind.replace('_', ' ')} {pk}.")
    event_ids = [event.pk for event in events]
    cases = _cases(kind, pk, events, document)
    runs = _runs(pk, cases, document)
    approvals = list(Approval.objects.filter(run_id__in=[run.pk for run in runs]))
    counts = counts_of_events(event_ids)
    claims = claims_of_keys(filter(None, map(claim_key, events)))
    moments = [
        *map(moment_of_event, events),
        *map(moment_of_line, lines_of_events(event_ids)),
        *map(moment_of_claim, claims),
        *_commands(kind, pk),
        *_messages(kind, pk),
        *_entries(kind, document, cases, runs, approvals, counts, _holds(events, claims)),
    ]
    return Timeline(
        kind=kind,
        id=pk,
        moments=tuple(sorted(moments, key=_order)),
        is_cut=len(events) >= MOST_EVENTS,
    )


def _order(moment: Moment) -> tuple[Any, ...]:
    rank = _CAUSE_FIRST.index(moment.kind) if moment.kind in _CAUSE_FIRST else len(_CAUSE_FIRST)
    return moment.at, moment.learnt_at, rank, moment.subject[0], moment.subject[1].zfill(20)


def _events(kind: str, pk: str, document: Document | None) -> list[InventoryEvent]:
    if isinstance(document, Item):
        return latest_events_of(document.pk, MOST_EVENTS)
    events = events_about("order" if kind == ORDER else "document", pk, MOST_EVENTS)
    if not events and kind == "count" and pk.isdigit() and len(pk) < 19:
        return [event_page(int(pk))]
    return events


def _document(kind: str, pk: str) -> Document | None:
    if kind == PURCHASE_ORDER:
        return purchase_order(pk)
    if kind == ITEM:
        return Item.objects.filter(sku=pk).first()
    return transfer(pk) if kind == TRANSFER else None


def _cases(
    kind: str, pk: str, events: Sequence[InventoryEvent], document: Document | None
) -> list[ExceptionCase]:
    """Cases about the object: of its document, caused by its events, or naming its claims."""
    cases = ExceptionCase.objects.all()
    if isinstance(document, Item):
        return list(cases.filter(item=document).order_by("-pk")[:MOST_CASES])
    if kind != ORDER:
        cases = cases.filter(
            Q(key__in=[f"{one}:{pk}" for one in document_kinds(with_reports=True)])
            | _at_places(events)
        )
    else:
        cases = cases.filter(_at_places(events))
    causes = {event.correlation_id for event in events}
    claims = {claim_key(event) for event in events} - {""}
    return [
        case
        for case in cases.order_by("-pk")[:MOST_CASES]
        if case.document == pk or case.correlation_id in causes or _names(case, claims)
    ]


def _at_places(events: Sequence[InventoryEvent]) -> Q:
    """Cases at the places of the events that were opened once the first of them was known."""
    placed = [event for event in events if event.item_id and event.node_id]
    if not placed:
        return Q(pk__in=[])
    return Q(
        item_id__in={event.item_id for event in placed},
        node_id__in={event.node_id for event in placed},
        opened_at__gte=min(event.recorded_at for event in placed),
    )


def _names(case: ExceptionCase, claims: Iterable[str]) -> bool:
    named = {one.get("claim") for one in case.evidence.get("claims", ()) if isinstance(one, dict)}
    return not named.isdisjoint(claims)


def _runs(pk: str, cases: Sequence[ExceptionCase], document: Document | None) -> list[WorkflowRun]:
    """Runs of the cases, the run that placed the document, and what was asked for an item."""
    about = Q(case_id__in=[case.pk for case in cases]) | Q(document=pk)
    if isinstance(document, Item):
        about |= Q(request__item=document)
    return list(WorkflowRun.objects.filter(about).order_by("-pk")[:MOST_RUNS])


def _holds(events: Sequence[InventoryEvent], claims: Sequence[Any]) -> list[Any]:
    """Holds that lay on the place of a claim while there was something to promise or to ship."""
    if not claims:
        return []
    since = min(event.recorded_at for event in events)
    last: dict[tuple[int, int], Any] = {}
    for claim in sorted(claims, key=lambda one: (one.open > 0, one.changed_at)):
        last[claim.item_id, claim.node_id] = claim
    return [
        hold
        for hold in holds_since(last, since)
        if (claim := last[hold.item_id, hold.node_id]).open > 0
        or hold.placed_at <= claim.changed_at
    ]


def _commands(kind: str, pk: str) -> list[Moment]:
    if kind not in SUBJECTS:
        return []
    return [
        moment
        for command in commands_about((SUBJECTS[kind], pk))
        if command.kind != NOTIFY_CUSTOMER
        for moment in moments_of_command(command)
    ]


def _messages(kind: str, pk: str) -> list[Moment]:
    """What the customer of an order was told and was not; the log tells more than the command."""
    if kind != ORDER:
        return []
    requests = {str(one.pk): one for one in requests_of_order(pk, limit=MOST_MESSAGES)}
    entries = history_of(requests.values(), limit=MOST_ENTRIES)
    return [moment_of_message(entry, requests[entry.subject_id]) for entry in entries]


def _entries(
    kind: str,
    document: Document | None,
    cases: Sequence[ExceptionCase],
    runs: Sequence[WorkflowRun],
    approvals: Sequence[Approval],
    counts: Sequence[Any],
    holds: Sequence[Any],
) -> list[Moment]:
    """What the audit log tells of the document and of everything that was decided about it."""
    subjects = [("exceptioncase", str(case.pk)) for case in cases]
    subjects += [
        ("exceptioncase", str(run.case_id))
        for run in runs
        if run.case_id not in {case.pk for case in cases}
    ]
    subjects += [("workflowrun", str(run.pk)) for run in runs]
    subjects += [("request", str(run.request_id)) for run in runs if run.request_id is not None]
    subjects += [("approval", str(approval.pk)) for approval in approvals]
    subjects += [("count", str(count.event_id)) for count in counts]
    subjects += [("hold", str(hold.pk)) for hold in holds]
    if document is not None:
        name = document.sku if isinstance(document, Item) else str(document.pk)
        subjects.append((SUBJECTS[kind], name))
    if not subjects:
        return []
    return [moment_of_entry(entry) for entry in timeline_of(*subjects, limit=MOST_ENTRIES)]
