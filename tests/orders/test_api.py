"""Purchase orders and transfers over HTTP."""

from __future__ import annotations

import pytest

from inventory_control.core import clock
from inventory_control.orders.services import follow_events, place_transfers
from inventory_control.outbox.models import OutboundCommand
from tests.factories import SYSTEM, event, item, node, send
from tests.http import Api
from tests.orders.documents import placed, wanted_transfer


@pytest.fixture
def api(shop) -> Api:
    """A planner's key."""
    return Api("orders.read", "orders.place")


@pytest.mark.req("INT-05")
def test_an_order_is_read_with_what_has_arrived(api, shop):
    order = placed(*shop, due=clock.now())
    send(event("receipt.recorded", 4, document=order.number))
    follow_events(by=SYSTEM)

    status, body = api.get(f"purchase-orders/{order.number}")

    assert status == 200
    assert (body["number"], body["supplier"], body["node"]) == (order.number, "MILL", "S1")
    assert (body["status"], body["value"], body["is_ours"]) == ("part_received", "45.00", True)
    assert body["lines"] == [
        {"sku": "SOCK", "quantity": 10, "announced": None, "received": 4, "outstanding": 6,
         "inspected": 0, "damaged": 0, "difference": -6, "state": "late", "unit_cost": "4.5000"}
    ]  # fmt: skip


@pytest.mark.req("INT-05", "INT-14")
def test_orders_are_listed_newest_first_a_page_at_a_time(api, shop):
    numbers = [placed(*shop).number for _ in range(5)]
    hat = placed(item("HAT", supplier=shop[0].supplier), shop[1]).number
    seen, address = [], "purchase-orders?limit=2&sku=SOCK"

    while address:
        status, page = api.get(address)
        assert status == 200
        seen.append([row["number"] for row in page["results"]])
        address = (page["next"] or "").removeprefix("/api/v1/")

    assert seen == [numbers[:2:-1], numbers[2:0:-1], numbers[:1]]
    assert [row["number"] for row in api.get("purchase-orders?sku=HAT")[1]["results"]] == [hat]
    assert api.get("purchase-orders?status=received")[1] == {"results": [], "next": None}


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=ten", "after=-1"])
def test_a_bad_page_is_refused_by_name(api, query):
    status, problem = api.get(f"purchase-orders?{query}")

    assert (status, problem["field"]) == (422, query.split("=")[0])


@pytest.mark.req("INT-04")
def test_a_transfer_is_read_and_listed(api, shop):
    place_transfers([wanted_transfer(shop[0], node("DC1"), shop[1], 5)], by=SYSTEM)

    status, page = api.get("transfers")
    (row,) = page["results"]
    one, body = api.get(f"transfers/{row['number']}")

    assert (status, one, body) == (200, 200, row)
    assert (row["sku"], row["from_node"], row["to_node"]) == ("SOCK", "DC1", "S1")
    assert (row["status"], row["quantity"], row["shipped"], row["received"]) == (
        "approved",
        5,
        0,
        0,
    )


def test_an_order_is_cancelled_with_a_reason_once(api, shop):
    order = placed(*shop)

    without, problem = api.post(f"purchase-orders/{order.number}/cancel", {})
    status, body = api.post(f"purchase-orders/{order.number}/cancel", {"reason": "twice"})
    again, refused = api.post(f"purchase-orders/{order.number}/cancel", {"reason": "twice"})

    assert (without, problem["field"]) == (422, "reason")
    assert (status, body["status"]) == (200, "cancelled")
    assert (again, refused["code"]) == (409, "illegal_move")
    assert OutboundCommand.objects.get().status == "cancelled"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "purchase-orders/PO-999999"),
        ("POST", "purchase-orders/PO-999999/cancel"),
        ("GET", "transfers/TR-999999"),
    ],
)
def test_what_is_not_there_is_404(api, method, path):
    status, problem = api.call(method, path, {"reason": "x"} if method == "POST" else None)

    assert (status, problem["code"]) == (404, "not_found")


@pytest.mark.req("INT-12")
def test_a_reader_may_not_cancel_and_a_stranger_may_not_read(shop):
    order = placed(*shop)
    reader, stranger = Api("orders.read", name="reader"), Api("stock.read", name="stranger")

    assert reader.post(f"purchase-orders/{order.number}/cancel", {"reason": "x"})[0] == 403
    assert stranger.get("purchase-orders")[0] == 403
    order.refresh_from_db()
    assert order.status == "approved"
