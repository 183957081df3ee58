"""Questions about orders: what is on its way, what is late, what has arrived."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection
from django.db.models import F, QuerySet

from inventory_control.events.selectors import is_work_due
from inventory_control.orders.models import PurchaseOrder, PurchaseOrderLine, TransferOrder
from inventory_control.orders.states import (
    PURCHASE_ORDER_OPEN,
    TRANSFER_OPEN,
    PurchaseOrderStatus,
    TransferStatus,
)
from inventory_control.orders.values import InboundSupply

Place = tuple[int, int]
CONSUMER = "orders"

_INBOUND = """
    WITH place AS (
        SELECT * FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
    )
    SELECT o.number, l.item_id, o.node_id, l.quantity - l.received, o.expected_at, false
      FROM place
      JOIN orders_purchaseorderline l ON l.item_id = place.item_id AND l.received < l.quantity
      JOIN orders_purchaseorder o ON o.id = l.order_id AND o.node_id = place.node_id
     WHERE o.status = ANY(%(purchases)s)
     UNION ALL
    SELECT t.number, t.item_id, t.to_node_id, t.quantity - t.received, t.expected_at, true
      FROM place
      JOIN orders_transferorder t ON t.item_id = place.item_id AND t.to_node_id = place.node_id
     WHERE t.status = ANY(%(transfers)s) AND t.received < t.quantity
     ORDER BY 5 NULLS LAST, 1
"""


def inbound_supply(places: Iterable[Place]) -> dict[Place, list[InboundSupply]]:
    """Units on their way to some places, earliest first; one statement for any number."""
    asked = sorted(set(places))
    supply: dict[Place, list[InboundSupply]] = {place: [] for place in asked}
    with connection.cursor() as cursor:
        cursor.execute(
            _INBOUND,
            {
                "items": [item for item, _ in asked],
                "nodes": [node for _, node in asked],
                "purchases": list(PURCHASE_ORDER_OPEN),
                "transfers": list(TRANSFER_OPEN),
            },
        )
        for row in cursor.fetchall():
            one = InboundSupply(*row)
            supply[one.item_id, one.node_id].append(one)
    return supply


def open_transfers(item_ids: Sequence[int]) -> list[TransferOrder]:
    """Transfers of some items that have not arrived in full, released or not, oldest first."""
    return list(
        _transfers()
        .filter(item_id__in=item_ids, status__in=TRANSFER_OPEN, received__lt=F("quantity"))
        .order_by("pk")
    )


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


def transfer(number: str) -> TransferOrder | None:
    """One transfer, or None."""
    return _transfers().filter(number=number).first()


def open_lines(order_ids: Sequence[int]) -> QuerySet[PurchaseOrderLine]:
    """The lines of some orders that have not arrived in full."""
    return PurchaseOrderLine.objects.filter(
        order_id__in=order_ids, received__lt=F("quantity")
    ).select_related("item")


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
