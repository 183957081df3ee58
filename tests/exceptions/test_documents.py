"""Documents: late transfers, disputes about transfers and receipts, damage, from fact to case."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from exceptions.models import ExceptionCase
from exceptions.services import detect_due, resolve
from exceptions.states import Status
from inventory_control.availability.services import recalculate_due
from inventory_control.catalog.models import Promotion
from inventory_control.core import clock
from inventory_control.core.errors import NotPermitted, Refused
from inventory_control.orders.models import TransferOrder
from inventory_control.orders.selectors import undecided_goods
from inventory_control.orders.services import (
    book_events,
    decide_document,
    follow_events,
    settle_transfer,
)
from inventory_control.outbox.models import OutboundCommand
from inventory_control.pipeline import run_stage
from inventory_control.stock.selectors import positions_of
from tests.factories import SYSTEM, at_node, event, hour, item, node, planner, send, supplier
from tests.http import Api
from workflows.console.case import evidence_lines

PLACER = planner("orders.place")


@pytest.fixture
def live() -> Callable[..., dict[str, ExceptionCase]]:
    """Post events, let orders and ERP follow, detect; answers the live cases by key."""

    def carry_out(*bodies: dict[str, Any]) -> dict[str, ExceptionCase]:
        assert {str(answer.outcome) for answer in send(*bodies)} <= {"posted", "noted"}
        follow_events(by=SYSTEM)
        book_events(by=SYSTEM)
        detect_due(by=SYSTEM)
        return {
            case.key: case
            for case in ExceptionCase.objects.filter(
                status__in=["open", "acknowledged"], document__gt=""
            )
        }

    return carry_out


@pytest.fixture
def ends(tenant):
    """SOCK, the store S1 and the centre DC1."""
    return item(supplier=supplier()), node(), node("DC1", kind="dc")


def ordered(quantity: int = 20, **fields: Any) -> dict[str, Any]:
    """A transfer T1 from DC1 to S1, due tomorrow."""
    return event(
        "transfer.created", quantity, node="DC1", to_node="S1", document="T1",
        due_at=clock.now() + timedelta(days=1), **fields,
    )  # fmt: skip


def shipped(quantity: int = 20) -> dict[str, Any]:
    return event("transfer.shipped", quantity, node="DC1", to_node="S1", document="T1")


def arrived(quantity: int, **fields: Any) -> dict[str, Any]:
    return event("transfer.received", quantity, document="T1", **fields)


def in_transit(of: Any, at: Any) -> int:
    return positions_of([of.pk])[of.pk, at.pk].in_transit


@pytest.mark.req("LED-15")
def test_what_a_receipt_leaves_out_stays_in_transit_with_a_case_naming_both_nodes(ends, live):
    sock, store, _ = ends

    assert live(ordered(), shipped()) == {}
    cases = live(arrived(18))

    case = cases["transfer_discrepancy:T1"]
    assert (case.units, case.at_stake, case.node_id) == (2, Decimal("8.00"), store.pk)
    assert case.summary == "T1 of SOCK, DC1 to S1: 20 shipped, 18 received, 2 missing"
    assert (case.evidence["from_node"], case.evidence["to_node"]) == ("DC1", "S1")
    assert in_transit(sock, store) == 2


@pytest.mark.req("LED-15")
@pytest.mark.parametrize(
    ("settlement", "sellable", "at_sender", "status"),
    [("found", 20, -20, "received"), ("returned", 18, -18, "received"),
     ("written_off", 18, -20, "received")],
)  # fmt: skip
def test_a_dispute_ends_however_it_is_settled(ends, live, settlement, sellable, at_sender, status):
    sock, store, centre = ends
    live(ordered(), shipped(), arrived(18))

    settle_transfer(number="T1", settlement=settlement, quantity=2, reason="Looked for", by=PLACER)
    after = live()

    positions = positions_of([sock.pk])
    assert after == {}
    assert (positions[sock.pk, store.pk].sellable, in_transit(sock, store)) == (sellable, 0)
    assert positions[sock.pk, centre.pk].sellable == at_sender
    assert TransferOrder.objects.get().status == status
    told = OutboundCommand.objects.filter(kind="erp.document").values_list("payload__form")
    assert [form for (form,) in told.order_by("pk")] == {
        "found": ["transfer", "transfer"],
        "returned": ["transfer"],
        "written_off": ["transfer", "write_off"],
    }[settlement]


@pytest.mark.req("LED-15")
def test_more_than_was_shipped_is_a_dispute_too_and_visible_in_the_ledger(ends, live):
    sock, store, _ = ends

    cases = live(ordered(), shipped(), arrived(23))
    case = cases["transfer_discrepancy:T1"]
    transit = in_transit(sock, store)
    settle_transfer(
        number="T1", settlement="written_off", quantity=-3, reason="Packed too many", by=PLACER
    )

    assert (case.units, case.evidence["in_transit"], transit) == (3, -3, -3)
    assert (live(), in_transit(sock, store)) == ({}, 0)


@pytest.mark.req("LED-15")
def test_a_receipt_that_announces_more_is_believed_until_the_transfer_is_due(
    ends, live, monkeypatch
):
    cases = live(ordered(), shipped(), arrived(12, attributes={"partial": True}))
    tomorrow = clock.now() + timedelta(days=1, minutes=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)

    assert cases == {}
    assert live()["transfer_discrepancy:T1"].units == 8


@pytest.mark.req("LED-15")
@pytest.mark.parametrize("quantity", [0, -1, 3])
def test_no_more_is_settled_than_is_in_transit(ends, live, quantity):
    live(ordered(), shipped(), arrived(18))

    with pytest.raises(Refused, match="2 units are in transit"):
        settle_transfer(
            number="T1", settlement="written_off", quantity=quantity, reason="Lost", by=PLACER
        )
    with pytest.raises(NotPermitted):
        settle_transfer(
            number="T1", settlement="found", quantity=2, reason="x", by=planner("orders.read")
        )

    assert set(live()) == {"transfer_discrepancy:T1"}


@pytest.mark.req("LED-15")
def test_the_same_units_are_not_settled_twice(ends, live):
    live(ordered(), shipped(), arrived(18))
    settle_transfer(number="T1", settlement="found", quantity=2, reason="Found", by=PLACER)

    with pytest.raises(Refused, match="0 units are in transit"):
        settle_transfer(number="T1", settlement="written_off", quantity=2, reason="x", by=PLACER)


@pytest.mark.req("EXC-20", "EXC-21")
def test_a_transfer_that_did_not_leave_is_a_case_of_its_sender(ends, live):
    _, _, centre = ends
    late = clock.now() - timedelta(hours=5)

    case = live({**ordered(), "due_at": late})["transfer_delay:T1"]
    after = live(shipped())

    assert (case.node_id, case.units) == (centre.pk, 20)
    assert case.summary.endswith("not shipped")
    assert after == {}


@pytest.mark.req("LED-17", "EXC-08", "SUP-03")
def test_a_notice_that_differs_is_told_to_the_supplier_before_anything_arrives(ends, live):
    item("HAT", supplier=ends[0].supplier)
    po = {"document": "PO-500", "supplier": "MILL", "due_at": clock.now() + timedelta(days=3)}
    notice = {"document": "PO-500", "due_at": po["due_at"]}

    cases = live(
        event("purchase_order.created", 100, **po),
        event("purchase_order.created", 50, item="HAT", **po),
        event("asn.created", 100, attributes={"asn": "ASN-1", "dispatched": True}, **notice),
        event("asn.created", 40, item="HAT", attributes={"asn": "ASN-1", "dispatched": True},
              **notice),
    )  # fmt: skip
    live()

    positions = positions_of([ends[0].pk])[ends[0].pk, ends[1].pk]
    assert (positions.in_transit, positions.on_hand) == (100, 0)
    case = cases["receipt_discrepancy:PO-500"]
    assert (case.summary, case.units) == ("PO-500 from Mill for S1: HAT -10", 10)
    command = OutboundCommand.objects.get(kind="supplier.discrepancy")
    assert (command.target, command.payload["supplier"]) == ("supplier:MILL", "MILL")
    assert command.payload["lines"] == [
        {"sku": "HAT", "ordered": 50, "announced": 40, "received": 0, "difference": -10,
         "damaged": 0},
    ]  # fmt: skip


@pytest.mark.req("LED-17", "EXC-08")
def test_a_short_receipt_closes_what_came_and_opens_what_did_not(ends, live):
    po = event("purchase_order.created", 100, document="PO-1", supplier="MILL")

    case = live(po, event("receipt.recorded", 95, document="PO-1"))["receipt_discrepancy:PO-1"]
    after = live(event("receipt.recorded", 5, document="PO-1"))

    assert case.evidence["lines"] == [
        {"sku": "SOCK", "ordered": 100, "announced": None, "received": 95, "difference": -5,
         "is_ordered": True}
    ]  # fmt: skip
    assert after == {}
    assert not OutboundCommand.objects.filter(kind="supplier.discrepancy").exists()


@pytest.mark.req("LED-17")
def test_a_receipt_in_parts_that_says_so_is_no_discrepancy(ends, live):
    po = event("purchase_order.created", 100, document="PO-1", supplier="MILL")

    assert (
        live(po, event("receipt.recorded", 60, document="PO-1", attributes={"partial": True})) == {}
    )


@pytest.mark.req("LED-20", "LED-17")
def test_goods_nobody_ordered_are_a_case_until_somebody_decides(ends, live):
    item("CAP")

    cases = live(
        event("purchase_order.created", 100, document="PO-1", supplier="MILL"),
        event("receipt.recorded", 100, document="PO-1"),
        event("receipt.recorded", 5, item="CAP", document="PO-1", to_state="quarantined"),
    )
    (held,) = undecided_goods()
    decide_document(number=held.number, is_accepted=True, reason="We keep them", by=PLACER)

    assert cases["receipt_discrepancy:PO-1"].summary == "PO-1 from Mill for S1: CAP +5"
    assert live() == {}


@pytest.mark.req("LED-05", "EXC-09")
@pytest.mark.parametrize(("damaged", "is_case"), [(6, True), (2, False)])
def test_damage_beyond_the_policy_is_a_quality_case_a_person_closes_for_good(
    ends, live, damaged, is_case
):
    sock, store, _ = ends
    inspected = {"document": "PO-1", "from_state": "received"}

    cases = live(
        event("purchase_order.created", 95, document="PO-1", supplier="MILL"),
        event("receipt.recorded", 95, document="PO-1", to_state="received"),
        event("receipt.inspected", damaged, to_state="damaged", **inspected),
        event("receipt.inspected", 95 - damaged, to_state="sellable", **inspected),
    )

    position = positions_of([sock.pk])[sock.pk, store.pk]
    assert (position.received, position.sellable, position.damaged) == (0, 95 - damaged, damaged)
    assert ("receipt_quality:PO-1" in cases) is is_case
    if is_case:
        case = cases["receipt_quality:PO-1"]
        assert case.summary == "PO-1 at S1: 6 of 95 SOCK damaged (6.3 %)"
        resolve(case, reason="Claimed from the mill", by=planner("exceptions.handle"))
        assert live() == {}
        more = event("receipt.recorded", 5, document="PO-1", to_state="received")
        worse = event("receipt.inspected", 5, to_state="damaged", **inspected)
        assert live(more, worse)["receipt_quality:PO-1"].status == Status.OPEN


@pytest.mark.req("LED-23")
def test_a_low_stock_case_lists_each_check_with_what_it_found(tenant):
    sock, full = item(supplier=supplier()), node("S8", capacity_units=30)
    node("DC1", kind="dc")
    at_node(sock, full, reorder_point=10)
    send(
        event("stock.opened", 2, node="S8"),
        event("purchase_order.created", 5, node="S8", document="PO-1", supplier="MILL"),
        event(
            "transfer.created", 20, node="DC1", to_node="S8", document="T1",
            due_at=clock.now() - timedelta(days=1),
        ),
    )  # fmt: skip
    follow_events(by=SYSTEM)
    recalculate_due(by=SYSTEM)
    detect_due(by=SYSTEM)

    case = ExceptionCase.objects.get(kind="stockout")

    assert case.evidence["checks"] == [
        {"check": "open_purchase_orders", "passed": False, "found": "5 units ordered (PO-1)"},
        {
            "check": "in_transit",
            "passed": True,
            "found": "20 units under way between nodes, 20 of all supply late (T1)",
        },
        {
            "check": "lead_time",
            "passed": True,
            "found": "0 units asked for in the 8 days an order takes",
        },
        {"check": "capacity", "passed": True, "found": "room for 3 units"},
        {
            "check": "promotions",
            "passed": True,
            "found": "none planned for the 8 days an order takes",
        },
    ]


@pytest.mark.req("LED-23", "EVT-21")
@pytest.mark.parametrize(
    ("stock", "lead_time", "promotions"),
    [
        (7, "failed, 8 units", "failed, 24 units"),
        (20, "passed, 8 units", "failed, 24 units"),
        (32, "passed, 8 units", "passed, 24 units"),
    ],
)
def test_a_promotion_ahead_is_a_check_of_its_own(tenant, stock, lead_time, promotions):
    now = clock.now()
    sock, shop = item(supplier=supplier()), node()
    at_node(sock, shop, reorder_point=10)
    Promotion.objects.create(
        code="SAT", item=sock, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=20),
        uplift=Decimal(3),
    )  # fmt: skip
    send(
        event("stock.opened", stock + 8, occurred_at=now - timedelta(days=8, minutes=2)),
        *(
            event("sale.recorded", 1, occurred_at=now - timedelta(days=day, minutes=1))
            for day in range(8)
        ),
    )
    for stage in ("orders", "availability", "detect"):
        run_stage(stage)

    case = ExceptionCase.objects.get(kind="stockout")
    _, told = Api("exceptions.read").get(f"exceptions/{case.pk}")
    lines = {one["name"]: one["value"] for one in evidence_lines(case.evidence)}
    day = (now - timedelta(days=1)).date()
    assert lines["Check: lead time"] == f"{lead_time} asked for in the 8 days an order takes"
    assert lines["Check: promotions"] == (
        f"{promotions} more asked for in the 8 days an order takes "
        f"(SAT {day} to {(now + timedelta(days=20)).date()})"
    )
    assert [one["check"] for one in told["evidence"]["checks"]] == [
        "open_purchase_orders", "in_transit", "lead_time", "capacity", "promotions",
    ]  # fmt: skip


@pytest.mark.req("LED-23")
def test_what_ran_dry_lists_the_checks_too(tenant):
    item(supplier=supplier())
    node()
    send(event("stock.opened", 2, occurred_at=hour(0)), event("sale.recorded", 2))
    for stage in ("availability", "detect"):
        run_stage(stage)

    case = ExceptionCase.objects.get(kind="out_of_stock")
    assert {one["check"]: one["passed"] for one in case.evidence["checks"]} == {
        "open_purchase_orders": False,
        "in_transit": False,
        "lead_time": False,
        "capacity": True,
        "promotions": True,
    }
