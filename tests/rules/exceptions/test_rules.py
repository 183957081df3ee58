"""What the rules of exceptions decide, without a database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exceptions.rules import (
    cover_days,
    due_at,
    has_risen,
    horizon_days,
    is_material,
    keys_of,
    open_days,
    page_size,
    queue_filters,
    response_time,
    risk_of,
    severity_of,
    shortfall,
    window_start,
)
from exceptions.states import CASE_FLOW, Severity, Status
from exceptions.values import Demand, QueueFilters
from inventory_control.core.errors import IllegalMove, Refused

KINDS = ("stockout", "oversell")
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
LAWFUL = {
    ("open", "acknowledged"),
    ("open", "resolved"),
    ("open", "dismissed"),
    ("acknowledged", "open"),
    ("acknowledged", "resolved"),
    ("acknowledged", "dismissed"),
    ("resolved", "open"),
    ("dismissed", "open"),
}


@pytest.mark.req("EXC-43")
@pytest.mark.parametrize("state", Status.values)
@pytest.mark.parametrize("to", Status.values)
def test_every_pair_of_states_is_lawful_or_refused(state: str, to: str):
    if (state, to) in LAWFUL:
        CASE_FLOW.check(state, to)
    else:
        with pytest.raises(IllegalMove):
            CASE_FLOW.check(state, to)


@pytest.mark.parametrize(
    ("urgency", "at_stake", "severity"),
    [
        (1, "0", Severity.HIGH),
        (1, "1000", Severity.CRITICAL),
        (0.99, "999.99", Severity.MEDIUM),
        (0.5, "0", Severity.MEDIUM),
        (0.5, "1000", Severity.HIGH),
        (0.49, "0", Severity.LOW),
        (0, "1000", Severity.MEDIUM),
        (-1, "0", Severity.LOW),
    ],
)
def test_severity_is_nearness_and_money(urgency: float, at_stake: str, severity: Severity):
    assert severity_of(urgency, Decimal(at_stake)) is severity


@pytest.mark.req("SLA-01")
@pytest.mark.parametrize(
    ("severity", "hours"),
    [(Severity.CRITICAL, 2), (Severity.HIGH, 8), (Severity.MEDIUM, 24), (Severity.LOW, 72)],
)
def test_the_response_is_due_by_severity(severity: Severity, hours: int):
    assert due_at(AT, response_time(severity)) == AT + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("before", "after", "material"),
    [
        (10, 12, False),
        (10, 13, True),
        (10, 8, False),
        (10, 7, True),
        (0, 0, False),
        (0, 1, True),
        (1, 1, False),
    ],
)
def test_a_change_of_more_than_a_fifth_is_material(before: int, after: int, material: bool):
    assert is_material(before, after) is material


@pytest.mark.parametrize(
    ("new_severity", "new_units", "risen"),
    [(3, 10, False), (2, 10, True), (4, 10, False), (4, 5, True), (3, 11, False)],
)
def test_a_risk_rises_when_it_is_worse_or_another_size(
    new_severity: int, new_units: int, risen: bool
):
    assert risen is has_risen(severity=3, units=10, new_severity=new_severity, new_units=new_units)


@pytest.mark.req("EXC-39")
def test_running_low_and_having_run_out_are_one_risk():
    assert risk_of("stockout:SOCK@S5") == risk_of("out_of_stock:SOCK@S5") == "supply:SOCK@S5"
    assert keys_of("supply:SOCK@S5") == ("stockout:SOCK@S5", "out_of_stock:SOCK@S5")
    assert keys_of(risk_of("oversell:SOCK@S5")) == ("oversell:SOCK@S5",)


def test_cover_horizon_and_shortfall_are_arithmetic():
    assert cover_days(10, 4.0) == 2.5
    assert cover_days(-3, 4.0) == 0
    assert cover_days(10, 0.0) is None
    assert horizon_days(7) == 8
    assert (shortfall(16, 10), shortfall(16, 20), shortfall(16, -4)) == (6, 0, 20)


def test_demand_to_expect_is_rounded_up_and_never_by_a_fraction_of_a_float():
    assert Demand(units=1, open_days=10).over(30) == 3
    assert Demand(units=1, open_days=10).over(31) == 4
    assert (Demand().over(30), Demand().daily) == (0, 0.0)


@pytest.mark.parametrize(
    ("closed", "start"),
    [((), date(2026, 1, 5)), ((6,), date(2025, 12, 26)), ((6, 7), date(2025, 12, 12))],
)
def test_the_window_holds_fifty_six_open_days(closed: tuple[int, ...], start: date):
    until = date(2026, 3, 2)

    assert window_start(until, closed) == start
    assert open_days(start, until, closed) == 56


@given(
    start=st.dates(date(2024, 1, 1), date(2026, 1, 1)),
    length=st.integers(0, 120),
    closed=st.sets(st.integers(1, 7), max_size=6),
)
def test_open_days_agree_with_counting_them(start: date, length: int, closed: set[int]):
    until = start + timedelta(days=length)
    counted = sum(
        1 for offset in range(length) if (start + timedelta(days=offset)).isoweekday() not in closed
    )

    assert open_days(start, until, closed) == max(1, counted)


@pytest.mark.req("EXC-37")
def test_filters_are_read_from_a_query():
    read = queue_filters(
        {
            "kind": "stockout",
            "severity": "high",
            "node": "S5",
            "assignee": "none",
            "past_due": "1",
            "sku": " so ",
            "order": "money",
        },
        kinds=KINDS,
    )

    assert read == QueueFilters(
        status="live",
        order="money",
        kind="stockout",
        severity=2,
        node="S5",
        assignee="none",
        is_past_due=True,
        sku="so",
    )


@pytest.mark.parametrize(
    ("query", "status", "order"),
    [
        ({}, "live", "urgency"),
        ({"status": "closed"}, "closed", "closed"),
        ({"status": "resolved"}, "resolved", "closed"),
        ({"status": "acknowledged"}, "acknowledged", "urgency"),
        ({"key": "stockout:A@B"}, "any", "latest"),
        ({"key": "stockout:A@B", "status": "live"}, "live", "urgency"),
    ],
)
def test_status_and_order_have_sensible_usual_values(
    query: dict[str, str], status: str, order: str
):
    read = queue_filters(query, kinds=KINDS)

    assert (read.status, read.order) == (status, order)


@pytest.mark.parametrize("field", ["status", "order", "kind", "severity", "past_due"])
def test_an_unknown_value_is_refused_by_the_name_of_its_field(field: str):
    with pytest.raises(Refused) as refusal:
        queue_filters({field: "banana"}, kinds=KINDS)

    assert refusal.value.field == field
    assert "banana" in refusal.value.detail


@pytest.mark.parametrize("text", ["0", "201", "ten", "-1", "1.5", "²"])
def test_a_page_has_one_to_two_hundred_rows(text: str):
    assert page_size({}) == 50
    assert page_size({"limit": "200"}) == 200
    with pytest.raises(Refused) as refusal:
        page_size({"limit": text})
    assert refusal.value.field == "limit"
