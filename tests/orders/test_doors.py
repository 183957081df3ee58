"""Thin doors over events, and ERP documents over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from inventory_control.core import clock
from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.orders.models import PurchaseOrder
from inventory_control.orders.services import book_events, follow_events, place_transfers
from inventory_control.stock.selectors import claims_of, positions_of
from tests.factories import SYSTEM, event, hour, item, node, send
from tests.http import Api
from tests.orders.documents import placed, wanted_transfer

AT = (clock.now() - timedelta(minutes=5)).isoformat()


@pytest.fixture
def api(shop) -> Api:
    """A warehouse's key."""
    return Api("events.write", "orders.read", "orders.place")


@pytest.mark.req("INT-05")
def test_lines_say_whether_they_are_confirmed_partial_late_or_received(api, shop):
    hat = item("HAT", supplier=shop[0].supplier)
    tomorrow = clock.now() + timedelta(days=1)
    open_, confirmed, partial, late, received = (
        placed(*shop, due=due)
        for due in (tomorrow, tomorrow, tomorrow, clock.now() - timedelta(hours=1), tomorrow)
    )
    send(
        event("purchase_order.confirmed", item=None, node=None, document=confirmed.number),
        event("receipt.recorded", 4, document=partial.number),
        event("receipt.recorded", 10, document=received.number),
    )
    follow_events(by=SYSTEM)

    states = [
        api.get(f"purchase-orders/{order.number}")[1]["lines"][0]["state"]
        for order in (open_, confirmed, partial, late, received)
    ]

    assert states == ["open", "confirmed", "partial", "late", "received"]
    assert hat.pk


@pytest.mark.req("INT-06", "LED-05")
def test_an_inspection_answers_where_the_goods_are_and_where_they_may_go(api, shop):
    send(event("return.received", 3))
    body = {
        "reference": "I-1", "occurred_at": AT, "subject": "return", "item": "SOCK", "node": "S1", "quantity": 2,
        "to_state": "refurbishable",
    }  # fmt: skip

    status, answer = api.post("inspections", body)
    again, repeat = api.post("inspections", body)
    other, conflict = api.post("inspections", {**body, "quantity": 1})

    assert (status, answer["disposition"]) == (201, "refurbishable")
    assert answer["next_states"] == ["damaged", "sellable"]
    assert (again, repeat["outcome"], repeat["event_id"]) == (200, "duplicate", answer["event_id"])
    assert (other, conflict["code"], conflict["field"]) == (409, "content_conflict", "reference")
    position = positions_of([shop[0].pk])[shop[0].pk, shop[1].pk]
    assert (position.received, position.refurbishable, position.sellable) == (1, 2, 0)


@pytest.mark.req("INT-06", "LED-03")
def test_an_inspection_along_no_way_is_refused_and_kept(api, shop):
    body = {
        "reference": "I-1", "occurred_at": AT, "subject": "return", "item": "SOCK", "node": "S1", "quantity": 2,
        "from_state": "damaged", "to_state": "sellable",
    }  # fmt: skip

    status, problem = api.post("inspections", body)
    unknown, named = api.post("inspections", {**body, "reference": "I-2", "item": "HAT"})

    assert (status, problem["code"]) == (422, "invalid_event")
    assert "damaged stock cannot become sellable" in problem["detail"]
    assert (unknown, named["field"]) == (422, "item")
    assert (InventoryEvent.objects.count(), DeadLetter.objects.count()) == (0, 2)


@pytest.mark.req("INT-07")
def test_a_supplier_posts_a_ship_date_of_its_own_order_and_sees_the_risk(shop):
    promised = clock.now() + timedelta(days=2)
    order = placed(*shop, due=promised)
    mill = Api("events.write", name="mill", sources=("MILL",))
    other = Api("events.write", name="loom", sources=("LOOM",))
    due_at = (promised + timedelta(days=3)).isoformat()
    body = {"reference": "D-1", "occurred_at": AT, "due_at": due_at}

    foreign, _ = other.post(f"purchase-orders/{order.number}/ship-date", body)
    status, answer = mill.post(f"purchase-orders/{order.number}/ship-date", body)
    follow_events(by=SYSTEM)

    assert (foreign, status) == (404, 200)
    assert (answer["days_late"], answer["outstanding"], answer["is_at_risk"]) == (3, 10, True)
    order.refresh_from_db()
    assert order.expected_at == datetime.fromisoformat(body["due_at"])
    assert order.promised_at == promised
    assert InventoryEvent.objects.get().source == "MILL"


@pytest.mark.req("INT-07")
def test_a_ship_date_needs_a_date_and_a_known_order(api, shop):
    order = placed(*shop)
    body = {"reference": "x", "occurred_at": AT}

    assert (
        api.post(
            f"purchase-orders/{order.number}/ship-date", {"reference": "x", "occurred_at": AT}
        )[0]
        == 422
    )
    assert api.post("purchase-orders/PO-9/ship-date", {**body, "due_at": "soon"})[0] == 422
    assert api.post("purchase-orders/PO-9/ship-date", {**body, "due_at": AT})[0] == 404
    assert PurchaseOrder.objects.get().expected_at == order.expected_at


@pytest.mark.req("INT-09")
def test_a_shipment_consumes_the_claim_and_reduces_on_hand(api, shop):
    send(
        event("stock.opened", 10, occurred_at=hour(1)),
        event("order.created", 4, order="O1", line="1"),
    )
    body = {
        "reference": "S-1", "occurred_at": AT, "order": "O1", "line": "1", "item": "SOCK", "node": "S1", "quantity": 3,
    }  # fmt: skip

    status, answer = api.post("shipments", body)
    again, _ = api.post("shipments", body)

    place = (shop[0].pk, shop[1].pk)
    position = positions_of([place[0]])[place]
    assert (status, answer["outcome"], again) == (201, "posted", 200)
    assert (position.on_hand, position.reserved) == (7, 1)
    assert [units for _, _, units in claims_of(*place)] == [1]


@pytest.mark.req("LED-31", "LED-20")
def test_erp_documents_are_listed_and_decided_over_http(api, shop):
    send(
        event("damage.recorded", 2, document="D-1"),
        event("receipt.recorded", 5, document="PO-X", to_state="quarantined"),
    )
    book_events(by=SYSTEM)

    status, page = api.get("erp-documents?limit=1")
    _, following = api.get(page["next"].removeprefix("/api/v1/"))
    (held,), (damage,) = page["results"], following["results"]
    path = f"erp-documents/{held['number']}"
    without, problem = api.post(f"{path}/decide", {"verdict": "accepted"})
    decided, after = api.post(f"{path}/decide", {"verdict": "accepted", "reason": "We keep them"})
    twice, refused = api.post(f"{path}/decide", {"verdict": "waived", "reason": "No"})

    assert (status, held["status"], held["held_for"]) == (200, "pending", "unordered")
    assert (damage["form"], damage["effect"], damage["value"]) == ("adjustment", "lost", "-8.00")
    assert (without, problem["field"]) == (422, "reason")
    assert (decided, after["status"], after["booked_at"] is not None) == (200, "queued", True)
    assert (twice, refused["code"]) == (409, "illegal_move")
    assert api.get("erp-documents?status=pending")[1]["results"] == []
    assert api.get("erp-documents/FD-9")[0] == 404


@pytest.mark.req("LED-15")
def test_a_dispute_is_read_and_settled_over_http(api, shop):
    (number,) = place_transfers(
        [wanted_transfer(shop[0], node("DC1"), shop[1], 20)], by=SYSTEM
    ).values()
    send(
        event("transfer.shipped", 20, node="DC1", to_node="S1", document=number),
        event("transfer.received", 18, document=number),
    )
    follow_events(by=SYSTEM)

    _, before = api.get(f"transfers/{number}")
    body = {"settlement": "written_off", "quantity": 3, "reason": "Lost"}
    much, problem = api.post(f"transfers/{number}/settle", body)
    status, _ = api.post(f"transfers/{number}/settle", {**body, "quantity": 2})
    follow_events(by=SYSTEM)
    _, after = api.get(f"transfers/{number}")

    assert (before["in_transit"], before["disputed"]) == (2, 2)
    assert (much, problem["field"], problem["in_transit"]) == (422, "quantity", 2)
    assert (status, after["written_off"], after["disputed"], after["status"]) == (
        200, 2, 0, "received",
    )  # fmt: skip
    assert api.post("transfers/T-9/settle", body)[0] == 404
