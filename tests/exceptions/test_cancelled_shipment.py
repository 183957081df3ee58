"""An order that ships in spite of its cancellation is never silent."""

from __future__ import annotations

import pytest

from exceptions.models import ExceptionCase
from exceptions.services import detect_due
from inventory_control.availability.services import recalculate_due
from inventory_control.stock.models import StockBalance
from inventory_control.stock.selectors import claim_of_line
from inventory_control.stock.services import rebuild_balances
from tests.factories import SYSTEM, event, item, node, outcomes

LINE = {"order": "W-1", "line": "1"}


def look() -> list[tuple[str, str, int]]:
    """What detection makes of it: kind, status and units of the cases about shipments."""
    recalculate_due(by=SYSTEM)
    detect_due(by=SYSTEM)
    found = ExceptionCase.objects.filter(kind="cancelled_shipment").order_by("id")
    return [(case.kind, case.status_value, case.units) for case in found]


@pytest.mark.req("LED-09", "EVT-10")
@pytest.mark.parametrize(
    "order", [("order.cancelled", "order.shipped"), ("order.shipped", "order.cancelled")]
)
def test_a_shipment_of_a_cancelled_order_opens_a_case_whichever_came_first(tenant, order):
    item()
    node()
    outcomes(event("receipt.recorded", 10), event("order.created", 3, **LINE))

    for kind in order:
        outcomes(event(kind, 3, source_id=f"{kind}-1", **LINE))

    assert look() == [("cancelled_shipment", "open", 3)]
    balance = StockBalance.objects.get()
    assert (balance.sellable, balance.reserved, balance.allocated) == (7, 0, 0)
    assert claim_of_line("W-1", "1").state == "overdrawn"
    assert rebuild_balances(by=SYSTEM).difference == 0


@pytest.mark.req("LED-09")
def test_it_clears_when_the_cancellation_is_corrected_and_stays_while_it_is_not(tenant):
    item()
    node()
    outcomes(event("receipt.recorded", 10), event("order.created", 3, **LINE))
    outcomes(event("order.cancelled", 3, source_id="c1", source="oms", **LINE))
    outcomes(event("order.shipped", 3, **LINE))
    assert look() == [("cancelled_shipment", "open", 3)]

    outcomes(event("receipt.recorded", 1))
    assert look() == [("cancelled_shipment", "open", 3)]

    outcomes(event("event.corrected", item=None, node=None, reason="was not cancelled",
                   corrects={"source": "oms", "source_id": "c1"}))  # fmt: skip
    assert look()[0][1] == "resolved"
    assert claim_of_line("W-1", "1").state == "shipped"


def test_an_order_cancelled_in_part_that_ships_the_rest_is_no_case(tenant):
    item()
    node()
    outcomes(event("receipt.recorded", 10), event("order.created", 3, **LINE))

    outcomes(event("order.cancelled", 1, **LINE), event("order.shipped", 2, **LINE))

    assert look() == []
