"""Expecting: which documents of the ERP facts and counts ask for, before any is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from inventory_control.catalog.models import Node
from inventory_control.core import clock
from inventory_control.events.models import InventoryEvent
from inventory_control.orders.models import FinancialDocument
from inventory_control.orders.rules import hold_of
from inventory_control.orders.selectors import ordered_items, transfer_origins
from inventory_control.orders.states import BookingStatus
from inventory_control.orders.values import BookedFact
from inventory_control.stock.rules import FINANCIALS
from inventory_control.stock.selectors import adjustments_of
from inventory_control.stock.states import Form


def expected_of_moves(facts: Sequence[BookedFact]) -> list[FinancialDocument]:
    """The documents some facts expect, not yet saved; a correction follows what it corrects."""
    if not facts:
        return []
    ordered = ordered_items((fact.document, fact.item_id) for fact in facts if fact.document)
    origins = transfer_origins(
        fact.document for fact in facts if fact.move == "transfer.received" and fact.document
    )
    entities = dict(Node.objects.values_list("pk", "legal_entity"))
    known = {
        one.event_id: one
        for one in FinancialDocument.objects.filter(
            event_id__in=[fact.corrects for fact in facts if fact.corrects], part=0
        )
    }
    drafts = []
    for fact in facts:
        origin_id = origins.get(fact.document)
        other_id = origin_id if fact.move == "transfer.received" else fact.other_node_id
        draft = _draft(fact, entities[fact.node_id], entities.get(other_id or 0, ""))
        if draft is None:
            continue
        draft.held_for = hold_of(
            fact, is_ordered=(fact.document, fact.item_id) in ordered, origin_id=origin_id
        )
        _follow_original(draft, known.get(fact.corrects or 0))
        known[fact.event_id] = draft
        drafts.append(draft)
    return drafts


def _draft(fact: BookedFact, own: str, other: str) -> FinancialDocument | None:
    """The document of one fact, or None when it expects none.

    A transfer that was returned is booked by the entity that had sold it.
    """
    financial = FINANCIALS[fact.move]
    crosses = bool(fact.other_node_id or fact.move == "transfer.received") and differ(own, other)
    form = financial.form_for(crosses_entities=crosses)
    if form == Form.NONE:
        return None
    if fact.move == "transfer.returned":
        own, other = other, own
    return FinancialDocument(
        event_id=fact.event_id,
        form=form,
        move=fact.move,
        item_id=fact.item_id,
        node_id=fact.node_id,
        quantity=financial.sign * fact.quantity,
        entity=own,
        counterparty=other if crosses else "",
        document=fact.document,
        reason=fact.reason[:300],
        occurred_at=fact.occurred_at,
    )


def differ(own: str, other: str) -> bool:
    """Whether two legal entities are named and are not the same."""
    return bool(own and other) and own != other


def _follow_original(draft: FinancialDocument, original: FinancialDocument | None) -> None:
    """A correction is told, held or waived as the document it corrects was."""
    if original is None:
        return
    draft.reverses = original
    draft.held_for = original.held_for
    if original.status_value == BookingStatus.WAIVED:
        draft.status = BookingStatus.WAIVED


def expected_of_counts(event_ids: Sequence[int], since: datetime) -> list[FinancialDocument]:
    """What accepted counts owe the books beyond what they were told before.

    A count that waits for a person has changed nothing, so nothing is told (LED-20).
    """
    counts = adjustments_of(event_ids)
    if not counts:
        return []
    moves = dict(
        InventoryEvent.objects.filter(
            pk__in=[one.event_id for one in counts], recorded_at__gte=since
        ).values_list("pk", "type")
    )
    told: dict[int, list[int]] = {one.event_id: [] for one in counts}
    for event_id, units in FinancialDocument.objects.filter(event_id__in=list(told)).values_list(
        "event_id", "quantity"
    ):
        told[event_id].append(units)
    entities = dict(Node.objects.values_list("pk", "legal_entity"))
    return [
        FinancialDocument(
            event_id=one.event_id,
            part=len(told[one.event_id]),
            form=FINANCIALS[moves[one.event_id]].form,
            move=moves[one.event_id],
            item_id=one.item_id,
            node_id=one.node_id,
            quantity=one.adjusted - sum(told[one.event_id]),
            entity=entities[one.node_id],
            reason=one.settled_reason[:300],
            occurred_at=one.occurred_at,
            booked_at=clock.now() if one.settled_by else None,
        )
        for one in counts
        if one.event_id in moves and one.adjusted != sum(told[one.event_id])
    ]
