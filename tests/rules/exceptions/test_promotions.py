"""What promotions add to demand, to the day and the fraction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from exceptions.rules import brief, promotion_lift
from exceptions.values import Demand, PromotionAhead

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def ahead(start: float, end: float, uplift: str) -> PromotionAhead:
    """A promotion by days from now."""
    return PromotionAhead(
        "P", AT + timedelta(days=start), AT + timedelta(days=end), Decimal(uplift)
    )


@pytest.mark.req("EVT-21")
@pytest.mark.parametrize(
    ("promotions", "lift"),
    [
        ([], Fraction(0)),
        ([ahead(2, 4, "1.5")], Fraction(3)),
        ([ahead(-1, 1, "2")], Fraction(2)),
        ([ahead(6, 9, "2")], Fraction(2)),
        ([ahead(7, 9, "2")], Fraction(0)),
        ([ahead(-3, 0, "2")], Fraction(0)),
        ([ahead(0, 2, "1"), ahead(1, 3, "2")], Fraction(1) + Fraction(4)),
        ([ahead(0, 0.5, "1")], Fraction(1, 2)),
        ([ahead(0, 2, "-0.5")], Fraction(-1)),
    ],
)
def test_lift_is_uplift_by_days_within_the_horizon(promotions, lift):
    assert promotion_lift(promotions, AT, 7) == lift


def test_expected_units_are_rounded_up_once():
    demand = Demand(units=10, open_days=56)

    assert demand.over(7) == 2
    assert demand.over(7, Fraction(5)) == 3
    assert Demand().over(7, Fraction(5)) == 0


def test_a_long_name_is_cut_and_told_apart():
    first, second = brief("a" * 200, 60), brief("a" * 199 + "b", 60)

    assert (len(first), len(second), first == second) == (60, 60, False)
    assert brief("short", 60) == "short"
