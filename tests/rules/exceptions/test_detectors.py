"""What each detector finds in a scene, with exact figures and without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from exceptions.detectors import DETECTORS, findings_in, kinds
from exceptions.states import Severity
from exceptions.values import (
    Claim,
    Count,
    Demand,
    Finding,
    Goods,
    Holding,
    LateOrder,
    OutstandingLine,
    Scene,
)
from inventory_control.availability.values import Disagreement, Held
from inventory_control.orders.values import InboundSupply

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SOCK = Goods(item_id=1, sku="SOCK", unit_cost=Decimal(4), unit_price=Decimal(10), lead_time_days=7)
TWO_A_DAY = Demand(units=112, open_days=56)


def holding(**fields: object) -> Holding:
    """SOCK at S5."""
    return Holding(goods=SOCK, node_id=5, node="S5", **fields)


def found(*holdings: Holding, **fields: object) -> list[Finding]:
    """What all detectors find."""
    return findings_in(Scene(at=AT, holdings=holdings, **fields))


def supply(units: int, days: float | None) -> InboundSupply:
    """Units on order, due in so many days."""
    moment = None if days is None else AT + timedelta(days=days)
    return InboundSupply("PO-1", 1, 5, units, moment, is_transfer=False)


@pytest.mark.req("EXC-01")
def test_a_fixed_level_opens_although_supply_is_due_tomorrow():
    (finding,) = found(holding(sellable=4, reorder_point=6, inbound=(supply(20, 1),)))

    assert (finding.case_key, finding.units, finding.at_stake) == (
        "stockout:SOCK@S5",
        2,
        Decimal(12),
    )
    assert finding.severity == Severity.LOW
    assert finding.evidence["reorder_level"] == 6
    assert finding.evidence["is_level_fixed"] is True
    assert finding.evidence["inbound"] == [
        {
            "document": "PO-1",
            "units": 20,
            "expected_at": "2026-03-03T09:00:00+00:00",
            "is_transfer": False,
            "is_late": False,
        }
    ]


@pytest.mark.req("EXC-01")
@pytest.mark.parametrize(("sellable", "count"), [(6, 1), (7, 0)])
def test_the_level_itself_is_low(sellable: int, count: int):
    assert len(found(holding(sellable=sellable, reorder_point=6))) == count


@pytest.mark.req("EXC-01")
def test_without_a_fixed_level_it_is_demand_over_lead_time_review_and_margin():
    low = found(holding(sellable=22, demand=TWO_A_DAY))
    enough = found(holding(sellable=23, demand=TWO_A_DAY))

    assert enough == []
    (finding,) = low
    assert finding.evidence["reorder_level"] == 2 * (7 + 1 + 3)
    assert (finding.units, finding.at_stake) == (0, Decimal(0))


@pytest.mark.parametrize(
    ("sellable", "units", "at_stake", "severity"),
    [
        (16, 0, 0, Severity.LOW),
        (9, 7, 42, Severity.LOW),
        (8, 8, 48, Severity.MEDIUM),
        (1, 15, 90, Severity.MEDIUM),
    ],
)
def test_units_at_stake_are_what_will_be_asked_for_and_not_be_there(
    sellable: int, units: int, at_stake: int, severity: Severity
):
    (finding,) = found(holding(sellable=sellable, demand=TWO_A_DAY))

    assert (finding.units, finding.at_stake, finding.severity) == (
        units,
        Decimal(at_stake),
        severity,
    )


@pytest.mark.parametrize(("days", "count"), [(1, 0), (-2, 0), (None, 0), (8, 0), (8.1, 1)])
def test_supply_due_within_the_lead_time_counts_where_no_level_is_fixed(
    days: float | None, count: int
):
    short = holding(sellable=10, demand=TWO_A_DAY, inbound=(supply(20, days),))

    assert len(found(short)) == count


def test_nothing_is_low_without_demand_and_level_or_out_of_range():
    assert found(holding(sellable=0)) == []
    assert found(holding(sellable=1, reorder_point=6, is_ranged=False)) == []
    assert found(holding(sellable=0, demand=TWO_A_DAY, is_ranged=False)) == []


@pytest.mark.req("EXC-02")
def test_nothing_left_of_what_is_asked_for_is_out_of_stock_and_nothing_else():
    (finding,) = found(holding(sellable=0, demand=TWO_A_DAY, reorder_point=6))

    assert (finding.case_key, finding.units, finding.at_stake, finding.severity) == (
        "out_of_stock:SOCK@S5",
        16,
        Decimal(96),
        Severity.HIGH,
    )
    assert finding.respond_within == timedelta(hours=8)


@pytest.mark.req("EXC-02")
def test_out_of_stock_with_much_at_stake_is_critical():
    dear = structs.replace(SOCK, unit_price=Decimal(100))

    (finding,) = found(structs.replace(holding(sellable=0, demand=TWO_A_DAY), goods=dear))

    assert (finding.at_stake, finding.severity) == (Decimal(16 * 96), Severity.CRITICAL)


def test_a_fixed_level_finds_an_empty_place_nobody_asked_at():
    (finding,) = found(holding(sellable=0, reorder_point=6))

    assert (finding.kind, finding.units, finding.severity) == ("stockout", 6, Severity.HIGH)


def test_money_is_the_cost_where_no_price_is_known_and_never_negative():
    assert structs.replace(SOCK, unit_price=Decimal(0)).margin == Decimal(4)
    assert structs.replace(SOCK, unit_price=Decimal(3)).margin == Decimal(0)


@pytest.mark.req("EXC-12")
def test_negative_stock_is_worth_its_cost():
    (finding,) = found(holding(sellable=-2))

    assert (finding.case_key, finding.units, finding.at_stake, finding.severity) == (
        "negative_stock:SOCK@S5",
        2,
        Decimal(8),
        Severity.HIGH,
    )


@pytest.mark.req("EXC-13")
def test_more_promised_than_there_is_starts_the_promise_clock():
    claims = (Claim("M-1/1", "MARKET", 1),)

    (finding,) = found(holding(sellable=0, reserved=1, claims=claims))

    assert (finding.case_key, finding.units, finding.at_stake) == (
        "oversell:SOCK@S5",
        1,
        Decimal(6),
    )
    assert (finding.severity, finding.respond_within) == (
        Severity.CRITICAL,
        timedelta(hours=2),
    )
    assert finding.evidence["claims"] == [{"claim": "M-1/1", "channel": "MARKET", "units": 1}]


@pytest.mark.req("EXC-13")
def test_only_promised_units_are_oversold_however_negative_the_books():
    by_kind = {finding.kind: finding.units for finding in found(holding(sellable=-5, reserved=2))}

    assert by_kind == {"negative_stock": 5, "oversell": 2}


@pytest.mark.req("EXC-10")
def test_the_latest_pending_count_is_the_variance():
    counts = (Count(60, 58, AT), Count(60, 51, AT + timedelta(hours=1)))

    (finding,) = found(holding(sellable=60, counts=counts))

    assert (finding.case_key, finding.units, finding.at_stake, finding.severity) == (
        "count_variance:SOCK@S5",
        9,
        Decimal(36),
        Severity.MEDIUM,
    )
    assert finding.evidence["variance"] == -9


@pytest.mark.req("EXC-06", "EXC-20")
@pytest.mark.parametrize(
    ("days", "severity"), [(0.1, Severity.MEDIUM), (2, Severity.MEDIUM), (3, Severity.HIGH)]
)
def test_a_late_order_puts_the_margin_of_what_it_owes_at_stake(days: float, severity: Severity):
    late = LateOrder(
        number="PO-7",
        supplier="Mill",
        node_id=5,
        node="S5",
        expected_at=AT - timedelta(days=days),
        lines=(OutstandingLine(SOCK, 30), OutstandingLine(structs.replace(SOCK, sku="HAT"), 10)),
    )

    (finding,) = found(late_orders=(late,))

    assert (finding.case_key, finding.document, finding.units, finding.at_stake) == (
        "asn_delay:PO-7",
        "PO-7",
        40,
        Decimal(240),
    )
    assert finding.severity == severity


@pytest.mark.req("LED-12")
def test_holds_of_one_place_are_one_case_that_names_them_all():
    held = Held("mk-low", 2, "MK2", ats=70, hold_below=75, resume_from=120, held_at=AT)

    (finding,) = found(holding(sellable=90, holds=(held, replace(held, channel="MK3"))))

    assert (finding.case_key, finding.severity) == ("exposure_hold:SOCK@S5", Severity.HIGH)
    assert (finding.units, finding.at_stake) == (50, Decimal(300))
    assert finding.evidence["channels"] == ["MK2", "MK3"]
    assert finding.evidence["holds"][0]["rule"] == "mk-low v2"


@pytest.mark.req("REC-11")
@pytest.mark.parametrize(
    ("shown", "severity", "units"),
    [(40, Severity.CRITICAL, 25), (3, Severity.MEDIUM, 12), (None, Severity.MEDIUM, 15)],
)
def test_a_channel_that_shows_too_much_is_worse_than_one_that_shows_too_little(
    shown, severity, units
):
    told = Disagreement("MK", told=15, shown=shown, seen_at=AT, in_a_row=2)

    (finding,) = found(holding(sellable=90, disagreements=(told,)))

    assert finding.case_key == "channel_disagreement:SOCK@MK"
    assert (finding.severity, finding.units) == (severity, units)


def test_every_detector_says_what_it_means():
    assert kinds() == [
        "stockout",
        "out_of_stock",
        "negative_stock",
        "oversell",
        "count_variance",
        "cancelled_shipment",
        "asn_delay",
        "transfer_delay",
        "transfer_discrepancy",
        "receipt_discrepancy",
        "receipt_quality",
        "exposure_hold",
        "channel_disagreement",
        "position_mismatch",
        "completeness",
        "phantom_suspected",
        "unknown_serial",
        "stale_feed",
        "clock_skew",
        "low_quality",
        "unmapped_identifier",
        "integration_failure",
        "oversell_risk",
    ]
    assert all(detector.meaning.endswith(".") for detector in DETECTORS)
