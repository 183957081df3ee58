"""What shelves, customers and serials say: doubts and counts, never stock."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from exceptions.models import ExceptionCase
from exceptions.services import detect_due, follow_serials, follow_shelves, resolve
from exceptions.states import Status
from inventory_control.availability.services import recalculate_due
from inventory_control.core import clock
from inventory_control.events.models import DeadLetter, EventWork, InventoryEvent, Serial
from inventory_control.events.selectors import customer_signals, serials_of
from inventory_control.stock.selectors import positions_at
from tests.factories import SYSTEM, event, hour, item, node, outcomes, planner, send


@pytest.fixture
def shop(tenant):
    """Six of SOCK at S1."""
    sock, place = item(), node()
    send(event("receipt.recorded", 6, occurred_at=hour(1)))
    return sock, place


def look() -> None:
    """What the stages do."""
    follow_shelves(by=SYSTEM)
    follow_serials(by=SYSTEM)
    recalculate_due(by=SYSTEM)
    detect_due(by=SYSTEM)


def phantom() -> ExceptionCase:
    return ExceptionCase.objects.get(kind="phantom_suspected")


@pytest.mark.req("EVT-22")
def test_an_empty_shelf_with_six_on_the_books_is_a_suspected_phantom_and_moves_nothing(shop):
    sock, place = shop
    send(event("shelf.signalled", 0, occurred_at=hour(2), source="shelf-7", source_id="b1"))
    look()

    case = phantom()
    assert (case.key, case.units, case.evidence["sellable"]) == ("phantom_suspected:SOCK@S1", 6, 6)
    assert (case.evidence["source"], case.evidence["source_id"]) == ("shelf-7", "b1")
    assert positions_at([(sock.pk, place.pk)])[sock.pk, place.pk].sellable == 6


@pytest.mark.req("EVT-22")
@pytest.mark.parametrize(
    "later",
    [
        event("shelf.signalled", 3, occurred_at=hour(3)),
        event("shelf.replenished", 4, occurred_at=hour(3)),
        event("stock.counted", 6, occurred_at=hour(3)),
        event("sale.recorded", 6, occurred_at=hour(3)),
    ],
    ids=lambda body: body["type"],
)
def test_the_doubt_ends_when_the_shelf_fills_somebody_counts_or_the_books_run_out(shop, later):
    send(event("shelf.signalled", occurred_at=hour(2), attributes={"shelf": "empty"}))
    look()
    assert phantom().status == Status.OPEN

    send({**later, "source_id": f"later-{clock.now().timestamp()}"})
    look()

    assert (phantom().status, phantom().resolution) == (Status.RESOLVED, "cleared")


@pytest.mark.req("EVT-22")
def test_an_older_signal_that_arrives_late_changes_nothing(shop):
    send(event("shelf.signalled", 3, occurred_at=hour(5)))
    look()
    send(event("shelf.signalled", 0, occurred_at=hour(4)))
    look()

    assert ExceptionCase.objects.count() == 0


@pytest.mark.req("EVT-23")
def test_customer_signals_are_counted_per_item_by_what_was_said(shop):
    sock, _ = shop
    for reason in ("back_in_stock", "back_in_stock", "complaint"):
        send(event("customer.signalled", reason=reason, customer="tok-1", occurred_at=hour(3)))
    send(event("customer.signalled", reason="complaint", source_id="c9", occurred_at=hour(3)))
    send(
        event(
            "event.corrected", item=None, node=None, reason="typed twice",
            corrects={"source": "pos", "source_id": "c9"},
        )
    )  # fmt: skip

    assert customer_signals(sock.pk, since=hour(0)) == {"back_in_stock": 2, "complaint": 1}
    assert customer_signals(sock.pk, since=hour(4)) == {}


@pytest.mark.req("EVT-23")
@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ({"email": "x"}, "attributes.email"),
        ({"customerEmail": "x"}, "attributes.customerEmail"),
        ({"phone-number": "1"}, "attributes.phone-number"),
        ({"first_name": "Ada"}, "attributes.first_name"),
        ({"note": "write to ada@example.com"}, "attributes.note"),
    ],
)
def test_personal_data_is_quarantined_with_its_field_and_not_kept(shop, attributes, field):
    secret = next(iter(attributes.values()))
    (refusal,) = send(
        event("customer.signalled", attributes={**attributes, "signal": "back_in_stock"})
    )

    assert (str(refusal.outcome), refusal.code, refusal.field) == (
        "quarantined",
        "personal_data",
        field,
    )
    kept = bytes(DeadLetter.objects.get().body).decode()
    assert f'"{secret}"' not in kept
    assert "(removed)" in kept
    assert "back_in_stock" in kept
    assert InventoryEvent.objects.filter(type="customer.signalled").count() == 0


@pytest.mark.req("EVT-23")
def test_an_address_in_place_of_the_customers_token_is_refused_and_removed(shop):
    (refusal,) = send(event("customer.signalled", customer="ada@example.com"))

    assert (refusal.code, refusal.field) == ("personal_data", "customer")
    assert b"ada@" not in bytes(DeadLetter.objects.get().body)


def test_a_suppliers_name_is_nobodys_secret(tenant):
    assert outcomes(
        event("supplier.changed", item=None, node=None, attributes={"code": "M", "name": "Mill"})
    ) == ["noted"]


def unit(kind: str, at: int, source_id: str, **fields: object) -> dict[str, object]:
    """One numbered sock on its way."""
    return event(kind, 1, occurred_at=hour(at), serial="SN-1", source_id=source_id, **fields)


@pytest.mark.req("EVT-26")
def test_a_unit_is_followed_from_receipt_to_sale_to_return(shop):
    sock, place = shop
    there = node("S2")
    send(
        unit("receipt.recorded", 2, "u1", lot="L7", supplier="MILL"),
        unit("transfer.shipped", 3, "u2", to_node="S2"),
        unit("transfer.received", 4, "u3", node="S2"),
        unit("sale.recorded", 5, "u4", node="S2", order="O-1", line="1"),
    )
    look()
    (sold,) = serials_of(sock.pk)
    assert (sold.state, sold.node_id, sold.lot, sold.supplier, sold.order) == (
        "sold", there.pk, "L7", "MILL", "O-1",
    )  # fmt: skip

    send(unit("return.received", 6, "u5"))
    look()

    (back,) = serials_of(sock.pk)
    assert (back.state, back.returned_to, back.is_unknown) == ("returned", place.pk, False)
    assert ExceptionCase.objects.filter(kind="unknown_serial").count() == 0


@pytest.mark.req("EVT-26")
def test_a_return_of_a_serial_never_sold_is_flagged_until_its_sale_arrives_late(shop):
    send(unit("return.received", 6, "u5"))
    look()

    case = ExceptionCase.objects.get(kind="unknown_serial")
    assert (case.key, case.evidence["serial"]) == ("unknown_serial:SOCK@S1/SN-1", "SN-1")
    assert Serial.objects.get().is_unknown is True

    send(unit("sale.recorded", 5, "u4"))
    look()
    case.refresh_from_db()
    assert (case.status, case.resolution) == (Status.RESOLVED, "cleared")
    assert Serial.objects.get().is_unknown is False


@pytest.mark.req("EVT-26")
def test_an_unknown_serial_that_somebody_settled_stays_settled(shop):
    send(unit("return.received", 6, "u5"))
    look()
    resolve(
        ExceptionCase.objects.get(), reason="sold before go-live", by=planner("exceptions.handle")
    )

    send(event("sale.recorded", 1, occurred_at=hour(7)))
    look()

    assert ExceptionCase.objects.filter(kind="unknown_serial").count() == 1


@pytest.mark.req("EVT-26")
def test_a_withdrawn_sale_leaves_the_return_unknown(shop):
    send(unit("sale.recorded", 5, "u4"), unit("return.received", 6, "u5"))
    look()
    assert Serial.objects.get().is_unknown is False

    send(
        event(
            "event.corrected", item=None, node=None, reason="wrong till",
            corrects={"source": "pos", "source_id": "u4"},
        )
    )  # fmt: skip
    look()

    assert Serial.objects.get().is_unknown is True


@pytest.mark.req("EVT-26")
def test_a_units_story_is_the_same_in_every_order_of_arrival(shop):
    stories = set()
    for number, order in enumerate(
        itertools.permutations(
            [
                ("receipt.recorded", 2),
                ("sale.recorded", 3),
                ("return.received", 4),
                ("return.inspected", 5),
            ]
        )
    ):
        for kind, at in order:
            extra = {"to_state": "sellable"} if kind == "return.inspected" else {}
            send(
                event(
                    kind, 1, occurred_at=hour(at), serial=f"N{number}",
                    source_id=f"{number}-{kind}", **extra,
                )
            )  # fmt: skip
            follow_serials(by=SYSTEM)
        found = Serial.objects.get(serial=f"N{number}")
        stories.add((found.state, found.is_unknown, found.occurred_at))

    assert stories == {("in_stock", False, hour(5))}


def test_a_sale_without_a_serial_leaves_no_work(shop):
    send(event("sale.recorded", 1, occurred_at=hour(2) + timedelta(minutes=1)))

    assert EventWork.objects.filter(consumer="serials").count() == 0
