"""The queue of backorders, as arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_control.fulfilment.rules import in_turn, promise_dates, serve, units_wanted
from inventory_control.fulfilment.values import Expected, QueuePolicy, Waiting

NOW = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = QueuePolicy()


def waiting(pk: int, units: int, days: int, *, premium: bool = False) -> Waiting:
    """A backorder of some days ago."""
    return Waiting(pk, units, premium, NOW - timedelta(days=days))


TENT = [waiting(1, 2, 5, premium=True), waiting(2, 6, 9), waiting(3, 4, 3)]


@pytest.mark.req("LED-24")
def test_premium_goes_first_then_the_oldest_and_the_rest_is_kept():
    first = serve(TENT, 9, POLICY)

    assert first.given == ((1, 2), (2, 6))
    assert ([one.id for one in first.waiting], first.kept) == ([3], 1)
    assert serve(first.waiting, 1 + 3, POLICY).given == ((3, 4),)


@pytest.mark.req("LED-24")
@pytest.mark.parametrize(
    ("policy", "given_", "kept"),
    [
        (QueuePolicy(order_by=("age",)), ((2, 6), (1, 2)), 1),
        (QueuePolicy(takes_part=True), ((1, 2), (2, 6), (3, 1)), 0),
        (QueuePolicy(keeps_remainder=False), ((1, 2), (2, 6)), 0),
    ],
)
def test_the_policy_decides_turns_parts_and_remainder(policy, given_, kept):
    served = serve(TENT, 9, policy)

    assert (served.given, served.kept) == (given_, kept)


def test_nobody_overtakes_a_head_of_the_queue_that_is_too_large():
    served = serve([waiting(1, 10, 9), waiting(2, 1, 1)], 5, POLICY)

    assert (served.given, served.kept) == ((), 5)


def test_an_oversold_place_serves_nobody_and_keeps_nothing():
    assert serve(TENT, -3, POLICY).given == ()
    assert serve(TENT, -3, POLICY).kept == 0


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 30), st.booleans()), max_size=12),
    st.integers(-5, 120),
    st.booleans(),
    st.booleans(),
)
def test_no_unit_is_given_twice_and_none_is_lost(queue, supply, takes_part, keeps):
    policy = QueuePolicy(takes_part=takes_part, keeps_remainder=keeps)
    rows = [
        waiting(pk, units, days, premium=premium) for pk, (units, days, premium) in enumerate(queue)
    ]

    served = serve(rows, supply, policy)

    given_ = sum(units for _, units in served.given)
    assert given_ + served.kept <= max(0, supply)
    assert given_ + sum(one.units for one in served.waiting) == sum(one.units for one in rows)
    assert [pk for pk, _ in served.given] == [one.id for one in in_turn(rows, policy)][
        : len(served.given)
    ]


@pytest.mark.req("LED-28")
def test_a_promise_is_the_delivery_that_completes_it_and_never_thin_air():
    supply = [Expected(3, NOW + timedelta(days=4)), Expected(10, NOW + timedelta(days=9))]
    queue = [waiting(3, 4, 3), waiting(4, 5, 2), waiting(5, 50, 1)]

    dates = promise_dates(queue, 1, supply, ready=timedelta(hours=24))

    assert dates == {3: NOW + timedelta(days=5), 4: NOW + timedelta(days=10)}
    assert promise_dates(queue, 0, [], ready=timedelta(hours=24)) == {}


@pytest.mark.parametrize(
    ("asked", "excess", "wanted"),
    [
        ([(6, 0)], 0, [6]),
        ([(6, 0)], 2, [4]),
        ([(6, 6)], 0, [0]),
        ([(6, 0), (3, 0)], 4, [5, 0]),
        ([(6, 0)], 9, [0]),
    ],
)
def test_what_was_cancelled_beyond_the_claim_is_wanted_no_more(asked, excess, wanted):
    assert units_wanted(asked, excess) == wanted
