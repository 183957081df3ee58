"""Allocation as a decision: who gets the last units, which node serves, and the words for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_control.fulfilment.rules import allocate, ready_at
from inventory_control.fulfilment.values import AllocationPolicy, Candidate, Demand

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
POLICY = AllocationPolicy()
ITEM = 7


def node(pk: int, *, hours: float = 8, **fields: Any) -> Candidate:
    """A node that has an order ready after some hours."""
    return Candidate(pk, f"S{pk}", NOW + timedelta(hours=hours), **fields)


def demand(key: str, units: int, *nodes: int, **fields: Any) -> Demand:
    """An order line that may come from some nodes."""
    return Demand(key, ITEM, units, nodes or (1,), **{"ordered_at": NOW, **fields})


def decide(demands: list[Demand], free: dict[int, int | None], *nodes: Candidate, **policy: Any):
    """Allocate from nodes with so much free."""
    return allocate(
        demands,
        {one.node_id: one for one in nodes or (node(1),)},
        {(ITEM, pk): units for pk, units in free.items()},
        AllocationPolicy(**policy) if policy else POLICY,
    )


@pytest.mark.req("LED-10")
def test_changing_channel_priority_changes_who_gets_the_last_five_and_the_reason():
    web, market = demand("W/1", 5, priority=1), demand("M/1", 5, priority=2)

    first = decide([market, web], {1: 5})
    swapped = decide([demand("M/1", 5, priority=1), demand("W/1", 5, priority=2)], {1: 5})

    assert [one.granted for one in first] == [0, 5]
    assert first[0].reason.endswith("W/1 went first: channel priority 1 comes before 2")
    assert [one.granted for one in swapped] == [5, 0]
    assert swapped[1].reason.endswith("M/1 went first: channel priority 1 comes before 2")


@pytest.mark.req("LED-10")
@pytest.mark.parametrize(
    ("winner", "loser", "why"),
    [
        ({"is_premium": True}, {"is_premium": False}, "premium comes before standard"),
        ({"margin": Decimal("0.31")}, {"margin": Decimal("0.18")}, "margin 0.31 comes before 0.18"),
        ({"margin": Decimal("0.01")}, {"margin": None}, "margin 0.01 comes before None"),
        ({"ordered_at": NOW}, {"ordered_at": NOW + timedelta(1)}, "it was ordered earlier"),
    ],
)
def test_service_margin_and_age_break_ties_in_that_order(winner, loser, why):
    decisions = decide([demand("B/1", 5, **loser), demand("A/1", 5, **winner)], {1: 5})

    assert [one.granted for one in decisions] == [0, 5]
    assert decisions[0].reason.endswith(f"A/1 went first: {why}")


@pytest.mark.req("LED-11")
def test_a_node_that_is_late_full_frozen_or_empty_is_skipped_and_says_why():
    at = [
        node(212, hours=9.5),
        node(2, capacity=40, used=40),
        node(3),
        node(4),
        node(5, hours=7),
    ]
    line = demand("W/1", 2, 212, 2, 3, 4, 5, promise_at=NOW + timedelta(hours=8))

    (decision,) = decide([line], {212: 9, 2: 9, 3: None, 4: 0, 5: 9}, *at)

    assert decision.pieces == ((5, 2),)
    assert [one.reason for one in decision.considered] == [
        "S212 rejected: 18:30 after promise 17:00",
        "S2 rejected: capacity 40 of 40 used",
        "S3 rejected: frozen",
        "S4 rejected: none available",
        "S5 chosen: 2 of 9 available, ready 02 Mar 16:00",
    ]


@pytest.mark.req("LED-11")
def test_capacity_that_one_order_takes_is_gone_for_the_next():
    nodes = (node(1, capacity=4, used=1), node(2, hours=20))

    first, second = decide([demand("A/1", 3, 1, 2), demand("B/1", 1, 1, 2)], {1: 9, 2: 9}, *nodes)

    assert (first.pieces, second.pieces) == (((1, 3),), ((2, 1),))
    assert second.considered[0].reason == "S1 rejected: capacity 4 of 4 used"


@pytest.mark.req("LED-11")
def test_one_node_that_has_it_all_goes_before_two_that_share_it():
    nodes = (node(1, hours=1), node(2, hours=2), node(3, hours=30))
    line = [demand("W/1", 6, 1, 2, 3)]

    assert decide(line, {1: 4, 2: 4, 3: 9}, *nodes)[0].pieces == ((3, 6),)
    assert decide(line, {1: 4, 2: 3, 3: 0}, *nodes)[0].pieces == ((1, 4), (2, 2))
    assert decide(line, {1: 4, 2: 3, 3: 0}, *nodes, most_nodes=1)[0].pieces == ()
    part = decide(line, {1: 4, 2: 0, 3: 0}, *nodes, takes_part=True)[0]
    assert part.pieces == ((1, 4),)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3), st.booleans()), max_size=10),
    st.lists(st.integers(0, 15), min_size=2, max_size=2),
    st.integers(0, 12),
    st.booleans(),
)
def test_no_unit_and_no_capacity_is_given_twice(lines, free, capacity, takes_part):
    demands = [
        demand(f"D/{number}", units, 1, 2, priority=priority, is_premium=premium)
        for number, (units, priority, premium) in enumerate(lines)
    ]

    decisions = decide(
        demands,
        {1: free[0], 2: free[1]},
        node(1, capacity=capacity),
        node(2),
        takes_part=takes_part,
    )

    given_ = {1: 0, 2: 0}
    for one in decisions:
        assert takes_part or one.granted in (0, one.asked)
        for pk, units in one.pieces:
            given_[pk] += units
    assert given_[1] <= min(free[0], capacity)
    assert given_[2] <= free[1]


def test_an_order_leaves_on_a_day_its_node_is_open():
    sunday_closed = ready_at(NOW - timedelta(1), ready_hours=0, closed_weekdays=[7])

    assert ready_at(NOW, ready_hours=24, closed_weekdays=[]) == NOW + timedelta(1)
    assert sunday_closed == NOW
    assert ready_at(NOW, ready_hours=1, closed_weekdays=range(1, 8)).year == 9999
