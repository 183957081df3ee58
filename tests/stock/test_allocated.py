"""Allocations: the hard-assigned part of a claim counts apart, whatever order its events come in."""

from __future__ import annotations

from itertools import permutations

import pytest

from inventory_control.stock.models import Reservation, StockBalance
from inventory_control.stock.services import rebuild_balances
from tests.factories import SYSTEM, event, hour, item, node, outcomes

LINE = {"order": "W-1", "line": "1"}


def counters() -> tuple[int, int, int]:
    """Sellable, reserved and allocated units of the one balance."""
    row = StockBalance.objects.get()
    return row.sellable, row.reserved, row.allocated


@pytest.mark.req("LED-02", "LED-10")
def test_an_allocation_is_not_reserved_and_ends_when_it_ships(tenant):
    item()
    node()
    outcomes(event("receipt.recorded", 10))

    outcomes(event("allocation.created", 4, **LINE))
    assert counters() == (10, 0, 4)

    outcomes(event("order.shipped", 3, **LINE))
    assert counters() == (7, 0, 1)


@pytest.mark.req("INT-02", "LED-10")
def test_confirming_turns_what_is_reserved_into_an_allocation(tenant):
    item()
    node()
    outcomes(event("receipt.recorded", 10), event("reservation.created", 6, **LINE))

    outcomes(event("reservation.confirmed", 4, **LINE))
    assert counters() == (10, 2, 4)

    outcomes(event("order.cancelled", 3, **LINE))
    assert counters() == (10, 0, 3)


@pytest.mark.req("EVT-10")
def test_commit_confirm_ship_and_release_end_alike_in_any_order(tenant):
    node()
    facts = [
        ("reservation.created", 6),
        ("reservation.confirmed", 4),
        ("order.shipped", 2),
        ("reservation.released", 1),
    ]
    found = set()
    for number, order in enumerate(permutations(facts)):
        sku = f"I{number}"
        item(sku)
        for kind, units in order:
            outcomes(event(kind, units, item=sku, occurred_at=hour(1), **{**LINE, "order": sku}))
        row = StockBalance.objects.get(item__sku=sku)
        found.add((row.sellable, row.reserved, row.allocated))

    assert found == {(-2, 0, 3)}


@pytest.mark.req("LED-04")
def test_a_lost_counter_is_found_and_repaired(tenant):
    item()
    node()
    outcomes(event("receipt.recorded", 10), event("allocation.created", 4, **LINE))
    StockBalance.objects.update(allocated=1, reserved=9)

    assert rebuild_balances(by=SYSTEM).difference == 12
    rebuild_balances(by=SYSTEM, repair=True)

    assert counters() == (10, 0, 4)
    assert rebuild_balances(by=SYSTEM).difference == 0


@pytest.mark.req("LED-18")
def test_a_corrected_allocation_gives_its_units_back(tenant):
    item()
    node()
    made = event("allocation.created", 4, source="oms", **LINE)
    outcomes(event("receipt.recorded", 10), made)

    outcomes(
        event(
            "event.corrected",
            1,
            item=None,
            node=None,
            reason="mistyped",
            corrects={"source": "oms", "source_id": made["source_id"]},
        )
    )

    assert counters() == (10, 0, 1)
    assert Reservation.objects.get().assigned == 1
