"""Following: orders become what the events about them say, whatever order those came in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import DatabaseError, connection, transaction

from inventory_control.audit.services import advance_all, record_all
from inventory_control.catalog.models import Node, Supplier
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import DomainError
from inventory_control.core.telemetry import log
from inventory_control.events.models import EventWork
from inventory_control.events.selectors import document_history
from inventory_control.events.values import DocumentFact
from inventory_control.orders.models import PurchaseOrder, PurchaseOrderLine, TransferOrder
from inventory_control.orders.rules import (
    PurchaseStory,
    TransferStory,
    is_complete,
    purchase_story,
    transfer_story,
)
from inventory_control.orders.selectors import CONSUMER, LAST_ATTEMPT
from inventory_control.orders.states import PurchaseOrderStatus, TransferStatus

BATCH = 1_000
TRANSFER_TYPES = frozenset(
    {"transfer.created", "transfer.shipped", "transfer.received", "transfer.cancelled"}
)
_logger = log(__name__)
_CLAIM = """
    UPDATE events_eventwork SET attempts = attempts + 1
     WHERE id IN (
               SELECT id FROM events_eventwork
                WHERE consumer = %s AND attempts < %s AND id > %s
                ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
           )
    RETURNING id
"""
_DOCUMENTS = """
    SELECT DISTINCT coalesce(o.details, e.details) ->> 'document'
      FROM events_eventwork w
      JOIN events_inventoryevent e ON e.id = w.event_id
      LEFT JOIN events_inventoryevent o ON o.id = e.corrects
     WHERE w.id = ANY(%s)
"""
_RECEIVE = """
    UPDATE orders_purchaseorderline l SET received = told.received
      FROM unnest(%s::bigint[], %s::bigint[]) AS told (id, received)
     WHERE l.id = told.id AND l.received <> told.received
"""


def follow_events(*, by: Actor) -> int:
    """Bring every document up to date that an unfollowed event names; returns the events followed.

    The attempt is counted before the try, in a transaction of its own; a batch that fails is
    tried again event by event, so that one bad document stops no other.
    """
    done, last = 0, 0
    while claimed := _claim(last):
        last = claimed[-1]
        try:
            _follow(claimed, by)
            done += len(claimed)
        except (DomainError, DatabaseError):
            done += sum(_follow_alone(one, by) for one in claimed)
    return done


@transaction.atomic
def _claim(last: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [CONSUMER, LAST_ATTEMPT, last, BATCH])
        return sorted(pk for (pk,) in cursor.fetchall())


def _follow_alone(work_id: int, by: Actor) -> int:
    try:
        _follow([work_id], by)
    except (DomainError, DatabaseError) as error:
        EventWork.objects.filter(pk=work_id).update(error=str(error)[:500])
        _logger.warning("order.not_followed", work=work_id, error=str(error))
        return 0
    return 1


@transaction.atomic
def _follow(work_ids: Sequence[int], by: Actor) -> None:
    """Fold the whole history of each document named, and write what it comes to."""
    with connection.cursor() as cursor:
        cursor.execute(_DOCUMENTS, [list(work_ids)])
        documents = sorted(document for (document,) in cursor.fetchall() if document)
    history = document_history(documents)
    purchases = {
        document: purchase_story(facts)
        for document, facts in history.items()
        if not _is_transfer(facts)
    }
    moved = {
        document: transfer_story(facts)
        for document, facts in history.items()
        if _is_transfer(facts)
    }
    changed = _write_purchases(purchases, by) + _write_transfers(moved, by)
    EventWork.objects.filter(pk__in=work_ids).delete()
    if changed:
        ring("workflows")
        ring("detect")


def _is_transfer(facts: Sequence[DocumentFact]) -> bool:
    return any(fact.type in TRANSFER_TYPES for fact in facts)


def _write_purchases(stories: Mapping[str, PurchaseStory], by: Actor) -> int:
    """Create outside orders, update lines and dates, then move the states; returns the orders."""
    if not stories:
        return 0
    _create_outside_orders(stories, by)
    orders = list(
        PurchaseOrder.objects.select_for_update()
        .filter(number__in=list(stories))
        .order_by("pk")
        .prefetch_related("lines")
    )
    updates: list[tuple[int, int]] = []
    moves: dict[str, list[PurchaseOrder]] = defaultdict(list)
    for order in orders:
        story = stories[order.number]
        lines = list(order.lines.all())
        updates += [(line.pk, story.received.get(line.item_id, 0)) for line in lines]
        order.expected_at = story.expected_at or order.expected_at
        order.promised_at = order.promised_at or story.first_due_at
        order.asn = story.asn or order.asn
        order.received_at = story.received_at or order.received_at
        to = _purchase_status(order, story, {line.item_id: line.quantity for line in lines})
        if to != order.status_value:
            moves[to].append(order)
    with connection.cursor() as cursor:
        cursor.execute(_RECEIVE, [[pk for pk, _ in updates], [units for _, units in updates]])
    PurchaseOrder.objects.bulk_update(orders, ["expected_at", "promised_at", "asn", "received_at"])
    for to, group in moves.items():
        advance_all(group, to, by=by, verb=f"purchase_order.{to}")
    return len(orders)


def _purchase_status(order: PurchaseOrder, story: PurchaseStory, ordered: Mapping[int, int]) -> str:
    if is_complete(ordered, story.received):
        wanted = PurchaseOrderStatus.RECEIVED
    elif story.is_cancelled:
        wanted = PurchaseOrderStatus.CANCELLED
    elif any(units > 0 for units in story.received.values()):
        wanted = PurchaseOrderStatus.PART_RECEIVED
    elif story.is_confirmed:
        wanted = PurchaseOrderStatus.CONFIRMED
    else:
        return order.status_value
    is_lawful = wanted in order.flow.moves_from(order.status_value)
    return str(wanted) if is_lawful else order.status_value


def _create_outside_orders(stories: Mapping[str, PurchaseStory], by: Actor) -> None:
    """Orders another system announced; one whose announcement has not come yet must wait."""
    known = set(
        PurchaseOrder.objects.filter(number__in=list(stories)).values_list("number", flat=True)
    )
    fresh = {
        number: story
        for number, story in stories.items()
        if number not in known and story.ordered and story.node_id and story.created_at
    }
    if not fresh:
        return
    suppliers = {
        supplier.code: supplier
        for supplier in Supplier.objects.filter(
            code__in={story.supplier for story in fresh.values() if story.supplier}
        )
    }
    orders = [
        PurchaseOrder(
            number=number,
            supplier=suppliers.get(story.supplier or ""),
            node_id=story.node_id or 0,
            ordered_at=story.created_at or clock.now(),
            promised_at=story.first_due_at,
            expected_at=story.expected_at,
            is_ours=False,
            status=PurchaseOrderStatus.SENT,
        )
        for number, story in fresh.items()
    ]
    PurchaseOrder.objects.bulk_create(orders)
    PurchaseOrderLine.objects.bulk_create(
        PurchaseOrderLine(order=order, item_id=item_id, quantity=units)
        for order in orders
        for item_id, units in fresh[order.number].ordered.items()
    )
    record_all(
        "purchase_order.announced",
        kind="purchaseorder",
        subjects={
            str(order.pk): {"number": order.number, "lines": len(fresh[order.number].ordered)}
            for order in orders
        },
        by=by,
    )


def _write_transfers(stories: Mapping[str, TransferStory], by: Actor) -> int:
    if not stories:
        return 0
    _create_outside_transfers(stories, by)
    transfers = list(
        TransferOrder.objects.select_for_update().filter(number__in=list(stories)).order_by("pk")
    )
    moves: dict[str, list[TransferOrder]] = defaultdict(list)
    for one in transfers:
        story = stories[one.number]
        one.shipped, one.received = story.shipped, story.received
        one.expected_at = story.expected_at or one.expected_at
        one.received_at = story.received_at or one.received_at
        to = _transfer_status(one, story)
        if to != one.status_value:
            moves[to].append(one)
    TransferOrder.objects.bulk_update(
        transfers, ["shipped", "received", "expected_at", "received_at"]
    )
    for to, group in moves.items():
        advance_all(group, to, by=by, verb=f"transfer.{to}")
    return len(transfers)


def _transfer_status(one: TransferOrder, story: TransferStory) -> str:
    if story.received >= one.quantity:
        wanted = TransferStatus.RECEIVED
    elif story.shipped or story.received:
        wanted = TransferStatus.SHIPPED
    elif story.is_cancelled:
        wanted = TransferStatus.CANCELLED
    else:
        return one.status_value
    is_lawful = wanted in one.flow.moves_from(one.status_value)
    return str(wanted) if is_lawful else one.status_value


def _create_outside_transfers(stories: Mapping[str, TransferStory], by: Actor) -> None:
    known = set(
        TransferOrder.objects.filter(number__in=list(stories)).values_list("number", flat=True)
    )
    nodes: dict[str, Any] = {
        node.code: node
        for node in Node.objects.filter(
            code__in={story.to_node for story in stories.values() if story.to_node}
        )
    }
    made = TransferOrder.objects.bulk_create(
        TransferOrder(
            number=number,
            item_id=story.item_id,
            from_node_id=story.from_node_id,
            to_node=nodes[story.to_node or ""],
            quantity=story.ordered,
            ordered_at=story.created_at or clock.now(),
            expected_at=story.expected_at,
            is_ours=False,
            status=TransferStatus.SENT,
        )
        for number, story in stories.items()
        if number not in known
        and story.ordered
        and story.item_id is not None
        and story.from_node_id is not None
        and story.to_node in nodes
    )
    record_all(
        "transfer.announced",
        kind="transferorder",
        subjects={str(one.pk): {"number": one.number, "quantity": one.quantity} for one in made},
        by=by,
    )
