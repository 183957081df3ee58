"""Availability as arithmetic: terms that sum, holds with hysteresis, promises by day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_control.availability.rules import (
    ChannelStock,
    DatedSupply,
    Judgement,
    NodeStock,
    Sight,
    Verdict,
    add_up,
    available_to_sell,
    channel_available,
    channel_breakdown,
    channel_quantity,
    check_exposure,
    check_safety_stock,
    is_sampled,
    is_within_bounds,
    judged,
    promises_by_day,
    resume_at,
)
from inventory_control.core.errors import Refused

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
UNITS = st.integers(min_value=-50, max_value=200)
NODES = st.lists(
    st.builds(
        NodeStock,
        sellable=UNITS,
        reserved=st.integers(0, 100),
        allocated=st.integers(0, 100),
        safety_stock=st.integers(0, 50),
        is_frozen=st.booleans(),
    ),
    max_size=4,
)


@pytest.mark.req("LED-06")
@given(
    nodes=NODES,
    buffer=st.integers(0, 60),
    cap=st.none() | st.integers(0, 80),
    is_held=st.booleans(),
)
def test_the_terms_of_a_channel_figure_always_sum_to_it(nodes, buffer, cap, is_held):
    stock = add_up(nodes, buffer=buffer, cap=cap, is_held=is_held)

    quantity = channel_quantity(stock)

    assert sum(term.quantity for term in channel_breakdown(stock)) == quantity
    assert channel_available(stock) == sum(available_to_sell(one) for one in nodes) - buffer
    assert 0 <= quantity <= (0 if is_held else max(0, channel_available(stock)))
    assert cap is None or quantity <= cap


@pytest.mark.req("LED-06", "LED-12")
@pytest.mark.parametrize(
    ("stock", "last"),
    [
        (ChannelStock(45, 20, 0, 5, 0, 5), ("channel buffer", -5)),
        (ChannelStock(45, 20, 0, 5, 0, 5, cap=4), ("cap", -11)),
        (ChannelStock(1, 20, 0, 5, 0, 5), ("not below zero", 29)),
        (ChannelStock(45, 20, 0, 5, 0, 5, cap=4, is_held=True), ("held", -4)),
    ],
)
def test_a_limit_has_a_line_only_where_it_bites(stock, last):
    term = channel_breakdown(stock)[-1]

    assert (term.name, term.quantity) == last


def sight(ats: int | None, *, is_held: bool = True, above: float | None = None) -> Sight:
    """Hold below 10, resume from 25 after 15 minutes; above the line for so many minutes."""
    since = None if above is None else AT - timedelta(minutes=above)
    return Sight(ats, is_held, since, hold_below=10, resume_from=25, resume_after=15)


@pytest.mark.req("LED-12")
@pytest.mark.parametrize(
    ("seen", "verdict", "above_for"),
    [
        (sight(10, is_held=False), Verdict.LEAVE, None),
        (sight(9, is_held=False), Verdict.HOLD, None),
        (sight(24), Verdict.LEAVE, None),
        (sight(25), Verdict.LEAVE, 0),
        (sight(40, above=14.99), Verdict.LEAVE, 14.99),
        (sight(25, above=15), Verdict.RELEASE, 15),
        (sight(24, above=15), Verdict.LEAVE, None),
        (sight(None), Verdict.RELEASE, None),
    ],
)
def test_what_becomes_of_a_listing(seen, verdict, above_for):
    since = None if above_for is None else AT - timedelta(minutes=above_for)

    assert judged(seen, AT) == Judgement(verdict, since)


def test_a_hold_is_looked_at_when_it_may_end_and_never_before():
    exact = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)

    assert resume_at(exact, 15) == exact + timedelta(minutes=15)
    assert resume_at(exact + timedelta(microseconds=1), 15) == exact + timedelta(
        minutes=15, seconds=1
    )


@pytest.mark.req("LED-06")
def test_a_unit_needed_later_is_not_promised_earlier():
    supply = [
        DatedSupply(20, AT + timedelta(days=3)),
        DatedSupply(-15, AT + timedelta(days=1)),
        DatedSupply(5, AT - timedelta(days=2)),
        DatedSupply(99, AT + timedelta(days=40)),
    ]

    days = promises_by_day(8, supply, first=AT.date(), until=AT.date() + timedelta(days=28))

    assert [(one.day, one.change, one.available, one.promise) for one in days] == [
        (date(2026, 3, 2), 5, 13, -2),
        (date(2026, 3, 3), -15, -2, -2),
        (date(2026, 3, 5), 20, 18, 18),
    ]


@pytest.mark.req("LED-13")
@pytest.mark.parametrize(
    ("was", "became", "fits"),
    [(12, 18, True), (12, 19, False), (12, 6, True), (12, 5, False), (0, 2, True), (0, 3, False)],
)
def test_a_change_is_bounded_by_a_share_or_a_few_units(was, became, fits):
    assert is_within_bounds(was, became, share=0.5, free_units=2) is fits


def test_a_share_of_the_items_is_sampled_and_in_time_every_one():
    asked = [[item for item in range(1_000) if is_sampled(item, push, 0.1)] for push in range(200)]

    assert all(60 <= len(one) <= 140 for one in asked)
    assert {item for one in asked for item in one} == set(range(1_000))
    assert not any(is_sampled(item, 5, 0.0) for item in range(100))
    assert all(is_sampled(item, 5, 1.0) for item in range(100))


EXPOSURE = {"read_back_share": 0.2, "read_back_most": 50, "receipts_kept_days": 30}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"read_back_share": 1.1}, "read_back_share"),
        ({"read_back_share": "0.1"}, "read_back_share"),
        ({"read_back_most": 1.5}, "read_back_most"),
        ({"read_back_most": True}, "read_back_most"),
        ({"receipts_kept_days": 0}, "receipts_kept_days"),
        ({"receipts_kept_days": None}, "receipts_kept_days"),
    ],
)
def test_a_policy_that_does_not_hold_together_is_refused_with_the_field(change, field):
    check_exposure(EXPOSURE)

    with pytest.raises(Refused) as refused:
        check_exposure({**EXPOSURE, **change})

    assert refused.value.field == field


def test_bounds_of_safety_stock_are_checked():
    check_safety_stock({"max_change_share": 0.5, "free_units": 2})

    with pytest.raises(Refused, match="free_units is a whole number"):
        check_safety_stock({"max_change_share": 0.5, "free_units": -1})
