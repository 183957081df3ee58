"""Placing orders: the document, its instruction to the other system and its timer, as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum

from inventory_control.audit.services import advance, advance_all, record_all
from inventory_control.catalog.models import Item, Node, Supplier
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import Conflict, IllegalMove, Refused
from inventory_control.core.permissions import require
from inventory_control.orders import permissions
from inventory_control.orders.models import PurchaseOrder, PurchaseOrderLine, TransferOrder
from inventory_control.orders.states import PurchaseOrderStatus, TransferStatus
from inventory_control.orders.values import WantedPurchase, WantedTransfer
from inventory_control.outbox.services import queue_commands, withdraw
from inventory_control.outbox.values import CommandDraft
from inventory_control.timers.services import cancel_timers, set_timers

CREATE_PURCHASE = "purchase_order.create"
CREATE_TRANSFER = "transfer.create"
ERP, WMS = "erp", "wms"
EXPECTED = "order.expected"
CENT = Decimal("0.01")
_AN_HOUR = timedelta(hours=1)


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
    ids = next_ids("orders_purchaseorder_id_seq", len(groups))
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
    ids = next_ids("orders_transferorder_id_seq", len(wanted))
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


@transaction.atomic
def acknowledged(*, kind: str, answers: Mapping[str, Mapping[str, Any]], by: Actor) -> None:
    """Note which orders the other system took, by number, and what it calls them.

    One that has gone further, because a receipt overtook the acknowledgement, stays where it is.
    """
    require(by, permissions.PLACE)
    if kind == CREATE_PURCHASE:
        _acknowledge(PurchaseOrder, PurchaseOrderStatus, "purchase_order", answers, by)
    elif kind == CREATE_TRANSFER:
        _acknowledge(TransferOrder, TransferStatus, "transfer", answers, by)


def _acknowledge(
    model: type[PurchaseOrder | TransferOrder],
    statuses: type[PurchaseOrderStatus | TransferStatus],
    noun: str,
    answers: Mapping[str, Mapping[str, Any]],
    by: Actor,
) -> None:
    documents = list(
        model.objects.select_for_update().filter(number__in=list(answers)).order_by("pk")
    )
    called = {one.pk: str(answers[one.number].get("id", ""))[:80] for one in documents}
    fresh = [one for one in documents if one.status_value == statuses.APPROVED]
    advance_all(
        fresh,
        statuses.SENT,
        by=by,
        verb=f"{noun}.sent",
        each={one.pk: {"external_id": called[one.pk]} for one in fresh},
    )
    further = [
        one
        for one in documents
        if one.status_value != statuses.APPROVED and one.external_id != called[one.pk]
    ]
    for one in further:
        one.external_id = called[one.pk]
    model.objects.bulk_update(further, ["external_id"])
    record_all(
        f"{noun}.acknowledged",
        kind=model._meta.model_name or noun,
        subjects={str(one.pk): {"external_id": one.external_id} for one in further},
        by=by,
    )


@transaction.atomic
def cancel_purchase(*, number: str, reason: str, by: Actor) -> PurchaseOrder:
    """Cancel an order nothing of which has arrived, and tell the ERP if it may know of it."""
    require(by, permissions.PLACE)
    if not reason.strip():
        raise Refused("Say why the order is cancelled.", field="reason")
    order = PurchaseOrder.objects.select_for_update().filter(number=number).first()
    if order is None:
        raise Conflict(f"There is no purchase order {number}.", field="number")
    arrived = order.lines.filter(received__gt=0).aggregate(units=Sum("received"))["units"] or 0
    if arrived:
        raise IllegalMove(
            f"{arrived} units of {number} have arrived; what is still to come is the supplier's "
            "to cancel.",
            extra={"state": order.status_value, "to": str(PurchaseOrderStatus.CANCELLED)},
        )
    cancelled = advance(
        order, PurchaseOrderStatus.CANCELLED, by=by, verb="purchase_order.cancelled"
    )
    record_all(
        "purchase_order.cancel_reason",
        kind="purchaseorder",
        subjects={str(order.pk): {"reason": reason}},
        by=by,
    )
    cancel_timers(kind=EXPECTED, subjects=[number], by=by)
    if not withdraw(number, by=by):
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
    ring("detect")
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
    expect({order.number: order.expected_at for order in orders})


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
    expect({one.number: one.expected_at for one in transfers})


def expect(due: Mapping[str, datetime | None]) -> None:
    """Have each document, by its number, looked at again after the hour it should have come in."""
    set_timers(
        kind=EXPECTED,
        due={
            number: moment.replace(minute=0, second=0, microsecond=0) + _AN_HOUR
            for number, moment in due.items()
            if moment is not None
        },
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


def next_ids(sequence: str, count: int) -> list[int]:
    """The next ids of a table, so that a number made of one can be written with its row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(%s::regclass) FROM generate_series(1, %s)", [sequence, count]
        )
        return [int(number) for (number,) in cursor.fetchall()]


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
