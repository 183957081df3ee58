"""The arithmetic of reconciliation, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_control.reconciliation.errors import InvalidTermsError
from inventory_control.reconciliation.rules import (
    DEFAULTS,
    causes_of,
    closing_words,
    gap_of,
    judge,
    missing_ids,
    odd_ones,
    terms_of,
)
from inventory_control.reconciliation.values import Facts, Material, Ours, Reported, Said

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
REPORT = Reported("erp", 1, "LAMP", Decimal(40), 5, "S1", "", 120, AT, AT)
units = st.integers(-10_000, 10_000)


@pytest.mark.req("REC-03")
def test_s25_eight_as_it_looks_one_explained_seven_left():
    gap = gap_of(120, Ours(now=112, since=-1))

    assert (gap.raw, gap.explained, gap.unexplained) == (8, 1, 7)


@pytest.mark.req("REC-03")
@given(reported=units, now=units, since=units, within=st.lists(units, max_size=6))
def test_the_parts_always_sum_to_the_gap_and_a_lag_never_adds_to_the_rest(
    reported: int, now: int, since: int, within: list[int]
):
    exact = gap_of(reported, Ours(now, since))
    lagging = gap_of(reported, Ours(now, since, tuple(within)))

    for gap in (exact, lagging):
        assert gap.explained + gap.unexplained == gap.raw == reported - now
    assert abs(lagging.unexplained) <= abs(exact.unexplained)


@pytest.mark.req("REC-03")
def test_of_equally_good_moments_the_latest_is_taken():
    assert gap_of(10, Ours(now=12, since=0, within=(4,))).then == 12


@pytest.mark.req("REC-03")
def test_a_channel_is_never_expected_to_show_a_debt():
    gap = gap_of(0, Ours(now=-3, since=-5, is_floored=True))

    assert (gap.now, gap.then, gap.unexplained) == (0, 2, -2)
    assert gap_of(0, Ours(now=-3, is_floored=True)).raw == 0


@pytest.mark.req("REC-02")
@pytest.mark.parametrize(
    ("material", "is_material"),
    [
        (Material(units=7), True),
        (Material(units=8), False),
        (Material(value=Decimal(280)), True),
        (Material(value=Decimal("280.01")), False),
        (Material(share=0.05), True),
        (Material(share=0.07), False),
        (Material(), False),
        (Material(units=100, value=Decimal(280)), True),
    ],
)
def test_any_limit_that_is_reached_makes_a_difference_material(
    material: Material, is_material: bool
):
    judged = judge(REPORT, Ours(now=112, since=-1), material)

    assert (judged.value, judged.is_material) == (Decimal("280.00"), is_material)


def test_no_difference_is_material_however_small_the_limit():
    assert not judge(REPORT, Ours(now=120), Material(value=Decimal(0))).is_material


def said(*offs: int) -> list[Said]:
    """One figure a system, off by so much."""
    return [Said(f"s{n}", 50 + off, "on_hand", AT, AT, off) for n, off in enumerate(offs)]


@pytest.mark.req("LED-30")
@pytest.mark.parametrize(
    ("offs", "odd"),
    [
        ((0, 0, 0, -7, 0), [3]),
        ((0, -7, -7, -7), [0]),
        ((0, 5), [1]),
        ((0, 5, 3), [1, 2]),
        ((0, 0, 5, 5), [2, 3]),
        ((0,), []),
    ],
    ids=["one", "the ledger", "of two", "no majority", "a tie", "alone"],
)
def test_who_stands_against_the_others_is_odd(offs: tuple[int, ...], odd: list[int]):
    assert [n for n, one in enumerate(odd_ones(said(*offs))) if one.is_odd] == odd


@pytest.mark.req("REC-09")
def test_a_cause_that_accounts_for_every_unit_comes_first():
    facts = Facts(late_events=2, late_units=3, uninspected=7, in_transit=40)

    found = causes_of(7, facts)

    assert [(cause.code, cause.is_exact) for cause in found] == [
        ("returns", True), ("in_transit", False), ("late_events", False),
    ]  # fmt: skip


@pytest.mark.req("REC-09")
def test_promises_explain_a_number_below_ours_only():
    assert [cause.code for cause in causes_of(-4, Facts(claimed=4))] == ["claims"]
    assert causes_of(4, Facts(claimed=4)) == ()


@pytest.mark.req("REC-04")
def test_the_words_of_a_closing_name_what_was_done_or_what_came():
    done = [("recount", "the shelf decides", 7, 112), ("correct_source", "ours is right", 7, 112)]

    assert closing_words("erp", done, late_units=0) == (
        "Counted again (the shelf decides); erp corrected to 112 (ours is right)."
    )
    assert closing_words("erp", [], late_units=4).startswith("Events of 4 units arrived late")
    assert len(closing_words("erp", [("recount", "x" * 300, 1, 1)] * 3, late_units=0)) == 300


@pytest.mark.req("INT-35")
@pytest.mark.parametrize(
    ("declared", "arrived", "missing"),
    [
        ((), ("T-1", "T-2", "T-5"), ["T-3", "T-4"]),
        ((), ("T-0008", "T-0011"), ["T-0009", "T-0010"]),
        (("a", "b", "c"), ("b",), ["a", "c"]),
        ((), ("x", "y"), []),
        ((), (), []),
        ((), ("A-1", "A-3", "B-7"), ["A-2"]),
    ],
)
def test_missing_ids_are_those_named_or_the_holes_of_a_numbering(declared, arrived, missing):
    assert missing_ids(declared, arrived) == missing


@pytest.mark.req("INT-35")
def test_a_numbering_with_a_huge_hole_lists_a_hundred():
    assert len(missing_ids((), ("T-1", "T-999999999"))) == 100


def test_the_defaults_hold_together_and_a_version_may_leave_things_out():
    terms = terms_of({"material": {"units": 3}})

    assert terms.of("erp").material == Material(units=3, value=Decimal(200))
    assert terms_of({"material": {"value": None}}).of("erp").material == Material(units=5)
    assert terms.of("erp").lag == timedelta(minutes=15)
    assert (terms.of("WEB").measure, terms.interval) == ("available", timedelta(hours=1))
    assert terms_of(DEFAULTS) == terms_of({})


def test_a_systems_own_limits_go_before_the_common_ones():
    terms = terms_of({"systems": {"pos": {"material": {"units": 1}}}})

    assert terms.of("pos").material == replace(terms.of("wms").material, units=1)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"surprise": 1}, "surprise"),
        ({"interval_minutes": 0}, "interval_minutes"),
        ({"interval_minutes": True}, "interval_minutes"),
        ({"material": {"units": 0}}, "material.units"),
        ({"material": {"value": "much"}}, "material.value"),
        ({"material": {"share": 2}}, "material.share"),
        ({"material": 5}, "material"),
        ({"systems": {"crm": {}}}, "systems.crm"),
        ({"systems": {"erp": {"measure": "feeling"}}}, "systems.erp.measure"),
        ({"systems": {"erp": {"lag_minutes": -1}}}, "systems.erp.lag_minutes"),
        ({"recount_freezes": "yes"}, "recount_freezes"),
        ({"approval_above": "-1"}, "approval_above"),
        ({"approval_above": "NaN"}, "approval_above"),
    ],
)
def test_a_policy_that_does_not_hold_together_names_its_field(value, field):
    with pytest.raises(InvalidTermsError) as refused:
        terms_of(value)

    assert refused.value.field == field
