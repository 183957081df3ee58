"""Allocation through its door: previewed, committed once, refused on stale figures, substituted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory_control.catalog.models import Channel, Substitute
from inventory_control.core import clock
from inventory_control.events.models import InventoryEvent
from inventory_control.fulfilment.models import Backorder, NodeLoad
from inventory_control.fulfilment.services import allocate_orders, queue_backorders
from inventory_control.fulfilment.values import AllocationLine
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.services import set_policy
from inventory_control.stock.models import Reservation, StockBalance
from inventory_control.stock.services import freeze
from tests.factories import SYSTEM, channel, event, item, node, outcomes
from tests.http import Api
from tests.orders.documents import told
from tests.races.test_posting import assert_books_agree, together


@pytest.fixture
def api(tenant) -> Api:
    """SOCK: 5 at DC1, sold on WEB (priority 1) and MK (priority 2)."""
    item()
    at = node("DC1")
    channel("WEB", at, priority=1)
    channel("MK", at, priority=2)
    outcomes(event("receipt.recorded", 5, node="DC1"))
    return Api(
        "fulfilment.allocate", "fulfilment.read", "stock.read", "catalog.write", "catalog.read"
    )


def line(order: str, units: int, **fields: Any) -> dict[str, Any]:
    """An order line of SOCK."""
    return {"order": order, "line": "1", "item": "SOCK", "quantity": units, **fields}


def with_policy(**changes: Any) -> None:
    """A new version of the allocation policy."""
    value = {**current_policy("allocation").value, **changes}
    set_policy(key="allocation", value=value, by=SYSTEM)


@pytest.mark.req("LED-10")
def test_the_last_five_go_to_the_better_channel_and_to_the_other_once_priorities_change(api: Api):
    asked = {"lines": [line("M-1", 5, channel="MK"), line("W-1", 5, channel="WEB")]}

    market, web = api.post("allocations", asked)[1]["lines"]
    assert (market["granted"], web["granted"]) == (0, 5)
    assert market["reason"].endswith("W-1/1 went first: channel priority 1 comes before 2")
    assert Reservation.objects.count() == 0

    Channel.objects.filter(code="MK").update(priority=0)
    market, web = api.post("allocations", {**asked, "commit": True})[1]["lines"]

    assert (market["granted"], web["granted"]) == (5, 0)
    assert web["reason"].endswith("M-1/1 went first: channel priority 0 comes before 1")
    balance = StockBalance.objects.get()
    assert (balance.sellable, balance.reserved, balance.allocated) == (5, 0, 5)
    assert told("order") == ["allocation.decided"]


@pytest.mark.req("LED-10", "INT-16")
def test_allocating_a_line_again_answers_as_before_and_claims_nothing(api: Api):
    asked = {"commit": True, "lines": [line("W-1", 3, channel="WEB")]}
    api.post("allocations", asked)

    again = api.post("allocations", asked)[1]["lines"][0]

    assert (again["granted"], again["is_repeat"]) == (3, True)
    assert again["pieces"] == [{"line": "1", "node": "DC1", "units": 3}]
    assert StockBalance.objects.get().allocated == 3


@pytest.mark.req("LED-11")
def test_a_node_at_capacity_is_skipped_and_the_next_serves(api: Api):
    far = node("DC2", ready_hours=48)
    Channel.objects.get(code="WEB").nodes.add(far)
    node_ = Channel.objects.get(code="MK").nodes.get()
    node_.daily_capacity = 2
    node_.save()
    outcomes(event("receipt.recorded", 5, node="DC2"))

    first = {"commit": True, "lines": [line("W-1", 2, channel="WEB")]}
    assert api.post("allocations", first)[1]["lines"][0]["pieces"][0]["node"] == "DC1"
    second = {"commit": True, "lines": [line("W-2", 1, channel="WEB")]}
    answer = api.post("allocations", second)[1]["lines"][0]

    assert answer["pieces"] == [{"line": "1", "node": "DC2", "units": 1}]
    assert answer["considered"][0]["reason"] == "DC1 rejected: capacity 2 of 2 used"
    assert NodeLoad.objects.get().units == 2


@pytest.mark.req("LED-11", "LED-21")
def test_a_frozen_node_serves_nobody(api: Api):
    freeze(sku="SOCK", node="DC1", reason="recall", by=SYSTEM)

    answer = api.post("allocations", {"commit": True, "lines": [line("W-1", 1, channel="WEB")]})[1]

    assert answer["lines"][0]["considered"][0]["reason"] == "DC1 rejected: frozen"
    assert Reservation.objects.count() == 0


@pytest.mark.req("LED-11")
def test_a_line_two_nodes_serve_together_has_a_claim_at_each(api: Api):
    Channel.objects.get(code="WEB").nodes.add(node("DC2"))
    outcomes(event("receipt.recorded", 4, node="DC2"))
    asked = {"commit": True, "lines": [line("W-1", 7, channel="WEB")]}

    answer = api.post("allocations", asked)[1]["lines"][0]

    assert answer["pieces"] == [
        {"line": "1.1", "node": "DC1", "units": 5}, {"line": "1.2", "node": "DC2", "units": 2},
    ]  # fmt: skip
    assert api.post("allocations", asked)[1]["lines"][0]["granted"] == 7
    assert sorted(Reservation.objects.values_list("key", "assigned")) == [
        ("W-1/1.1", 5), ("W-1/1.2", 2),
    ]  # fmt: skip


@pytest.mark.req("LED-10", "LED-24")
def test_what_is_left_over_may_wait_as_a_backorder(api: Api):
    with_policy(takes_part=True, remainder="backorder")
    asked = {"commit": True, "lines": [line("W-1", 8, channel="WEB", service="premium")]}

    answer = api.post("allocations", asked)[1]["lines"][0]
    queue_backorders(by=SYSTEM)

    assert (answer["granted"], answer["backordered"]) == (5, 3)
    row = Backorder.objects.get()
    assert (row.key, row.quantity, row.service) == ("W-1/1", 3, "premium")
    order = api.get("sales-orders/W-1")[1]["lines"][0]
    assert (order["quantity"], order["allocated"], order["backordered"]) == (8, 5, 3)
    assert order["state"] == "part_backordered"


@pytest.mark.req("LED-10")
def test_a_decision_on_old_figures_is_refused_kept_and_cancels_nothing(api: Api):
    api.post("allocations", {"commit": True, "lines": [line("W-0", 1, channel="WEB")]})
    asked = {
        "commit": True,
        "figures_as_of": clock.now() - timedelta(minutes=22),
        "lines": [line("W-1", 1, channel="WEB")],
    }

    status, problem = api.post("allocations", asked, idempotency_key="k1")

    assert (status, problem["code"], problem["field"]) == (409, "stale_figures", "figures_as_of")
    assert (problem["limit_s"], problem["age_s"] // 60) == (300, 22)
    assert StockBalance.objects.get().allocated == 1
    (kept,) = api.get("allocations/refusals")[1]["results"]
    assert (kept["order"], kept["item"], kept["lines"]) == ("W-1", "SOCK", 1)
    assert InventoryEvent.objects.filter(type="order.cancelled").count() == 0
    assert told("order")[-1] == "allocation.refused"

    fresh = {**asked, "figures_as_of": clock.now() - timedelta(minutes=4)}
    assert api.post("allocations", fresh)[1]["lines"][0]["granted"] == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"item": "GHOST"}, "lines[0].item"),
        ({"channel": "GHOST"}, "lines[0].channel"),
        ({"node": "GHOST"}, "lines[0].node"),
        ({"order": ""}, "lines"),
    ],
)
def test_what_does_not_exist_is_named(api: Api, change: dict[str, Any], field: str):
    status, problem = api.post(
        "allocations", {"commit": True, "lines": [{**line("W", 1), **change}]}
    )

    assert status in (400, 422)
    assert problem.get("field", field).startswith(field)
    assert Reservation.objects.count() == 0


@pytest.mark.req("LED-25")
def test_an_approved_substitute_with_stock_is_proposed_and_taken_instead(api: Api):
    for sku, units in (("WOOL", 9), ("SILK", 9), ("HEMP", 0)):
        item(sku)
        if units:
            outcomes(event("receipt.recorded", units, item=sku, node="DC1"))
    rows = [
        {"item": "SOCK", "substitute": "WOOL", "rank": 2, "is_approved": True},
        {"item": "SOCK", "substitute": "SILK", "rank": 1},
        {"item": "SOCK", "substitute": "HEMP", "rank": 1, "is_approved": True},
    ]
    assert api.put("catalog/substitutes", rows) == (200, {"rows": 3})
    api.post("allocations", {"commit": True, "lines": [line("W-0", 3, channel="WEB")]})

    answer = api.post("allocations", {"lines": [line("W-1", 4, channel="WEB")]})[1]["lines"][0]
    assert answer["granted"] == 0
    assert answer["substitutes"] == [{"item": "WOOL", "node": "DC1", "available": 9, "rank": 2}]

    taken = {"order": "W-0", "line": "1", "substitute": "WOOL", "quantity": 3, "node": "DC1"}
    status, piece = api.post("allocations/substitute", taken)

    assert (status, piece) == (201, {"line": "1~WOOL", "node": "DC1", "units": 3})
    open_claims = Reservation.objects.filter(open__gt=0).values_list("key", "assigned")
    assert list(open_claims) == [("W-0/1~WOOL", 3)]
    assert api.post("allocations/substitute", taken)[1]["code"] == "nothing_wanted"


@pytest.mark.req("LED-25")
@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"substitute": "SILK"}, 422, "no_substitute"),
        ({"quantity": 4}, 409, "nothing_wanted"),
        ({"order": "W-9"}, 409, "nothing_wanted"),
        ({"node": "GHOST"}, 422, "unknown_name"),
        ({}, 409, "not_available"),
    ],
)
def test_a_substitution_that_cannot_be_leaves_the_claim(
    api: Api, change: dict[str, Any], status: int, code: str
):
    found, wool, silk = Channel.objects.get(code="WEB"), item("WOOL"), item("SILK")
    sock = StockBalance.objects.get().item
    Substitute.objects.create(item=sock, substitute=wool, is_approved=True)
    Substitute.objects.create(item=sock, substitute=silk)
    api.post("allocations", {"commit": True, "lines": [line("W-0", 3, channel=found.code)]})
    taken = {"order": "W-0", "line": "1", "substitute": "WOOL", "quantity": 3, "node": "DC1"}

    answered, problem = api.post("allocations/substitute", {**taken, **change})

    assert (answered, problem["code"]) == (status, code)
    assert list(Reservation.objects.values_list("key", "open")) == [("W-0/1", 3)]


@pytest.mark.req("EVT-17")
def test_an_order_of_the_shop_and_one_of_a_marketplace_have_the_same_fields(api: Api):
    due = clock.now() + timedelta(days=2)
    outcomes(
        event("order.created", 2, node="DC1", order="M-1", line="1", channel="MK",
              customer="tok-m", due_at=due, source="market"),
        event("order.shipped", 1, node="DC1", order="M-1", line="1", source="wms"),
    )  # fmt: skip
    shop = Api("stock.reserve", name="shop")
    shop.post(
        "reservations",
        {
            "order": "W-1",
            "channel": "WEB",
            "expires_in": 900,
            "lines": [
                {"line": "1", "item": "SOCK", "node": "DC1", "quantity": 2, "customer": "tok-w"}
            ],
        },
    )

    market, web = api.get("sales-orders/M-1")[1], api.get("sales-orders/W-1")[1]

    assert market.keys() == web.keys()
    assert market["lines"][0].keys() == web["lines"][0].keys()
    assert (market["channel"], market["customer"], market["lines"][0]["shipped"]) == (
        "MK", "tok-m", 1,
    )  # fmt: skip
    assert market["promise_at"] is not None
    assert (web["channel"], web["customer"], web["lines"][0]["state"]) == (
        "WEB", "tok-w", "reserved",
    )  # fmt: skip
    assert web["lines"][0]["expires_at"] is not None
    assert [one["lines"][0]["quantity"] for one in (market, web)] == [2, 2]
    assert api.get("sales-orders/GHOST")[0] == 404


@pytest.mark.req("LED-08", "LED-10")
def test_twenty_allocations_at_once_never_give_a_unit_or_a_place_of_the_day_twice(committed):
    item()
    channel("WEB", node("DC1", daily_capacity=8), node("DC2", ready_hours=48))
    outcomes(*(event("receipt.recorded", 6, node=code) for code in ("DC1", "DC2")))

    def one(number: int) -> int:
        asked = AllocationLine(f"W-{number}", "1", "SOCK", 1, channel="WEB")
        return allocate_orders([asked], commits=True, by=SYSTEM)[0].granted

    answers = together(committed, *[lambda n=n: one(n) for n in range(20)])

    assert sorted(answers) == [0] * 8 + [1] * 12
    assert sum(StockBalance.objects.values_list("allocated", flat=True)) == 12
    assert NodeLoad.objects.get().units == 6
    assert_books_agree()
