"""Planning figures: safety stock with bounds and history, and what may be promised for later."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_control.availability.errors import ChangeOutOfBoundsError, ReasonMissingError
from inventory_control.availability.models import Availability, SafetyStockChange
from inventory_control.availability.services import (
    change_safety_stock,
    recalculate_due,
    set_planning,
)
from inventory_control.catalog.models import ItemNode
from inventory_control.core import clock
from inventory_control.core.errors import NotPermitted, Refused
from inventory_control.orders.services import follow_events
from inventory_control.policies.services import set_policy
from tests.factories import SYSTEM, event, node, planner, send
from tests.http import Api


@pytest.mark.req("LED-13")
def test_a_recommendation_within_bounds_is_kept_with_who_what_and_why(cons):
    set_planning([{"item": "CONS", "node": "DC1", "safety_stock": 12}], by=SYSTEM)
    ada = planner("availability.plan")

    change_safety_stock(item="CONS", node="DC1", to=18, reason="Demand rose by half.", by=ada)
    recalculate_due(by=SYSTEM)

    _, told = Api("stock.read").get("availability/safety-stock?item=CONS&node=DC1")
    assert [
        (one["was"], one["became"], one["changed_by"], one["policy"], one["reason"]) for one in told
    ] == [
        (12, 18, ada.id, "safety_stock v1", "Demand rose by half."),
        (5, 12, SYSTEM.id, "", "Sent as master data."),
    ]
    assert Availability.objects.get(channel__code="WEB").quantity == 45 - 20 - 18


@pytest.mark.req("LED-13")
def test_a_change_out_of_bounds_is_refused_and_changes_nothing(cons):
    ada = planner("availability.plan")

    with pytest.raises(ChangeOutOfBoundsError, match=r"From 5 to 8 is more than 50% or 2 units"):
        change_safety_stock(item="CONS", node="DC1", to=8, reason="More.", by=ada)

    assert ItemNode.objects.get().safety_stock == 5
    assert not SafetyStockChange.objects.exists()
    set_policy(key="safety_stock", value={"max_change_share": 0.6, "free_units": 2}, by=SYSTEM)
    change_safety_stock(item="CONS", node="DC1", to=8, reason="More.", by=ada)
    assert SafetyStockChange.objects.get().policy == "safety_stock v2"


@pytest.mark.req("LED-13")
def test_what_makes_no_sense_is_refused(cons):
    ada = planner("availability.plan")

    with pytest.raises(ReasonMissingError):
        change_safety_stock(item="CONS", node="DC1", to=6, reason=" ", by=ada)
    with pytest.raises(Refused, match="No item"):
        change_safety_stock(item="NOPE", node="DC1", to=6, reason="x", by=ada)
    with pytest.raises(Refused, match="No node"):
        change_safety_stock(item="CONS", node="NOPE", to=6, reason="x", by=ada)
    with pytest.raises(NotPermitted):
        change_safety_stock(item="CONS", node="DC1", to=6, reason="x", by=planner("stock.read"))


@pytest.mark.req("LED-13")
def test_master_data_writes_history_only_where_safety_stock_changed(cons):
    node("S1")
    api = Api("catalog.write", "stock.read")
    rows = [
        {"item": "CONS", "node": "DC1", "safety_stock": 5, "reorder_point": 9},
        {"item": "CONS", "node": "S1", "safety_stock": 3},
    ]

    assert api.put("catalog/item-nodes", rows) == (200, {"rows": 2})
    assert api.put("catalog/item-nodes", rows) == (200, {"rows": 2})
    assert api.put("catalog/item-nodes", [{"item": ["CONS"], "safety_stock": 1}])[0] == 422

    _, told = api.get("availability/safety-stock?item=CONS")
    assert [(one["node"], one["was"], one["became"]) for one in told] == [("S1", 0, 3)]


def ordered(number: str, units: int, days: float | None) -> dict:
    """A purchase order for CONS at DC1, due in so many days."""
    due = None if days is None else clock.now() + timedelta(days=days)
    return event(
        "purchase_order.created", units, item="CONS", node="DC1", document=number, due_at=due
    )


@pytest.mark.req("LED-06")
def test_what_may_be_promised_grows_on_the_day_supply_comes(cons):
    send(ordered("PO-1", 30, 3), ordered("PO-2", 10, 9), ordered("PO-3", 99, None))
    follow_events(by=SYSTEM)
    api, today = Api("stock.read"), clock.now().date()

    status, told = api.get(f"availability/atp?item=CONS&node=DC1&until={today + timedelta(days=7)}")

    third = (clock.now() + timedelta(days=3)).date()
    assert (status, told["available"], told["undated"]) == (200, 20, 99)
    assert told["days"] == [
        {"day": today.isoformat(), "change": 0, "available": 20, "promise": 20},
        {"day": third.isoformat(), "change": 30, "available": 50, "promise": 50},
    ]
    assert [(one["document"], one["quantity"]) for one in told["supply"]] == [("PO-1", 30)]
    _, of_channel = api.get("availability/atp?item=CONS&channel=MK")
    assert [one["promise"] for one in of_channel["days"]] == [15, 45, 55]


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("?item=CONS", 422, "node"),
        ("?item=NOPE&node=DC1", 404, "item"),
        ("?item=CONS&node=NOPE", 404, "node"),
        ("?item=CONS&node=DC1&until=soon", 422, "until"),
        ("?item=CONS&node=DC1&until=2001-01-01", 422, "until"),
        ("?node=DC1", 422, "item"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(cons, query, status, field):
    found, body = Api("stock.read").get(f"availability/atp{query}")

    assert (found, body["field"]) == (status, field)
