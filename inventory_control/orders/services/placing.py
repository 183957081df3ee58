"""Placing orders: the document, its instruction to the other system and its timer, as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from inventory_control.audit.services import advance, record_all
from inventory_control.catalog.models import Item, Node, Supplier
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import Conflict, Refused
from inventory_control.core.permissions import require
from inventory_control.orders import permissions
from inventory_control.orders.models import PurchaseOrder, PurchaseOrderLine, TransferOrder
from inventory_control.orders.states import PurchaseOrderStatus, TransferStatus
from inventory_control.orders.values import WantedPurchase, WantedTransfer
from inventory_control.outbox.services import queue_commands
from inventory_control.outbox.values import CommandDraft
from inventory_control.timers.services import cancel_timers, set_timers

CREATE_PURCHASE = "purchase_order.create"
CREATE_TRANSFER = "transfer.create"
ERP, WMS = "erp", "wms"
EXPECTED = "order.expected"
CENT = Decimal("0.01")
_A_MOMENT = timedelta(seconds=1)


@transaction.atomic
def place_purchases(wanted: Sequence[WantedPurchase], *, by: Actor) -> dict[str, str]:
    """Place what was approved: one order per supplier and node, one line per item.

    Returns each reference's order number. The order, its lines, the instruction to the ERP, the
    timer and the audit entries commit together; a constant number of statements.
    """
    require(by, permissions.PLACE)
    if not wanted:
        return {}
    now = clock.now()
    groups: dict[tuple[int, int], list[WantedPurchase]] = defaultdict(list)
    for one in wanted:
        groups[one.supplier_id, one.node_id].append(one)
    ids = _next_ids("orders_purchaseorder_id_seq", len(groups))
    orders = [
        PurchaseOrder(
            pk=pk,
            number=f"PO-{pk:06d}",
            supplier_id=supplier_id,
            node_id=node_id,
            ordered_at=now,
            promised_at=(due := max(one.expected_at for one in group)),
            expected_at=due,
            value=_value(group),
        )
        for pk, ((supplier_id, node_id), group) in zip(ids, groups.items(), strict=True)
    ]
    PurchaseOrder.objects.bulk_create(orders)
    lines = [
        line
        for order, group in zip(orders, groups.values(), strict=True)
        for line in _merged_lines(order, group)
    ]
    PurchaseOrderLine.objects.bulk_create(lines)
    _send_purchases(orders, lines, by)
    return {
        one.reference: order.number
        for order, group in zip(orders, groups.values(), strict=True)
        for one in group
    }


@transaction.atomic
def place_transfers(wanted: Sequence[WantedTransfer], *, by: Actor) -> dict[str, str]:
    """Place approved transfers, one document each; returns each reference's number."""
    require(by, permissions.PLACE)
    if not wanted:
        return {}
    now = clock.now()
    ids = _next_ids("orders_transferorder_id_seq", len(wanted))
    transfers = [
        TransferOrder(
            pk=pk,
            number=f"TR-{pk:06d}",
            item_id=one.item_id,
            from_node_id=one.from_node_id,
            to_node_id=one.to_node_id,
            quantity=one.quantity,
            ordered_at=now,
            expected_at=one.expected_at,
            value=(one.quantity * one.unit_cost).quantize(CENT),
        )
        for pk, one in zip(ids, wanted, strict=True)
    ]
    TransferOrder.objects.bulk_create(transfers)
    _send_transfers(transfers, by)
    return {one.reference: made.number for one, made in zip(wanted, transfers, strict=True)}


def acknowledged(*, kind: str, number: str, answer: Mapping[str, Any], by: Actor) -> None:
    """Note that the other system took an order; one that has gone further stays where it is."""
    external_id = str(answer.get("id", ""))[:80]
    if kind == CREATE_PURCHASE:
        order = PurchaseOrder.objects.get(number=number)
        if order.status_value == PurchaseOrderStatus.APPROVED:
            advance(
                order,
                PurchaseOrderStatus.SENT,
                by=by,
                verb="purchase_order.sent",
                external_id=external_id,
            )
    elif kind == CREATE_TRANSFER:
        transfer = TransferOrder.objects.get(number=number)
        if transfer.status_value == TransferStatus.APPROVED:
            advance(
                transfer, TransferStatus.SENT, by=by, verb="transfer.sent", external_id=external_id
            )


@transaction.atomic
def cancel_purchase(*, number: str, reason: str, by: Actor) -> PurchaseOrder:
    """Cancel an order nothing of which has arrived, and tell the ERP."""
    require(by, permissions.PLACE)
    if not reason.strip():
        raise Refused("Say why the order is cancelled.", field="reason")
    order = PurchaseOrder.objects.filter(number=number).first()
    if order is None:
        raise Conflict(f"There is no purchase order {number}.", field="number")
    cancelled = advance(
        order, PurchaseOrderStatus.CANCELLED, by=by, verb="purchase_order.cancelled"
    )
    record_all(
        "purchase_order.cancel_reason",
        kind="purchaseorder",
        subjects={str(order.pk): {"reason": reason}},
        by=by,
    )
    cancel_timers(subject_id=number, kinds=(EXPECTED,), by=by)
    queue_commands(
        [
            CommandDraft(
                kind="purchase_order.cancel",
                target=ERP,
                idempotency_key=f"{number}:cancel",
                payload={"number": number, "reason": reason},
                subject=("purchaseorder", number),
            )
        ],
        by=by,
    )
    ring("workflows")
    return cancelled


def _send_purchases(
    orders: Sequence[PurchaseOrder], lines: Sequence[PurchaseOrderLine], by: Actor
) -> None:
    suppliers = Supplier.objects.in_bulk({order.supplier_id for order in orders})
    nodes = Node.objects.in_bulk({order.node_id for order in orders})
    items = Item.objects.in_bulk({line.item_id for line in lines})
    lines_of: dict[int, list[PurchaseOrderLine]] = defaultdict(list)
    for line in lines:
        lines_of[line.order_id].append(line)
    told: dict[str, dict[str, object]] = {}
    drafts = []
    for order in orders:
        payload: dict[str, Any] = {
            "number": order.number,
            "supplier": suppliers[order.supplier_id].code,
            "node": nodes[order.node_id].code,
            "ordered_at": order.ordered_at.isoformat(),
            "expected_at": _text(order.expected_at),
            "lines": [
                {
                    "sku": items[line.item_id].sku,
                    "quantity": line.quantity,
                    "unit_cost": str(line.unit_cost),
                }
                for line in lines_of[order.pk]
            ],
        }
        drafts.append(
            CommandDraft(
                kind=CREATE_PURCHASE,
                target=ERP,
                idempotency_key=order.number,
                payload=payload,
                subject=("purchaseorder", order.number),
            )
        )
        told[str(order.pk)] = {**payload, "value": str(order.value)}
    record_all("purchase_order.placed", kind="purchaseorder", subjects=told, by=by)
    queue_commands(drafts, by=by)
    _expect({order.number: order.expected_at for order in orders})


def _send_transfers(transfers: Sequence[TransferOrder], by: Actor) -> None:
    items = Item.objects.in_bulk({one.item_id for one in transfers})
    nodes = Node.objects.in_bulk(
        {one.from_node_id for one in transfers} | {one.to_node_id for one in transfers}
    )
    told: dict[str, dict[str, object]] = {}
    drafts = []
    for one in transfers:
        payload = {
            "number": one.number,
            "sku": items[one.item_id].sku,
            "from_node": nodes[one.from_node_id].code,
            "to_node": nodes[one.to_node_id].code,
            "quantity": one.quantity,
            "expected_at": _text(one.expected_at),
        }
        drafts.append(
            CommandDraft(
                kind=CREATE_TRANSFER,
                target=WMS,
                idempotency_key=one.number,
                payload=payload,
                subject=("transferorder", one.number),
            )
        )
        told[str(one.pk)] = {**payload, "value": str(one.value)}
    record_all("transfer.placed", kind="transferorder", subjects=told, by=by)
    queue_commands(drafts, by=by)
    _expect({one.number: one.expected_at for one in transfers})


def _expect(due: Mapping[str, datetime | None]) -> None:
    """Look at each document again just after it should have come."""
    set_timers(
        kind=EXPECTED,
        due={number: moment + _A_MOMENT for number, moment in due.items() if moment is not None},
    )


def _merged_lines(order: PurchaseOrder, group: Sequence[WantedPurchase]) -> list[PurchaseOrderLine]:
    units: dict[int, int] = defaultdict(int)
    costs: dict[int, Decimal] = {}
    for one in group:
        units[one.item_id] += one.quantity
        costs[one.item_id] = one.unit_cost
    return [
        PurchaseOrderLine(order=order, item_id=item_id, quantity=quantity, unit_cost=costs[item_id])
        for item_id, quantity in sorted(units.items())
    ]


def _value(group: Sequence[WantedPurchase]) -> Decimal:
    total = sum((one.quantity * one.unit_cost for one in group), Decimal(0))
    return total.quantize(CENT)


def _next_ids(sequence: str, count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(%s::regclass) FROM generate_series(1, %s)", [sequence, count]
        )
        return [int(number) for (number,) in cursor.fetchall()]


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
