"""The formulas about sources and units: bounds, edges, and that order never matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_control.events.rules import is_silent, next_look, quality_of, serial_story
from inventory_control.events.values import Freshness, QualityCounts, SerialFact

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
EVEN = {"completeness": 1, "validity": 1, "timeliness": 1, "uniqueness": 1}
counts = st.integers(0, 10_000)


@pytest.mark.req("EVT-25")
@given(counts, counts, counts, st.integers(0, 100), counts)
def test_every_share_and_the_score_lie_between_nothing_and_one(
    events, refused, repeated, late, gap
):
    quality = quality_of(
        QualityCounts(events, refused, repeated, min(late, events), gap * 2, gap), EVEN
    )

    shares = (quality.completeness, quality.validity, quality.timeliness, quality.uniqueness)
    assert all(0 <= one <= 1 for one in (*shares, quality.score))
    assert min(shares) - 1e-9 <= quality.score <= max(shares) + 1e-9


@pytest.mark.req("EVT-25")
def test_a_day_of_nothing_is_not_bad_and_weights_of_nothing_judge_nothing():
    assert quality_of(QualityCounts(), EVEN).score == 1.0
    assert quality_of(QualityCounts(refused=5), {}).score == 1.0


@pytest.mark.req("LED-27")
@pytest.mark.parametrize(("minutes", "is_so"), [(29, False), (30, False), (31, True)])
def test_silent_is_longer_than_expected(minutes, is_so):
    assert is_silent(AT - timedelta(minutes=minutes), 30, AT) is is_so
    assert is_silent(None, 30, AT) is False
    assert is_silent(AT - timedelta(minutes=minutes), None, AT) is False


@pytest.mark.req("LED-27")
def test_the_next_look_is_the_first_moment_that_may_change_anything():
    def look(**fields):
        usual = {
            "now": AT, "silent_since": None, "expected_minutes": None, "skewed_at": None,
            "skew_hours": 24, "score_minutes": None,
        }  # fmt: skip
        return next_look(**{**usual, **fields})

    assert look() is None
    assert look(score_minutes=15) == AT + timedelta(minutes=15)
    assert look(silent_since=AT, expected_minutes=10, score_minutes=15) == AT + timedelta(
        minutes=10, seconds=1
    )
    assert look(silent_since=AT - timedelta(hours=1), expected_minutes=10) is None
    assert look(skewed_at=AT) == AT + timedelta(hours=24)


@pytest.mark.req("LED-27")
def test_age_is_never_below_nothing_and_the_limit_itself_is_fresh():
    ahead = Freshness("pos", AT + timedelta(minutes=5), 10)

    assert (ahead.age_minutes(AT), ahead.is_stale(AT)) == (0, False)
    assert Freshness("pos", AT, 10).is_stale(AT + timedelta(minutes=10)) is False
    assert Freshness("pos", AT, 10).is_stale(AT + timedelta(minutes=10, seconds=1)) is True
    assert Freshness("pos", AT, None).is_stale(AT + timedelta(days=900)) is False


def fact(kind: str, day: int, **fields: object) -> SerialFact:
    told = {
        "item_id": 1, "serial": "N", "type": kind, "occurred_at": AT + timedelta(days=day),
        "node_id": 1, "to_node_id": None, "to_state": "", "order": "", "lot": "", "supplier": "",
    }  # fmt: skip
    return SerialFact(**{**told, **fields})


@pytest.mark.req("EVT-26")
@pytest.mark.parametrize(
    ("facts", "state", "is_unknown"),
    [
        ([fact("receipt.recorded", 1)], "in_stock", False),
        ([fact("sale.recorded", 1)], "sold", False),
        ([fact("return.received", 1)], "returned", True),
        ([fact("return.received", 1), fact("sale.recorded", 2)], "sold", True),
        ([fact("order.shipped", 1), fact("return.received", 2)], "returned", False),
        (
            [fact("return.received", 1), fact("return.inspected", 2, to_state="damaged")],
            "damaged",
            True,
        ),
        ([fact("transfer.shipped", 1, to_node_id=2)], "in_transit", False),
        ([fact("vendor_return.shipped", 1)], "gone", False),
    ],
)
def test_where_a_unit_is_and_whether_it_was_ours(facts, state, is_unknown):
    story = serial_story(facts)

    assert (story.state, story.is_unknown) == (state, is_unknown)
