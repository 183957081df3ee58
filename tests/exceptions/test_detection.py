"""From posted facts to cases: opened once, counted up, raised, cleared, kept quiet."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exceptions.models import ExceptionCase
from exceptions.selectors import is_detection_due
from exceptions.services import (
    acknowledge,
    close_cases,
    detect_due,
    dismiss,
    govern,
    watch_sources,
)
from exceptions.states import Resolution, Severity, Status
from exceptions.values import Closure
from inventory_control.availability.services import recalculate_due
from inventory_control.core import clock
from inventory_control.events.services import set_freshness
from inventory_control.orders.models import PurchaseOrder, PurchaseOrderLine
from tests.factories import SYSTEM, at_node, event, hour, item, node, planner, send, supplier

HANDLE = "exceptions.handle"


def place(code: str = "S5", **fields: object) -> None:
    """SOCK at a node, with planning parameters if any are given."""
    sock, where = item(supplier=supplier()), node(code)
    if fields:
        at_node(sock, where, **fields)


def at_s5(kind: str, quantity: int, **fields: object) -> dict[str, object]:
    """An event about SOCK at S5."""
    return event(kind, quantity, node="S5", **fields)


def verbs() -> list[str]:
    """What the audit log was told about cases, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT verb FROM entry WHERE subject_kind = 'exceptioncase' ORDER BY id")
        return [verb for (verb,) in cursor.fetchall()]


@pytest.mark.req("EXC-01")
def test_s13_four_socks_under_a_level_of_six_open_a_case(tenant, happen):
    place(reorder_point=6)

    assert happen(at_s5("receipt.recorded", 4)) == 1

    case = ExceptionCase.objects.get()
    assert (case.key, case.kind, case.status, case.seen, case.version) == (
        "stockout:SOCK@S5",
        "stockout",
        Status.OPEN,
        1,
        1,
    )
    assert (case.units, case.at_stake, case.severity) == (2, Decimal("12.00"), Severity.LOW)
    assert case.due_at == case.opened_at + timedelta(days=3)
    assert (case.evidence["available"], case.evidence["reorder_level"]) == (4, 6)
    assert verbs() == ["case.opened"]
    assert is_detection_due() is False


@pytest.mark.req("EXC-39")
def test_s13_ten_more_sales_count_up_the_same_exception(tenant, happen):
    place(reorder_point=6)
    happen(at_s5("receipt.recorded", 4))
    first = ExceptionCase.objects.get()
    govern({first.pk: "run-1"}, by=SYSTEM)

    for number in range(10):
        happen(at_s5("sale.recorded", 1, source_id=f"sale-{number}"))

    case = ExceptionCase.objects.get(kind__in=("stockout", "out_of_stock"))
    assert (case.pk, case.seen, case.key) == (first.pk, 11, "stockout:SOCK@S5")
    assert (case.severity, case.evidence["available"] <= -5) == (Severity.HIGH, True)
    assert case.version > 1
    assert case.due_at < first.due_at


@pytest.mark.req("EXC-39")
def test_the_same_size_of_risk_counts_up_and_keeps_its_version(tenant, happen):
    place(reorder_point=60)
    happen(at_s5("receipt.recorded", 40))

    happen(at_s5("receipt.recorded", 1))
    happen(at_s5("receipt.recorded", 1))

    case = ExceptionCase.objects.get()
    assert (case.seen, case.version, case.units) == (3, 1, 20)
    assert verbs() == ["case.opened"]


def test_small_changes_add_up_to_a_material_one(tenant, happen):
    place(reorder_point=60)
    happen(at_s5("receipt.recorded", 40))

    for _ in range(5):
        happen(at_s5("receipt.recorded", 1))

    case = ExceptionCase.objects.get()
    assert (case.seen, case.version, case.units) == (6, 2, 15)
    assert verbs() == ["case.opened", "case.raised"]


def test_a_risk_that_went_away_clears_its_case(tenant, happen):
    place(reorder_point=6)
    happen(at_s5("receipt.recorded", 4))
    acknowledge(ExceptionCase.objects.get(), by=planner(HANDLE))

    happen(at_s5("receipt.recorded", 20))

    case = ExceptionCase.objects.get()
    assert (case.status, case.resolution) == (Status.RESOLVED, Resolution.CLEARED)
    assert case.closed_at is not None
    assert verbs() == ["case.opened", "case.acknowledged", "case.cleared"]


def test_a_governed_case_is_not_cleared(tenant, happen):
    place(reorder_point=6)
    happen(at_s5("receipt.recorded", 4))
    case = ExceptionCase.objects.get()

    assert govern({case.pk: "run-1"}, by=SYSTEM) == {case.pk}
    happen(at_s5("receipt.recorded", 20))

    case.refresh_from_db()
    assert (case.status, case.governed_by) == (Status.OPEN, "run-1")


@pytest.mark.req("EXC-49")
def test_no_action_needed_keeps_the_risk_quiet_until_it_is_worse_or_the_time_has_come(
    tenant, happen
):
    place(reorder_point=60)
    happen(at_s5("receipt.recorded", 50))
    case = ExceptionCase.objects.get()
    tomorrow = clock.now() + timedelta(days=1)
    closed = close_cases(
        [Closure(case.pk, Resolution.NO_ACTION_NEEDED, "20 due tomorrow.", tomorrow)], by=SYSTEM
    )
    assert closed == {case.pk}

    happen(at_s5("sale.recorded", 1))

    case.refresh_from_db()
    assert (case.status, case.reason, case.quiet_until) == (
        Status.RESOLVED,
        "20 due tomorrow.",
        tomorrow,
    )
    assert ExceptionCase.objects.count() == 1
    assert is_detection_due() is False
    with clock.frozen_at(tomorrow):
        assert is_detection_due() is True
        assert detect_due(by=SYSTEM) == 1
        assert is_detection_due() is False
    reopened = ExceptionCase.objects.get(status=Status.OPEN)
    assert (reopened.key, reopened.evidence["available"]) == (case.key, 49)


@pytest.mark.req("EXC-49")
def test_a_quiet_risk_that_gets_worse_opens_at_once(tenant, happen):
    place(reorder_point=60)
    happen(at_s5("receipt.recorded", 50))
    case = ExceptionCase.objects.get()
    dismiss(case, reason="Known.", quiet_until=clock.now() + timedelta(days=9), by=planner(HANDLE))

    happen(at_s5("sale.recorded", 20))

    worse = ExceptionCase.objects.get(status=Status.OPEN)
    assert (case.severity, worse.severity, worse.kind) == (
        Severity.LOW,
        Severity.MEDIUM,
        "stockout",
    )


def test_a_risk_that_outlived_its_remedy_opens_a_new_case(tenant, happen):
    place(reorder_point=6)
    happen(at_s5("receipt.recorded", 4))
    case = ExceptionCase.objects.get()
    govern({case.pk: "run-1"}, by=SYSTEM)

    close_cases([Closure(case.pk, Resolution.EFFECT_CONFIRMED, "Received.")], by=SYSTEM)
    assert is_detection_due() is True
    detect_due(by=SYSTEM)

    assert list(ExceptionCase.objects.order_by("id").values_list("status", "resolution")) == [
        ("resolved", "effect_confirmed"),
        ("open", ""),
    ]
    assert is_detection_due() is False


def test_closing_in_bulk_leaves_what_somebody_closed_meanwhile(tenant, make_case):
    one, other = make_case(), make_case()
    dismiss(other, reason="Wrong.", by=planner(HANDLE))

    closed = close_cases(
        [
            Closure(one.pk, Resolution.REFUSED, "Too dear."),
            Closure(other.pk, Resolution.EFFECT_CONFIRMED, "Received."),
        ],
        by=SYSTEM,
    )

    other.refresh_from_db()
    assert (closed, other.status, other.reason) == ({one.pk}, Status.DISMISSED, "Wrong.")


@pytest.mark.req("EXC-02")
def test_running_dry_and_being_supplied_stays_one_case(tenant, happen):
    place()
    happen(at_s5("receipt.recorded", 5), at_s5("sale.recorded", 5))
    empty = ExceptionCase.objects.get()

    happen(at_s5("receipt.recorded", 1))

    case = ExceptionCase.objects.get()
    assert (empty.kind, case.pk, case.kind, case.seen, case.status) == (
        "out_of_stock",
        empty.pk,
        "out_of_stock",
        2,
        "open",
    )


@pytest.mark.req("EXC-13")
def test_s30_a_late_store_sale_oversells_the_marketplace(tenant, happen):
    item()
    node("S3")
    happen(event("stock.opened", 1, node="S3", occurred_at=hour(0)))
    order = {"order": "M-1", "line": "1", "channel": "MARKET"}

    happen(event("reservation.created", 1, node="S3", occurred_at=hour(2), **order))
    happen(event("sale.recorded", 1, node="S3", occurred_at=hour(1)))

    case = ExceptionCase.objects.get(kind="oversell")
    assert (case.key, case.units, case.at_stake) == ("oversell:SOCK@S3", 1, Decimal("6.00"))
    assert (case.severity, case.due_at - case.opened_at) == (
        Severity.CRITICAL,
        timedelta(hours=2),
    )
    assert case.evidence["claims"] == [{"claim": "M-1/1", "channel": "MARKET", "units": 1}]
    assert (case.evidence["sellable"], case.evidence["reserved"]) == (0, 1)


@pytest.mark.req("EXC-12")
def test_negative_stock_opens_and_clears_with_the_missing_receipt(tenant, happen):
    item()
    node("S5")
    happen(at_s5("sale.recorded", 2))
    case = ExceptionCase.objects.get(kind="negative_stock")
    assert (case.units, case.at_stake) == (2, Decimal("8.00"))

    happen(at_s5("receipt.recorded", 30))

    assert list(ExceptionCase.objects.values_list("status", flat=True)) == ["resolved"] * 2


@pytest.mark.req("EXC-10")
def test_a_count_out_of_tolerance_opens_a_case(tenant, happen):
    item()
    node("S5")

    happen(at_s5("stock.opened", 60, occurred_at=hour(0)), at_s5("stock.counted", 51))

    case = ExceptionCase.objects.get()
    assert (case.key, case.units, case.at_stake) == (
        "count_variance:SOCK@S5",
        9,
        Decimal("36.00"),
    )
    assert (case.evidence["counted"], case.evidence["expected"]) == (51, 60)


@pytest.mark.req("EXC-06")
def test_a_late_purchase_order_opens_once_and_clears_when_it_is_received(tenant):
    hat = item("HAT")
    now = clock.now()
    order = PurchaseOrder.objects.create(
        number="PO-1",
        node=node("S9"),
        ordered_at=now - timedelta(days=9),
        expected_at=now - timedelta(hours=4),
        status="sent",
    )
    line = PurchaseOrderLine.objects.create(
        order=order, item=hat, quantity=40, received=10, awaits_more=True
    )

    detect_due(by=SYSTEM)
    detect_due(by=SYSTEM)

    case = ExceptionCase.objects.get()
    assert (case.key, case.document, case.units, case.at_stake, case.seen) == (
        "asn_delay:PO-1",
        "PO-1",
        30,
        Decimal("180.00"),
        1,
    )
    line.received = 40
    line.save()
    PurchaseOrder.objects.update(status="received")
    detect_due(by=SYSTEM)
    case.refresh_from_db()
    assert (case.status, case.resolution) == (Status.RESOLVED, Resolution.CLEARED)


def test_a_day_of_places_costs_a_constant_number_of_queries(tenant, happen):
    where = node("S5")
    for number in range(3):
        at_node(item(f"I{number}"), where, reorder_point=6)
    send(*(at_s5("receipt.recorded", 4, item=f"I{number}") for number in range(3)))
    of_three = _queries_of_detection()
    for number in range(3, 60):
        at_node(item(f"I{number}"), where, reorder_point=6)
    send(*(at_s5("receipt.recorded", 4, item=f"I{number}") for number in range(3, 60)))

    assert _queries_of_detection() == of_three
    assert ExceptionCase.objects.count() == 60


def _queries_of_detection() -> int:
    recalculate_due(by=SYSTEM)
    with CaptureQueriesContext(connection) as queries:
        detect_due(by=SYSTEM)
    return len(queries)


@pytest.mark.parametrize(
    ("kind", "quantity", "planning", "bells"),
    [
        ("receipt.recorded", 4, {"reorder_point": 6}, ["advise", "count"]),
        ("sale.recorded", 2, {"is_ranged": False}, ["count"]),
        ("receipt.recorded", 4, {}, []),
    ],
)
def test_advice_is_rung_for_what_can_be_replenished_only(
    tenant, happen, monkeypatch, kind: str, quantity: int, planning: dict, bells: list[str]
):
    place(**planning)
    rung: list[str] = []
    monkeypatch.setattr("exceptions.services.detecting.ring", rung.append)

    happen(at_s5(kind, quantity))

    assert rung == bells


@pytest.mark.req("LED-27")
def test_a_risk_that_rests_on_old_numbers_says_how_old(tenant, happen):
    place(reorder_point=6)
    at = clock.now()
    set_freshness({"nodes": {"S5": 10}}, by=SYSTEM)
    send(at_s5("receipt.recorded", 4, occurred_at=at - timedelta(minutes=14)))
    watch_sources(by=SYSTEM)
    recalculate_due(by=SYSTEM)
    detect_due(by=SYSTEM)

    evidence = ExceptionCase.objects.get().evidence
    assert evidence["stale_minutes"] == 14
    assert evidence["facts"]["freshness"] == {
        "source": "pos",
        "age_minutes": 14,
        "is_stale": True,
    }
