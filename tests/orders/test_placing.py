"""Placing: the document, the instruction, the timer and the audit entries, together or not at all."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory_control.core import clock
from inventory_control.core.errors import Conflict, IllegalMove, NotPermitted, Refused
from inventory_control.orders.models import PurchaseOrder, PurchaseOrderLine, TransferOrder
from inventory_control.orders.services import (
    acknowledged,
    cancel_purchase,
    place_purchases,
    place_transfers,
)
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.services import claim_due
from inventory_control.timers.models import Timer
from tests.factories import SYSTEM, event, item, node, planner, supplier
from tests.orders.documents import looked_at, placed, told, wanted, wanted_transfer

PLACE = "orders.place"


@pytest.mark.req("SUP-01")
def test_an_order_leaves_one_command_one_timer_and_its_entries(shop):
    due = clock.now() + timedelta(days=7)
    one = wanted(*shop, 12, due=due)

    numbers = place_purchases([one], by=planner(PLACE))

    order = PurchaseOrder.objects.get()
    line = PurchaseOrderLine.objects.get()
    command, timer = OutboundCommand.objects.get(), Timer.objects.get()
    assert numbers == {one.reference: order.number}
    assert order.number == f"PO-{order.pk:06d}"
    assert (order.status, order.value, order.is_ours) == ("approved", Decimal("54.00"), True)
    assert (order.promised_at, order.expected_at) == (due, due)
    assert (line.quantity, line.received, line.unit_cost) == (12, 0, Decimal("4.50"))
    assert (command.kind, command.target, command.status) == ("purchase_order.create", "erp", "due")
    assert (command.subject_kind, command.subject_id) == ("purchaseorder", order.number)
    assert command.idempotency_key == order.number
    assert command.payload == {
        "number": order.number,
        "supplier": "MILL",
        "node": "S1",
        "ordered_at": order.ordered_at.isoformat(),
        "expected_at": due.isoformat(),
        "lines": [{"sku": "SOCK", "quantity": 12, "unit_cost": "4.50"}],
    }
    assert (timer.kind, timer.subject_id) == ("order.expected", order.number)
    assert timer.due_at == looked_at(due)
    assert told("purchaseorder") == ["purchase_order.placed"]
    assert told("outboundcommand") == ["command.queued"]


@pytest.mark.req("SUP-01")
def test_one_call_makes_one_order_per_supplier_and_node_with_lines_merged(shop):
    sock, store = shop
    hat = item("HAT", supplier=sock.supplier)
    depot = node("DC1", kind="dc")
    asked = [
        wanted(sock, store, 10),
        wanted(hat, store, 4),
        wanted(sock, store, 5),
        wanted(sock, depot, 7),
        wanted(sock, store, 1, supplier_id=supplier("LOOM").pk),
    ]

    numbers = place_purchases(asked, by=SYSTEM)

    assert PurchaseOrder.objects.count() == 3
    assert len({numbers[one.reference] for one in asked[:3]}) == 1
    merged = PurchaseOrder.objects.get(number=numbers[asked[0].reference])
    assert dict(merged.lines.values_list("item__sku", "quantity")) == {"SOCK": 15, "HAT": 4}
    assert merged.value == Decimal("85.50")


def test_two_hundred_purchases_from_thirty_suppliers_take_a_constant_number_of_statements(shop):
    store = shop[1]
    items = [item(f"I{n}", supplier=supplier(f"M{n}")) for n in range(30)]

    def statements(count: int) -> int:
        asked = [wanted(items[n % 30], store, 1 + n) for n in range(count)]
        with CaptureQueriesContext(connection) as taken:
            place_purchases(asked, by=SYSTEM)
        return len(taken)

    few, many = statements(2), statements(200)

    assert many <= 25
    assert many == few
    assert (PurchaseOrder.objects.count(), OutboundCommand.objects.count()) == (32, 32)
    assert Timer.objects.count() == 32


def test_a_transfer_is_placed_with_its_command_and_timer(shop):
    sock, store = shop
    asked = wanted_transfer(sock, node("DC1"), store, 6)

    numbers = place_transfers([asked], by=SYSTEM)

    transfer = TransferOrder.objects.get()
    command = OutboundCommand.objects.get()
    assert numbers == {asked.reference: f"TR-{transfer.pk:06d}"}
    assert (transfer.status, transfer.quantity, transfer.value) == ("approved", 6, Decimal("27.00"))
    assert (command.kind, command.target) == ("transfer.create", "wms")
    assert command.payload == {
        "number": transfer.number,
        "sku": "SOCK",
        "from_node": "DC1",
        "to_node": "S1",
        "quantity": 6,
        "expected_at": asked.expected_at.isoformat(),
    }
    assert Timer.objects.get().subject_id == transfer.number
    assert told("transferorder") == ["transfer.placed"]


def test_nobody_places_without_the_permission(shop):
    with pytest.raises(NotPermitted):
        place_purchases([wanted(*shop)], by=planner("orders.read"))

    assert (PurchaseOrder.objects.count(), OutboundCommand.objects.count()) == (0, 0)


def test_nothing_wanted_places_nothing(shop):
    assert (place_purchases([], by=SYSTEM), place_transfers([], by=SYSTEM)) == ({}, {})
    assert OutboundCommand.objects.count() == 0


def test_an_acknowledgement_makes_an_order_sent_and_keeps_its_foreign_number(shop):
    order = placed(*shop)

    for _ in range(2):
        acknowledged(
            kind="purchase_order.create", answers={order.number: {"id": "4711"}}, by=SYSTEM
        )

    order.refresh_from_db()
    assert (order.status, order.external_id) == ("sent", "4711")
    assert told("purchaseorder") == ["purchase_order.placed", "purchase_order.sent"]


def test_an_acknowledgement_that_a_receipt_overtook_moves_nothing_back(shop, follow):
    order = placed(*shop)
    follow(event("receipt.recorded", 4, document=order.number))

    acknowledged(kind="purchase_order.create", answers={order.number: {"id": "4711"}}, by=SYSTEM)

    order.refresh_from_db()
    assert (order.status, order.external_id) == ("part_received", "4711")
    assert told("purchaseorder")[1:] == ["purchase_order.part_received",
                                         "purchase_order.acknowledged"]  # fmt: skip


@pytest.mark.req("SUP-01")
def test_an_order_the_erp_never_heard_of_is_withdrawn(shop):
    order = placed(*shop)

    cancel_purchase(number=order.number, reason="ordered twice", by=planner(PLACE))

    order.refresh_from_db()
    assert (order.status, Timer.objects.get().status) == ("cancelled", "cancelled")
    assert OutboundCommand.objects.get().status == "cancelled"
    assert told("purchaseorder") == [
        "purchase_order.placed",
        "purchase_order.cancelled",
        "purchase_order.cancel_reason",
    ]


@pytest.mark.req("SUP-01")
def test_an_order_the_erp_may_know_of_is_cancelled_there_too(shop):
    order = placed(*shop)
    assert [one.idempotency_key for one in claim_due(10)] == [order.number]

    cancel_purchase(number=order.number, reason="ordered twice", by=planner(PLACE))

    told_erp = OutboundCommand.objects.get(kind="purchase_order.cancel")
    assert told_erp.payload == {"number": order.number, "reason": "ordered twice"}
    assert (told_erp.target, told_erp.idempotency_key) == ("erp", f"{order.number}:cancel")
    assert OutboundCommand.objects.get(kind="purchase_order.create").status == "due"


@pytest.mark.parametrize(
    ("reason", "holds", "refusal"),
    [("  ", PLACE, Refused), ("late", "orders.read", NotPermitted)],
    ids=["without a reason", "without the permission"],
)
def test_a_cancellation_is_refused_and_leaves_the_order(shop, reason, holds, refusal):
    order = placed(*shop)

    with pytest.raises(refusal):
        cancel_purchase(number=order.number, reason=reason, by=planner(holds))

    order.refresh_from_db()
    assert (order.status, OutboundCommand.objects.get().status) == ("approved", "due")


def test_an_order_of_which_something_arrived_is_not_cancelled(shop, follow):
    order = placed(*shop)
    follow(event("receipt.recorded", 4, document=order.number))

    with pytest.raises(IllegalMove, match="4 units"):
        cancel_purchase(number=order.number, reason="late", by=planner(PLACE))

    order.refresh_from_db()
    assert (order.status, OutboundCommand.objects.count()) == ("part_received", 1)


def test_an_order_is_cancelled_once_and_only_if_there_is_one(shop):
    order = placed(*shop)
    cancel_purchase(number=order.number, reason="late", by=planner(PLACE))

    with pytest.raises(IllegalMove):
        cancel_purchase(number=order.number, reason="late", by=planner(PLACE))
    with pytest.raises(Conflict):
        cancel_purchase(number="PO-999999", reason="late", by=planner(PLACE))

    assert told("purchaseorder").count("purchase_order.cancelled") == 1
