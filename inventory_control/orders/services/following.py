"""Following: orders become what the events about them say, whatever order those came in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from inventory_control.audit.services import advance_all, record_all
from inventory_control.catalog.models import Node, Supplier
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.tenancy import current_tenant
from inventory_control.events.selectors import document_history
from inventory_control.events.services import work_through
from inventory_control.orders.models import PurchaseOrder, PurchaseOrderLine, TransferOrder
from inventory_control.orders.rules import (
    PurchaseStory,
    TransferStory,
    is_complete,
    purchase_story,
    transfer_story,
)
from inventory_control.orders.selectors import CONSUMER, places_of
from inventory_control.orders.services.announcing import Announced, tell_suppliers
from inventory_control.orders.services.placing import EXPECTED, expect
from inventory_control.orders.states import PurchaseOrderStatus, TransferStatus
from inventory_control.stock.services import mark_again
from inventory_control.timers.services import cancel_timers

_FOLLOWED = (
    "supplier", "node", "ordered_at", "expected_at", "promised_at", "asn", "received_at",
)  # fmt: skip
_LINE_FIGURES = ("quantity", "received", "announced", "inspected", "damaged", "awaits_more")
_CARRIED = ("shipped", "received", "returned", "written_off", "awaits_more")
ENDED = frozenset({"received", "cancelled"})
_DOCUMENTS = """
    SELECT DISTINCT coalesce(o.details, e.details) ->> 'document'
      FROM events_inventoryevent e
      LEFT JOIN events_inventoryevent o ON o.id = e.corrects
     WHERE e.id = ANY(%s)
"""


def follow_events(*, by: Actor) -> int:
    """Bring every document up to date that an unfollowed event names; returns the events followed."""
    return work_through(CONSUMER, lambda event_ids: _follow(event_ids, by))


def _follow(event_ids: Sequence[int], by: Actor) -> None:
    """Fold the whole history of each document named, and write what it comes to."""
    _hold_following()
    history = document_history(_documents(event_ids))
    purchases = {document: purchase_story(facts) for document, facts in history.items()}
    moved = {document: transfer_story(facts) for document, facts in history.items()}
    changed = _write_purchases(purchases, by) + _write_transfers(moved, by)
    if changed:
        ring("workflows")
        mark_again(places_of(history))


def _hold_following() -> None:
    """Let nobody else follow events of this tenant until the transaction ends.

    A second follower that read the history before this one would write an older story over it;
    the rows cannot be locked instead, because a document may not be there yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{current_tenant().schema_name}.orders"],
        )


def _documents(event_ids: Sequence[int]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_DOCUMENTS, [list(event_ids)])
        return sorted(document for (document,) in cursor.fetchall() if document)


def _write_purchases(stories: Mapping[str, PurchaseStory], by: Actor) -> int:
    """Create outside orders, update lines and dates, then move the states; returns the orders."""
    if not stories:
        return 0
    _create_outside_orders(stories, by)
    orders = list(
        PurchaseOrder.objects.select_for_update(of=("self",))
        .filter(number__in=list(stories))
        .order_by("pk")
        .select_related("supplier")
        .prefetch_related("lines__item")
    )
    if not orders:
        return 0
    suppliers = _suppliers(stories)
    announced: list[Announced] = []
    changed: list[PurchaseOrderLine] = []
    gone: list[int] = []
    moved: dict[str, datetime | None] = {}
    moves: dict[str, list[PurchaseOrder]] = defaultdict(list)
    for order in orders:
        story = stories[order.number]
        lines, unannounced = _lines(order, story)
        changed += [line for line, is_changed in lines if is_changed]
        gone += unannounced
        if not order.is_ours:
            order.supplier = suppliers.get(story.supplier or "", order.supplier)
            order.node_id = story.node_id or order.node_id
            order.ordered_at = story.created_at or order.ordered_at
        order.promised_at = order.promised_at or story.first_due_at
        expected_at = story.expected_at or order.promised_at or order.expected_at
        if order.expected_at != expected_at:
            moved[order.number] = order.expected_at = expected_at
        order.asn = story.asn
        order.received_at = story.received_at
        to = _purchase_status(order, story, {line.item_id: line.quantity for line, _ in lines})
        if to != order.status_value:
            moves[to].append(order)
        if to != PurchaseOrderStatus.CANCELLED:
            announced.append((order, [line for line, _ in lines], story))
    _write_lines(changed, gone)
    PurchaseOrder.objects.bulk_update(orders, _FOLLOWED)
    for to, group in moves.items():
        advance_all(group, to, by=by, verb=f"purchase_order.{to}")
        _expect_no_more(to, [order.number for order in group], by)
    expect(moved)
    tell_suppliers(announced, by=by)
    return len(orders)


def _expect_no_more(to: str, numbers: Sequence[str], by: Actor) -> None:
    """What has arrived or was cancelled need not be looked at again."""
    if to in ENDED:
        cancel_timers(kind=EXPECTED, subjects=numbers, by=by)


def _suppliers(stories: Mapping[str, PurchaseStory]) -> dict[str, Supplier]:
    codes = {story.supplier for story in stories.values() if story.supplier}
    return {one.code: one for one in Supplier.objects.filter(code__in=codes)}


def _lines(
    order: PurchaseOrder, story: PurchaseStory
) -> tuple[list[tuple[PurchaseOrderLine, bool]], list[int]]:
    """The order's lines as the story has them, each with whether it changed; the ids of lines
    nobody announces any more. What came of items that are on no line belongs to no order.
    """
    known = {line.item_id: line for line in order.lines.all()}
    is_announced = not order.is_ours and bool(story.ordered)
    gone = [
        line.pk for item_id, line in known.items() if is_announced and item_id not in story.ordered
    ]
    lines = []
    for item_id in sorted(known.keys() | story.ordered.keys()):
        line = known.get(item_id) or PurchaseOrderLine(order=order, item_id=item_id, quantity=0)
        if line.pk in gone:
            continue
        was = _figures(line)
        line.quantity = story.ordered.get(item_id, line.quantity)
        line.received = story.received.get(item_id, 0)
        line.announced = story.announced(item_id)
        line.inspected = story.inspected.get(item_id, 0)
        line.damaged = story.damaged.get(item_id, 0)
        line.awaits_more = story.awaits_more.get(item_id, False)
        lines.append((line, was != _figures(line)))
    return lines, gone


def _figures(line: PurchaseOrderLine) -> tuple[object, ...]:
    return tuple(getattr(line, name) for name in _LINE_FIGURES)


def _write_lines(changed: Sequence[PurchaseOrderLine], gone: Sequence[int]) -> None:
    if gone:
        PurchaseOrderLine.objects.filter(pk__in=gone).delete()
    if changed:
        PurchaseOrderLine.objects.bulk_create(
            [
                PurchaseOrderLine(
                    order_id=line.order_id,
                    item_id=line.item_id,
                    unit_cost=line.unit_cost,
                    **{name: getattr(line, name) for name in _LINE_FIGURES},
                )
                for line in changed
            ],
            update_conflicts=True,
            unique_fields=["order", "item"],
            update_fields=list(_LINE_FIGURES),
        )


def _purchase_status(order: PurchaseOrder, story: PurchaseStory, ordered: Mapping[int, int]) -> str:
    """Where the story leaves the order; an order that tells nothing stays where it is."""
    status = PurchaseOrderStatus
    is_cancelled = story.is_cancelled or order.status_value == status.CANCELLED
    if is_complete(ordered, story.received):
        wanted = status.RECEIVED
    elif is_cancelled:
        wanted = status.CANCELLED
    elif any(story.received.get(item_id, 0) > 0 for item_id in ordered):
        wanted = status.PART_RECEIVED
    elif story.is_confirmed:
        wanted = status.CONFIRMED
    elif order.status_value in (status.PART_RECEIVED, status.RECEIVED):
        wanted = status.SENT
    else:
        return order.status_value
    is_lawful = wanted in order.flow.moves_from(order.status_value)
    return str(wanted) if is_lawful else order.status_value


def _create_outside_orders(stories: Mapping[str, PurchaseStory], by: Actor) -> None:
    """Orders another system announced, still without supplier, lines and dates; one whose
    announcement has not come yet must wait.
    """
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
    orders = [
        PurchaseOrder(
            number=number,
            node_id=story.node_id or 0,
            ordered_at=story.created_at or clock.now(),
            is_ours=False,
            status=PurchaseOrderStatus.SENT,
        )
        for number, story in fresh.items()
    ]
    PurchaseOrder.objects.bulk_create(orders)
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
    if not transfers:
        return 0
    moved: dict[str, datetime | None] = {}
    moves: dict[str, list[TransferOrder]] = defaultdict(list)
    for one in transfers:
        story = stories[one.number]
        for name in _CARRIED:
            setattr(one, name, getattr(story, name))
        if story.expected_at and one.expected_at != story.expected_at:
            moved[one.number] = one.expected_at = story.expected_at
        one.received_at = story.received_at
        to = _transfer_status(one, story)
        if to != one.status_value:
            moves[to].append(one)
    TransferOrder.objects.bulk_update(transfers, [*_CARRIED, "expected_at", "received_at"])
    for to, group in moves.items():
        advance_all(group, to, by=by, verb=f"transfer.{to}")
        _expect_no_more(to, [one.number for one in group], by)
    expect(moved)
    return len(transfers)


def _transfer_status(one: TransferOrder, story: TransferStory) -> str:
    """Where the story leaves the transfer; what left its node is on its way, whatever was said.

    What was written off or went back will not come: the transfer ends with what did, and one of
    which nothing came is as good as cancelled.
    """
    status = TransferStatus
    settled = story.received + story.returned + story.written_off
    if story.received >= one.quantity or (story.received and settled >= one.quantity):
        wanted = status.RECEIVED
    elif story.shipped and settled >= max(one.quantity, story.shipped):
        wanted = status.CANCELLED
    elif story.shipped or story.received:
        wanted = status.SHIPPED
    elif story.is_cancelled:
        wanted = status.CANCELLED
    elif one.status_value in (status.SHIPPED, status.RECEIVED):
        wanted = status.SENT
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
