"""Following: orders come to the same end whatever order the events about them came in."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory_control.core import clock
from inventory_control.events.models import EventWork
from inventory_control.orders.models import PurchaseOrder, PurchaseOrderLine, TransferOrder
from inventory_control.orders.selectors import (
    inbound_supply,
    is_following_due,
    late_purchase_orders,
    received_documents,
)
from inventory_control.orders.services import follow_events, place_transfers
from inventory_control.orders.services.placing import expect
from inventory_control.timers.models import Timer
from tests.factories import SYSTEM, event, hour, item, node, send
from tests.orders.documents import looked_at, placed, told, wanted_transfer


def receipt(number: str, quantity: int, **fields: object) -> dict[str, object]:
    """Units of SOCK that came to S1 on a document."""
    return event("receipt.recorded", quantity, document=number, **fields)


def correction(source_id: str, quantity: int = 0) -> dict[str, object]:
    """What is left of an event of the till."""
    return event(
        "event.corrected",
        quantity,
        item=None,
        node=None,
        reason="miscounted",
        corrects={"source": "pos", "source_id": source_id},
    )


def about(kind: str, number: str, **fields: object) -> dict[str, object]:
    """A notice about a document, naming neither item nor node."""
    return event(kind, item=None, node=None, document=number, **fields)


def standing(number: str) -> tuple[str, list[int]]:
    """How an order stands: its status and what came of each line."""
    order = PurchaseOrder.objects.get(number=number)
    return order.status, [line.received for line in order.lines.order_by("item__sku")]


@pytest.mark.req("LED-23")
def test_a_receipt_in_two_parts_makes_it_part_received_then_received(shop, follow):
    order = placed(*shop)

    assert follow(receipt(order.number, 4)) == 1
    part = standing(order.number)
    assert follow(receipt(order.number, 6)) == 1

    assert (part, standing(order.number)) == (("part_received", [4]), ("received", [10]))
    assert received_documents([order.number, "PO-999999"]) == {order.number}
    assert told("purchaseorder") == [
        "purchase_order.placed",
        "purchase_order.part_received",
        "purchase_order.received",
    ]
    assert (EventWork.objects.filter(consumer="orders").count(), is_following_due()) == (0, False)
    assert Timer.objects.get().status == "cancelled"


@pytest.mark.req("EVT-07")
def test_a_receipt_that_comes_twice_counts_once(shop, follow):
    order = placed(*shop)
    body = receipt(order.number, 4)

    follow(body)
    assert follow(body) == 0

    assert standing(order.number) == ("part_received", [4])


def test_receipts_out_of_order_come_to_the_same_moment(shop, follow):
    order = placed(*shop)

    follow(receipt(order.number, 6, occurred_at=hour(9)))
    follow(receipt(order.number, 4, occurred_at=hour(8)))

    order.refresh_from_db()
    assert (*standing(order.number), order.received_at) == ("received", [10], hour(9))


@pytest.mark.req("LED-23")
def test_more_than_was_ordered_is_shown_as_it_is(shop, follow):
    order = placed(*shop)

    follow(receipt(order.number, 13))

    line = PurchaseOrderLine.objects.get()
    assert (*standing(order.number), line.outstanding) == ("received", [13], 0)
    assert inbound_supply([(shop[0].pk, shop[1].pk)]) == {(shop[0].pk, shop[1].pk): []}


@pytest.mark.parametrize(
    ("left", "status", "outstanding"),
    [(7, "part_received", 3), (0, "sent", 10)],
    ids=["in part", "wholly"],
)
def test_a_corrected_receipt_opens_the_order_again(shop, follow, left, status, outstanding):
    order = placed(*shop)
    place = (shop[0].pk, shop[1].pk)
    follow(receipt(order.number, 10, source_id="r1"))

    assert follow(correction("r1", left)) == 1

    assert standing(order.number) == (status, [left])
    assert [one.quantity for one in inbound_supply([place])[place]] == [outstanding]
    order.refresh_from_db()
    assert (order.received_at is None) == (left == 0)


def test_a_receipt_of_an_unknown_document_is_let_go(shop, follow):
    assert follow(receipt("UNKNOWN", 5)) == 1

    assert (PurchaseOrder.objects.count(), is_following_due()) == (0, False)


def test_an_item_on_no_line_belongs_to_no_order(shop, follow):
    order = placed(*shop)
    item("HAT")

    follow(receipt(order.number, 5, item="HAT"))

    assert standing(order.number) == ("approved", [0])


@pytest.mark.req("SUP-01", "CON-09")
def test_a_shipping_notice_moves_the_date_and_keeps_the_promise(shop, follow):
    promised = clock.now() + timedelta(days=7)
    later = promised + timedelta(days=3)
    order = placed(*shop, due=promised)

    follow(about("asn.created", order.number, due_at=later, attributes={"asn": "ASN-9"}))

    order.refresh_from_db()
    assert (order.expected_at, order.promised_at, order.asn) == (later, promised, "ASN-9")
    assert sorted(Timer.objects.values_list("due_at", flat=True)) == [
        looked_at(promised),
        looked_at(later),
    ]
    assert late_purchase_orders(promised + timedelta(days=1)) == []
    assert late_purchase_orders(later + timedelta(days=1)) == [order]


def test_the_latest_notice_in_time_wins_not_the_last_to_come(shop, follow):
    order = placed(*shop)
    first, second = clock.now() + timedelta(days=9), clock.now() + timedelta(days=12)

    follow(about("asn.updated", order.number, due_at=second, occurred_at=hour(9)))
    follow(about("asn.created", order.number, due_at=first, occurred_at=hour(8)))

    order.refresh_from_db()
    assert order.expected_at == second


def test_a_notice_withdrawn_gives_the_promised_date_back(shop, follow):
    order = placed(*shop)
    later = clock.now() + timedelta(days=20)
    follow(about("asn.created", order.number, due_at=later, source_id="a1"))

    follow(correction("a1"))

    order.refresh_from_db()
    assert order.expected_at == order.promised_at


@pytest.mark.req("SUP-01")
def test_a_confirmation_confirms_and_a_cancellation_cancels(shop, follow):
    first, second = placed(*shop), placed(*shop)

    follow(
        about("purchase_order.confirmed", first.number),
        about("purchase_order.cancelled", second.number),
    )

    assert (standing(first.number)[0], standing(second.number)[0]) == ("confirmed", "cancelled")
    place = (shop[0].pk, shop[1].pk)
    assert [one.document for one in inbound_supply([place])[place]] == [first.number]


def test_a_changed_quantity_changes_the_line(shop, follow):
    order = placed(*shop)

    follow(event("purchase_order.changed", 8, document=order.number))
    changed = PurchaseOrderLine.objects.get().quantity
    follow(receipt(order.number, 8))

    assert (changed, standing(order.number)) == (8, ("received", [8]))
    assert PurchaseOrderLine.objects.get().unit_cost == Decimal("4.50")


@pytest.mark.req("EVT-13")
@pytest.mark.parametrize("order_of_arrival", list(itertools.permutations(range(4))))
def test_an_outside_order_ends_the_same_in_every_order_of_arrival(shop, follow, order_of_arrival):
    item("HAT")
    due = clock.now() + timedelta(days=5)
    bodies = [
        event("purchase_order.created", 10, document="X-1", supplier="MILL", occurred_at=hour(1)),
        event("purchase_order.created", 3, document="X-1", item="HAT", occurred_at=hour(2)),
        about("asn.created", "X-1", due_at=due, occurred_at=hour(3)),
        receipt("X-1", 10, occurred_at=hour(4)),
    ]

    for number in order_of_arrival:
        assert follow(bodies[number]) == 1

    order = PurchaseOrder.objects.get()
    assert (order.is_ours, order.supplier.code, order.node.code) == (False, "MILL", "S1")
    assert (order.expected_at, order.promised_at) == (due, due)
    assert dict(order.lines.values_list("item__sku", "quantity")) == {"HAT": 3, "SOCK": 10}
    assert standing("X-1") == ("part_received", [0, 10])
    assert Timer.objects.filter(subject_id="X-1").count() == 1
    assert told("purchaseorder").count("purchase_order.announced") == 1
    assert is_following_due() is False


@pytest.mark.parametrize("is_cancelled_first", [True, False])
def test_goods_that_came_in_full_were_received_whatever_was_cancelled(
    shop, follow, is_cancelled_first
):
    order = placed(*shop)
    bodies = [
        about("purchase_order.cancelled", order.number, occurred_at=hour(8)),
        receipt(order.number, 10, occurred_at=hour(9)),
    ]

    for body in bodies if is_cancelled_first else bodies[::-1]:
        follow(body)

    assert standing(order.number) == ("received", [10])


@pytest.mark.parametrize("is_cancelled_first", [True, False])
def test_what_was_cancelled_after_a_part_came_stays_cancelled(shop, follow, is_cancelled_first):
    order = placed(*shop)
    bodies = [
        about("purchase_order.cancelled", order.number, occurred_at=hour(8)),
        receipt(order.number, 4, occurred_at=hour(9)),
    ]

    for body in bodies if is_cancelled_first else bodies[::-1]:
        follow(body)

    assert standing(order.number) == ("cancelled", [4])


@pytest.fixture
def transfer(shop) -> TransferOrder:
    """Five SOCK from DC1, which has ten, to S1."""
    depot = node("DC1")
    place_transfers([wanted_transfer(shop[0], depot, shop[1])], by=SYSTEM)
    send(event("receipt.recorded", 10, node="DC1"))
    follow_events(by=SYSTEM)
    return TransferOrder.objects.get()


def leg(kind: str, transfer: TransferOrder, quantity: int, **fields: object) -> dict[str, object]:
    """Units of a transfer leaving DC1 or coming to S1."""
    ends = {"node": "DC1", "to_node": "S1"} if kind == "transfer.shipped" else {"node": "S1"}
    return event(kind, quantity, document=transfer.number, **ends, **fields)


@pytest.mark.req("LED-15")
def test_a_transfer_is_shipped_then_received_in_parts(transfer, follow):
    seen = []

    for body in (
        leg("transfer.shipped", transfer, 5),
        leg("transfer.received", transfer, 2),
        leg("transfer.received", transfer, 3),
    ):
        follow(body)
        transfer.refresh_from_db()
        seen.append((transfer.status, transfer.shipped, transfer.received))

    assert seen == [("shipped", 5, 0), ("shipped", 5, 2), ("received", 5, 5)]
    assert received_documents([transfer.number]) == {transfer.number}


@pytest.mark.req("LED-15")
def test_a_receipt_before_its_shipment_ends_the_same(transfer, follow):
    follow(leg("transfer.received", transfer, 5))
    follow(leg("transfer.shipped", transfer, 5))

    transfer.refresh_from_db()
    assert (transfer.status, transfer.shipped, transfer.received) == ("received", 5, 5)


def test_a_shipment_corrected_away_puts_the_transfer_back(transfer, follow):
    follow(leg("transfer.shipped", transfer, 5, source_id="t1"))

    follow(correction("t1"))

    transfer.refresh_from_db()
    assert (transfer.status, transfer.shipped) == ("sent", 0)


@pytest.mark.parametrize("is_cancelled_first", [True, False])
def test_what_left_its_node_is_on_its_way_whatever_was_cancelled(
    transfer, follow, is_cancelled_first
):
    bodies = [
        about("transfer.cancelled", transfer.number, occurred_at=hour(8)),
        leg("transfer.shipped", transfer, 5, occurred_at=hour(9)),
    ]

    for body in bodies if is_cancelled_first else bodies[::-1]:
        follow(body)

    transfer.refresh_from_db()
    assert transfer.status == "shipped"


def test_a_transfer_from_outside_is_created_whenever_it_is_announced(shop, follow):
    node("DC1")
    follow(event("transfer.received", 2, document="T-1"))

    follow(event("transfer.created", 6, node="DC1", to_node="S1", document="T-1",
                 occurred_at=hour(1)))  # fmt: skip

    one = TransferOrder.objects.get()
    assert (one.status, one.quantity, one.received, one.is_ours) == ("shipped", 6, 2, False)
    assert (one.from_node.code, one.to_node.code) == ("DC1", "S1")


def test_supply_on_its_way_is_ordered_by_its_date_in_one_statement(shop, transfer):
    place = (shop[0].pk, shop[1].pk)
    late = placed(*shop, 9, due=clock.now() + timedelta(days=9))
    soon = placed(*shop, 2, due=clock.now() + timedelta(days=2))

    with CaptureQueriesContext(connection) as taken:
        supply = inbound_supply([place, (shop[0].pk, 999_999)])

    assert len(taken) == 1
    assert [(one.document, one.quantity, one.is_transfer) for one in supply[place]] == [
        (transfer.number, 5, True),
        (soon.number, 2, False),
        (late.number, 9, False),
    ]
    assert supply[shop[0].pk, 999_999] == []


def test_late_orders_come_longest_overdue_first_in_three_statements(shop):
    now = clock.now()
    for days in (1, 3, 2):
        placed(*shop, days, due=now - timedelta(days=days))
    placed(*shop, 9, due=now + timedelta(days=1))

    with CaptureQueriesContext(connection) as taken:
        late = [
            (order.supplier.code, order.node.code, line.item.sku, line.quantity)
            for order in late_purchase_orders(now)
            for line in order.lines.all()
        ]

    assert len(taken) == 3
    assert late == [("MILL", "S1", "SOCK", days) for days in (3, 2, 1)]


def test_three_hundred_receipts_take_as_many_statements_as_three(shop, follow):
    orders = [placed(*shop) for _ in range(100)]

    def statements(of: list[PurchaseOrder]) -> int:
        send(
            *(
                receipt(order.number, 1, attributes={"delivery": part})
                for order in of
                for part in range(3)
            )
        )
        with CaptureQueriesContext(connection) as taken:
            assert follow_events(by=SYSTEM) == 3 * len(of)
        return len(taken)

    assert statements(orders[:1]) == statements(orders[1:])
    assert set(PurchaseOrderLine.objects.values_list("received", flat=True)) == {3}


def test_a_document_that_cannot_be_followed_stops_no_other_and_rests_after_five_tries(shop, follow):
    good = placed(*shop)
    send(
        event("purchase_order.created", 5, document="B" * 61),
        receipt(good.number, 10),
    )

    tries = [follow_events(by=SYSTEM) for _ in range(6)]

    left = EventWork.objects.get(consumer="orders")
    assert tries == [1, 0, 0, 0, 0, 0]
    assert standing(good.number) == ("received", [10])
    assert (left.attempts, "too long" in left.error) == (5, True)
    assert is_following_due() is False


def test_expecting_the_same_moment_twice_sets_one_timer(shop):
    due = clock.now() + timedelta(days=1)

    for _ in range(2):
        expect({"PO-000001": due, "PO-000002": None})

    assert Timer.objects.get().subject_id == "PO-000001"
