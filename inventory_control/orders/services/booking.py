"""Booking: what the ledger did becomes documents of the ERP, each told once, after the decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from inventory_control.audit.services import advance, advance_all, record_all
from inventory_control.catalog.models import Item, Node
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Conflict, IllegalMove, Refused
from inventory_control.core.permissions import require
from inventory_control.core.tenancy import current_tenant
from inventory_control.events.selectors import ERP as CONSUMER
from inventory_control.events.services import work_through
from inventory_control.orders import permissions
from inventory_control.orders.models import FinancialDocument
from inventory_control.orders.selectors import (
    booked_facts,
    ordered_items,
    transfer_origins,
)
from inventory_control.orders.services.expecting import (
    differ,
    expected_of_counts,
    expected_of_moves,
)
from inventory_control.orders.services.placing import CENT, ERP, next_ids
from inventory_control.orders.states import BookingStatus, HeldFor
from inventory_control.outbox.services import queue_commands
from inventory_control.outbox.values import CommandDraft
from inventory_control.policies.selectors import current_policy
from inventory_control.stock.rules import FINANCIALS
from inventory_control.stock.services import mark_again

BOOK = "erp.document"
_GO_LIVE = "detection"
"""The policy that says since when the tenant is live: what happened before is in the ERP's books."""
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
_NAMED = """
    SELECT DISTINCT coalesce(o.details, e.details) ->> 'document'
      FROM events_inventoryevent e
      LEFT JOIN events_inventoryevent o ON o.id = e.corrects
     WHERE e.id = ANY(%s)
"""


def book_events(*, by: Actor) -> int:
    """Tell the ERP of every event it does not know of yet; returns the events dealt with.

    A fact makes one document however often it was delivered: an event is posted once, and its
    document is unique. Goods nobody decided on are noted, and told after the decision.
    """
    return work_through(CONSUMER, lambda event_ids: _book(event_ids, by))


@transaction.atomic
def decide_document(*, number: str, is_accepted: bool, reason: str, by: Actor) -> FinancialDocument:
    """Decide on goods that wait for a person: accept and book them, or book nothing.

    The document is dated with the decision. Raises `IllegalMove` when nothing waits any more.
    """
    require(by, permissions.PLACE)
    if not reason.strip():
        raise Refused("Say why.", field="reason")
    _hold_booking()
    document = FinancialDocument.objects.select_for_update().filter(number=number).first()
    if document is None:
        raise Conflict(f"There is no ERP document {number}.", field="number")
    if document.status_value != BookingStatus.PENDING:
        raise IllegalMove(f"{number} is {document.status_value}: nothing waits for a decision.")
    same = [document, *_corrections_waiting(document)]
    words = {"decided_by": by.id, "decided_reason": reason.strip()[:300]}
    if is_accepted:
        _release(same, by, words)
    else:
        each = {one.pk: words for one in same}
        advance_all(same, BookingStatus.WAIVED, by=by, verb="erp_document.waived", each=each)
    mark_again([(document.item_id, document.node_id)])
    return FinancialDocument.objects.get(pk=document.pk)


@transaction.atomic
def acknowledge_documents(answers: Mapping[str, Mapping[str, Any]], *, by: Actor) -> None:
    """Note which documents the ERP took, by number, and what it calls them."""
    require(by, permissions.PLACE)
    if not answers:
        return
    taken = list(
        FinancialDocument.objects.filter(
            number__in=list(answers), status__in=[BookingStatus.QUEUED, BookingStatus.REFUSED]
        ).order_by("pk")
    )
    advance_all(
        taken,
        BookingStatus.ACKNOWLEDGED,
        by=by,
        verb="erp_document.acknowledged",
        each={
            one.pk: {"external_id": str(answers[one.number].get("id", ""))[:80]} for one in taken
        },
        error="",
    )


def refuse_document(number: str, *, error: str, by: Actor) -> None:
    """Note that the ERP will not take a document as it is; its command may be sent again."""
    require(by, permissions.PLACE)
    told = FinancialDocument.objects.filter(number=number, status=BookingStatus.QUEUED).first()
    if told is not None:
        advance(
            told,
            BookingStatus.REFUSED,
            by=by,
            verb="erp_document.refused",
            error=error[:300],
        )


def _book(event_ids: Sequence[int], by: Actor) -> None:
    _hold_booking()
    since = _live_from()
    drafts = [
        *expected_of_moves(booked_facts(event_ids, since=since)),
        *expected_of_counts(event_ids, since),
    ]
    _write(drafts, by)
    _look_again(_documents_named(event_ids), by)


def _hold_booking() -> None:
    """Let nobody else book for this tenant until the transaction ends.

    A decision and an event about the same goods would each see the other's half.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{current_tenant().schema_name}.erp"],
        )


def _live_from() -> datetime:
    live_from = str(current_policy(_GO_LIVE).value.get("live_from") or "")
    return datetime.fromisoformat(live_from) if live_from else _ALWAYS


def _write(drafts: Sequence[FinancialDocument], by: Actor) -> None:
    """Save what is new; tell the ERP of what needs no decision."""
    known = set(
        FinancialDocument.objects.filter(
            event_id__in=[draft.event_id for draft in drafts]
        ).values_list("event_id", "part")
    )
    fresh = [draft for draft in drafts if (draft.event_id, draft.part) not in known]
    if not fresh:
        return
    costs = dict(
        Item.objects.filter(pk__in={one.item_id for one in fresh}).values_list("pk", "unit_cost")
    )
    for pk, one in zip(next_ids("orders_financialdocument_id_seq", len(fresh)), fresh, strict=True):
        one.pk, one.number = pk, f"FD-{pk:06d}"
        one.value = (one.quantity * Decimal(costs[one.item_id])).quantize(CENT)
        if one.status_value == BookingStatus.PENDING and not one.held_for:
            one.status = BookingStatus.QUEUED
            one.booked_at = one.booked_at or one.occurred_at
    FinancialDocument.objects.bulk_create(fresh)
    record_all(
        "erp_document.expected",
        kind="financialdocument",
        subjects={
            str(one.pk): {
                "number": one.number,
                "form": one.form,
                "event": str(one.event_id),
                "quantity": one.quantity,
                "value": one.value,
                "held_for": str(one.held_for),
                "status": one.status_value,
            }
            for one in fresh
        },
        by=by,
    )
    _tell([one for one in fresh if one.status_value == BookingStatus.QUEUED], by)
    mark_again((one.item_id, one.node_id) for one in fresh if one.held_for)


def _look_again(documents: Sequence[str], by: Actor) -> None:
    """Release what waited for an order, or for the other end of a transfer, that is now known."""
    waiting = list(
        FinancialDocument.objects.select_for_update()
        .filter(status=BookingStatus.PENDING, document__in=documents)
        .order_by("pk")
    )
    if not waiting:
        return
    ordered = ordered_items((one.document, one.item_id) for one in waiting)
    origins = transfer_origins(one.document for one in waiting)
    entities = dict(Node.objects.values_list("pk", "legal_entity"))
    ready = []
    for one in waiting:
        origin_id = origins.get(one.document)
        if one.held_for == HeldFor.ORIGIN and origin_id is not None:
            other = entities[origin_id]
            crosses = differ(one.entity, other)
            one.form = FINANCIALS[one.move].form_for(crosses_entities=crosses)
            one.counterparty = other if crosses else ""
            ready.append(one)
        elif one.held_for == HeldFor.UNORDERED and (one.document, one.item_id) in ordered:
            ready.append(one)
    FinancialDocument.objects.bulk_update(ready, ["form", "counterparty"])
    _release(ready, by, {})
    mark_again((one.item_id, one.node_id) for one in ready)


def _release(documents: Sequence[FinancialDocument], by: Actor, words: Mapping[str, str]) -> None:
    """Tell the ERP of what was decided on, under the date of the decision; `words` are a person's."""
    told = advance_all(
        documents,
        BookingStatus.QUEUED,
        by=by,
        verb="erp_document.released",
        each={one.pk: words for one in documents} if words else None,
        booked_at=clock.now(),
        held_for=HeldFor.NOTHING.value,
    )
    _tell(told, by)


def _corrections_waiting(document: FinancialDocument) -> list[FinancialDocument]:
    return list(
        FinancialDocument.objects.select_for_update()
        .filter(reverses=document, status=BookingStatus.PENDING)
        .order_by("pk")
    )


def _tell(documents: Sequence[FinancialDocument], by: Actor) -> None:
    """Queue one instruction per document, in its own words."""
    if not documents:
        return
    skus = dict(
        Item.objects.filter(pk__in={one.item_id for one in documents}).values_list("pk", "sku")
    )
    codes = dict(Node.objects.values_list("pk", "code"))
    originals = dict(
        FinancialDocument.objects.filter(
            pk__in={one.reverses_id for one in documents if one.reverses_id}
        ).values_list("pk", "number")
    )
    queue_commands(
        [
            CommandDraft(
                kind=BOOK,
                target=ERP,
                idempotency_key=one.number,
                payload=_payload(one, skus[one.item_id], codes[one.node_id], originals),
                subject=("financialdocument", one.number),
            )
            for one in documents
        ],
        by=by,
    )


def _payload(
    one: FinancialDocument, sku: str, node: str, originals: Mapping[int, str]
) -> dict[str, Any]:
    return {
        "number": one.number,
        "form": str(one.form),
        "document": one.document,
        "sku": sku,
        "node": node,
        "quantity": one.quantity,
        "value": str(one.value),
        "entity": one.entity,
        "counterparty": one.counterparty,
        "reason": one.reason,
        "reverses": originals.get(one.reverses_id or 0),
        "occurred_at": one.occurred_at.isoformat(),
        "booked_at": (one.booked_at or one.occurred_at).isoformat(),
    }


def _documents_named(event_ids: Iterable[int]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_NAMED, [list(event_ids)])
        return sorted(document for (document,) in cursor.fetchall() if document)
