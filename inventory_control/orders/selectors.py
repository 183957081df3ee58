"""Questions about orders: what is on its way, what is late, what has arrived."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection
from django.db.models import F, Q, QuerySet

from inventory_control.core.places import Place, Places
from inventory_control.core.sql import hot, named_statements, texts
from inventory_control.events.selectors import ERP, document_history, is_work_due
from inventory_control.events.states import BOOKED_TYPES
from inventory_control.orders.models import (
    FinancialDocument,
    PurchaseOrder,
    PurchaseOrderLine,
    TransferOrder,
)
from inventory_control.orders.rules import disputed_units, purchase_story
from inventory_control.orders.states import (
    PURCHASE_ORDER_OPEN,
    TRANSFER_OPEN,
    BookingStatus,
    HeldFor,
    PurchaseOrderStatus,
    TransferStatus,
)
from inventory_control.orders.values import (
    BookedFact,
    DocumentsInSight,
    InboundSupply,
    Outlook,
)

CONSUMER = "orders"
A_DAY = timedelta(days=1)
_BOOKS = named_statements(Path(__file__).parent / "bookkeeping.sql")

_INBOUND = """
    WITH place AS (
        SELECT * FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
    )
    SELECT o.number, l.item_id, o.node_id, l.quantity - l.received, o.expected_at, false
      FROM place
      JOIN orders_purchaseorderline l ON l.item_id = place.item_id AND l.received < l.quantity
      JOIN orders_purchaseorder o ON o.id = l.order_id AND o.node_id = place.node_id
     WHERE o.status = ANY(%(purchases)s::text[])
     UNION ALL
    SELECT t.number, t.item_id, t.to_node_id,
           t.quantity - t.received - t.returned - t.written_off, t.expected_at, true
      FROM place
      JOIN orders_transferorder t ON t.item_id = place.item_id AND t.to_node_id = place.node_id
     WHERE t.status = ANY(%(transfers)s::text[])
       AND t.received + t.returned + t.written_off < t.quantity
     ORDER BY 5 NULLS LAST, 1
"""


def inbound_supply(places: Iterable[Place]) -> dict[Place, list[InboundSupply]]:
    """Units on their way to some places, earliest first; one statement for any number."""
    asked = Places.of(places)
    supply: dict[Place, list[InboundSupply]] = {place: [] for place in asked}
    found = hot(
        _INBOUND,
        {
            **asked.arrays,
            "purchases": texts(PURCHASE_ORDER_OPEN),
            "transfers": texts(TRANSFER_OPEN),
        },
    )
    for row in found:
        one = InboundSupply(*row)
        supply[one.item_id, one.node_id].append(one)
    return supply


def places_of(numbers: Iterable[str]) -> list[Place]:
    """Where some documents bring or take stock: the lines of orders, both ends of transfers."""
    asked = list(numbers)
    with connection.cursor() as cursor:
        cursor.execute(_BOOKS["places"], {"numbers": asked})
        return [(item_id, node_id) for item_id, node_id in cursor.fetchall()]


def open_transfers(item_ids: Sequence[int]) -> list[TransferOrder]:
    """Transfers of some items that have not arrived in full, released or not, oldest first."""
    return list(
        _transfers()
        .filter(item_id__in=item_ids, status__in=TRANSFER_OPEN, received__lt=F("quantity"))
        .order_by("pk")
    )


def documents_in_sight(at: datetime) -> DocumentsInSight:
    """Of which kinds there may be documents somebody has to look at; one short statement.

    May say yes where there is none, never no where there is one: most looks of detection find
    nothing late and nothing in dispute, and need not ask in detail.
    """
    (row,) = hot(
        _BOOKS["in_sight"],
        {
            "at": at,
            "purchases": texts(PURCHASE_ORDER_OPEN),
            "transfers": texts(TRANSFER_OPEN),
        },
    )
    return DocumentsInSight(*row)


def late_purchase_orders(at: datetime) -> list[PurchaseOrder]:
    """Open orders whose expected moment has passed, longest overdue first, with their lines."""
    return list(
        PurchaseOrder.objects.filter(status__in=PURCHASE_ORDER_OPEN, expected_at__lt=at)
        .select_related("supplier", "node")
        .prefetch_related("lines__item")
        .order_by("expected_at", "id")
    )


def received_documents(numbers: Iterable[str]) -> set[str]:
    """Which of these orders and transfers have arrived in full."""
    return _in_status(numbers, PurchaseOrderStatus.RECEIVED, TransferStatus.RECEIVED)


def cancelled_documents(numbers: Iterable[str]) -> set[str]:
    """Which of these orders and transfers were cancelled."""
    return _in_status(numbers, PurchaseOrderStatus.CANCELLED, TransferStatus.CANCELLED)


def items_of(documents: Iterable[str]) -> set[int]:
    """The items some orders and transfers are about."""
    asked = list(documents)
    items = set(
        PurchaseOrderLine.objects.filter(order__number__in=asked).values_list("item_id", flat=True)
    )
    return items | set(
        TransferOrder.objects.filter(number__in=asked).values_list("item_id", flat=True)
    )


def is_following_due() -> bool:
    """Whether events wait that orders have not followed yet."""
    return is_work_due(CONSUMER)


def purchase_orders(
    *, before: int | None = None, sku: str = "", status: str = "", limit: int = 50
) -> list[PurchaseOrder]:
    """A page of purchase orders with their lines, newest first, below the id `before`."""
    found = PurchaseOrder.objects.select_related("supplier", "node").prefetch_related("lines__item")
    if before is not None:
        found = found.filter(pk__lt=before)
    if status:
        found = found.filter(status=status)
    if sku:
        lines = PurchaseOrderLine.objects.filter(item__sku=sku).values("order_id")
        found = found.filter(pk__in=lines)
    return list(found.order_by("-id")[:limit])


def transfers(
    *, before: int | None = None, sku: str = "", status: str = "", limit: int = 50
) -> list[TransferOrder]:
    """A page of transfers, newest first, below the id `before`."""
    found = _transfers()
    if before is not None:
        found = found.filter(pk__lt=before)
    if status:
        found = found.filter(status=status)
    if sku:
        found = found.filter(item__sku=sku)
    return list(found.order_by("-id")[:limit])


def purchase_order(number: str) -> PurchaseOrder | None:
    """One purchase order with its lines, or None."""
    return (
        PurchaseOrder.objects.select_related("supplier", "node")
        .prefetch_related("lines__item")
        .filter(number=number)
        .first()
    )


def purchase_orders_by_number(numbers: Iterable[str]) -> dict[str, PurchaseOrder]:
    """Some purchase orders with their suppliers; those there are not are missing."""
    found = PurchaseOrder.objects.filter(number__in=set(numbers)).select_related("supplier")
    return {order.number: order for order in found}


def transfer(number: str) -> TransferOrder | None:
    """One transfer, or None."""
    return _transfers().filter(number=number).first()


def open_lines(order_ids: Sequence[int]) -> QuerySet[PurchaseOrderLine]:
    """The lines of some orders that have not arrived in full."""
    return PurchaseOrderLine.objects.filter(
        order_id__in=order_ids, received__lt=F("quantity")
    ).select_related("item")


def outlook_of(number: str, at: datetime) -> Outlook:
    """How an order stands by every event posted so far, followed or not."""
    order = PurchaseOrder.objects.prefetch_related("lines").get(number=number)
    story = purchase_story(document_history([number])[number])
    ordered = {line.item_id: line.quantity for line in order.lines.all()} | story.ordered
    promised_at = order.promised_at or story.first_due_at
    expected_at = story.expected_at or order.expected_at
    comes_at = max(expected_at, at) if expected_at else None
    delay = comes_at - promised_at if comes_at and promised_at else timedelta(0)
    return Outlook(
        number=number,
        promised_at=promised_at,
        expected_at=expected_at,
        days_late=max(0, -(-delay // A_DAY)),
        outstanding=sum(
            max(0, units - story.received.get(item, 0)) for item, units in ordered.items()
        ),
    )


def disputed_transfers(at: datetime) -> list[tuple[TransferOrder, int]]:
    """Transfers whose sender and receiver disagree, each with the units; oldest first."""
    arrived = Q(received__gt=0) | Q(returned__gt=0) | ~Q(written_off=0)
    settled = F("received") + F("returned") + F("written_off")
    found = _transfers().filter(arrived & ~Q(shipped=settled)).order_by("id")
    disputes = [
        (
            one,
            disputed_units(
                in_transit=one.in_transit,
                has_arrivals=True,
                awaits_more=one.awaits_more,
                expected_at=one.expected_at,
                at=at,
            ),
        )
        for one in found
    ]
    return [(one, units) for one, units in disputes if units]


def late_transfers(at: datetime) -> list[TransferOrder]:
    """Open transfers that should have left, or have left and are a day overdue; longest first.

    What is on its way and a little late is reported by the dock at the end of its day.
    """
    unshipped = Q(shipped=0, expected_at__lt=at)
    under_way = Q(received=0, expected_at__lt=at - A_DAY)
    return list(
        _transfers()
        .filter(unshipped | under_way, status__in=TRANSFER_OPEN, expected_at__lt=at)
        .order_by("expected_at", "id")
    )


def disputed_lines() -> list[PurchaseOrderLine]:
    """Lines that differ from what was ordered or came damaged, by order; cancelled orders aside."""
    differs = (Q(received__gt=0) & ~Q(received=F("quantity"))) | (
        Q(announced__isnull=False) & ~Q(announced=F("quantity"))
    )
    return list(
        PurchaseOrderLine.objects.filter(differs | Q(damaged__gt=0))
        .exclude(order__status=PurchaseOrderStatus.CANCELLED)
        .select_related("order__supplier", "order__node", "item")
        .order_by("order_id", "item__sku")
    )


def undecided_goods() -> list[FinancialDocument]:
    """Documents of goods nobody ordered, waiting to be accepted or sent back; oldest first."""
    return list(
        FinancialDocument.objects.filter(status=BookingStatus.PENDING, held_for=HeldFor.UNORDERED)
        .select_related("item", "node")
        .order_by("id")
    )


def booked_facts(event_ids: Sequence[int], *, since: datetime) -> list[BookedFact]:
    """What some events learnt since a moment mean to the books; sales mean nothing to them."""
    with connection.cursor() as cursor:
        cursor.execute(
            _BOOKS["facts"],
            {"events": list(event_ids), "types": list(BOOKED_TYPES), "since": since},
        )
        return [BookedFact(*row) for row in cursor.fetchall() if row[5]]


def ordered_items(wanted: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Which of some (document, item) pairs somebody ordered."""
    asked = sorted(set(wanted))
    with connection.cursor() as cursor:
        cursor.execute(
            _BOOKS["ordered"],
            {"documents": [one for one, _ in asked], "items": [item for _, item in asked]},
        )
        return {(document, item_id) for document, item_id in cursor.fetchall()}


def transfer_origins(documents: Iterable[str]) -> dict[str, int]:
    """The node each transfer comes from, as far as it is known."""
    with connection.cursor() as cursor:
        cursor.execute(_BOOKS["origins"], {"documents": sorted(set(documents))})
        return {document: node_id for document, node_id in cursor.fetchall() if node_id}


def is_booking_due() -> bool:
    """Whether events wait to be told to the ERP."""
    return is_work_due(ERP)


def financial_documents(
    *,
    before: int | None = None,
    sku: str = "",
    status: str = "",
    document: str = "",
    limit: int = 50,
) -> list[FinancialDocument]:
    """A page of ERP documents, newest first, below the id `before`."""
    found = FinancialDocument.objects.select_related("item", "node", "reverses")
    if before is not None:
        found = found.filter(pk__lt=before)
    if status:
        found = found.filter(status=status)
    if sku:
        found = found.filter(item__sku=sku)
    if document:
        found = found.filter(document=document)
    return list(found.order_by("-id")[:limit])


def financial_document(number: str) -> FinancialDocument | None:
    """One ERP document, or None."""
    found = FinancialDocument.objects.select_related("item", "node", "reverses")
    return found.filter(number=number).first()


def documents_of_events(event_ids: Iterable[int]) -> dict[int, list[FinancialDocument]]:
    """The ERP documents some events expect, by event."""
    found: dict[int, list[FinancialDocument]] = defaultdict(list)
    for one in FinancialDocument.objects.filter(event_id__in=set(event_ids)).order_by("id"):
        found[one.event_id].append(one)
    return dict(found)


def _transfers() -> QuerySet[TransferOrder]:
    return TransferOrder.objects.select_related("item", "from_node", "to_node")


def _in_status(numbers: Iterable[str], purchase: str, moved: str) -> set[str]:
    asked = list(numbers)
    found = set(
        PurchaseOrder.objects.filter(number__in=asked, status=purchase).values_list(
            "number", flat=True
        )
    )
    return found | set(
        TransferOrder.objects.filter(number__in=asked, status=moved).values_list(
            "number", flat=True
        )
    )
