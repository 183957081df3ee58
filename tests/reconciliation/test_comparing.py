"""Comparing: what time explains is no difference, the rest is one case until the numbers agree."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exceptions.models import ExceptionCase
from exceptions.services import detect_due, resolve
from exceptions.states import Resolution, Severity, Status
from inventory_control.core import clock
from inventory_control.pipeline import TIMER_HANDLERS
from inventory_control.policies.services import set_policy
from inventory_control.reconciliation.models import (
    Comparison,
    Discrepancy,
    DriftLine,
    DriftPoint,
    PositionReport,
)
from inventory_control.reconciliation.selectors import has_news, offenders, trends
from inventory_control.reconciliation.services import COMPARE_TIMER, compare, take_reports
from inventory_control.reconciliation.states import Trigger
from inventory_control.timers.models import Timer
from inventory_control.timers.services import fire_due
from tests.factories import SYSTEM, channel, event, hour, item, node, planner, send
from tests.reconciliation.reports import about, says


@pytest.fixture
def s25(lamp, arrive):
    """ERP 120, WMS 112, ledger 112, one sale of 1 that ERP has not posted."""
    arrive(
        about("stock.opened", 113, hour(8)),
        says("erp", 120, hour(9)),
        about("sale.recorded", 1, hour(10)),
        says("wms", 112, hour(11)),
    )


@pytest.mark.req("REC-01", "REC-02", "REC-03")
def test_s25_the_sale_in_flight_explains_one_and_seven_are_left(s25, run):
    comparison = run()

    found = Discrepancy.objects.get()
    assert (found.system, found.gap, found.explained, found.unexplained, found.value) == (
        "erp", 8, 1, 7, Decimal("280.00"),
    )  # fmt: skip
    assert (comparison.compared, comparison.matched, comparison.material, comparison.opened) == (
        2, 1, 1, 1,
    )  # fmt: skip
    assert (comparison.units, comparison.value) == (7, Decimal("280.00"))
    case = ExceptionCase.objects.get(kind="position_mismatch")
    assert (case.key, case.units, case.at_stake) == (
        "position_mismatch:LAMP@S1", 7, Decimal("280.00"),
    )  # fmt: skip
    assert (case.document, case.severity) == (f"RC-{found.pk}", Severity.MEDIUM)
    assert case.evidence["explained"] == 1


@pytest.mark.req("REC-02")
def test_s25_the_next_run_finds_the_same_case(s25, run):
    run()

    second = run()

    assert (second.opened, second.material, Discrepancy.objects.get().seen) == (0, 1, 2)
    assert ExceptionCase.objects.filter(kind="position_mismatch").count() == 1


@pytest.mark.req("REC-02", "REC-04")
def test_it_closes_with_its_root_cause_once_the_numbers_agree(s25, run, arrive):
    run()
    arrive(says("erp", 112, hour(12)))

    comparison = run()

    found, case = Discrepancy.objects.get(), ExceptionCase.objects.get(kind="position_mismatch")
    words = "Erp brought its number in line without a remedy from here."
    assert (comparison.closed, found.status, found.root_cause) == (1, "matched", words)
    assert (case.status, case.resolution, case.reason) == (
        Status.RESOLVED, Resolution.CLEARED, words,
    )  # fmt: skip
    assert has_news() is False


@pytest.mark.req("REC-03")
def test_what_time_explains_whole_opens_nothing(lamp, arrive, run):
    arrive(
        about("stock.opened", 50, hour(8)),
        says("erp", 50, hour(9)),
        about("sale.recorded", 20, hour(10)),
    )

    comparison = run()

    assert (comparison.explained, comparison.material, Discrepancy.objects.count()) == (1, 0, 0)


@pytest.mark.req("REC-03")
def test_a_sale_inside_the_lag_of_a_system_may_not_be_posted_there_yet(lamp, arrive, run):
    moment = hour(9)
    arrive(
        about("stock.opened", 50, hour(8)),
        about("sale.recorded", 20, moment - timedelta(minutes=10)),
        says("erp", 50, moment),
        says("wms", 50, moment),
    )

    comparison = run()

    # ERP posts up to 15 minutes late, WMS up to 5.
    assert [one.system for one in Discrepancy.objects.all()] == ["wms"]
    assert (comparison.explained, comparison.material) == (1, 1)


@pytest.mark.req("REC-03")
def test_a_late_event_stands_where_it_happened(lamp, arrive, run):
    arrive(about("stock.opened", 50, hour(8)), says("erp", 40, hour(9)))
    run()
    arrive(about("sale.recorded", 10, hour(8) + timedelta(minutes=20)))

    comparison = run()

    found = Discrepancy.objects.get()
    assert (comparison.closed, found.status) == (1, "matched")
    assert found.root_cause == "Events of 10 units arrived late and closed the gap."


@pytest.mark.req("REC-02")
@pytest.mark.parametrize(
    ("units", "is_material"),
    [("four units at 160", False), ("five units at 200", True)],
    ids=["below", "at the limit"],
)
def test_a_difference_matters_from_the_limit_on(lamp, arrive, run, units, is_material):
    off = {"four": 4, "five": 5}[units.split()[0]]
    arrive(about("stock.opened", 100, hour(8)), says("wms", 100 + off, hour(9)))

    comparison = run()

    assert (comparison.material, comparison.tolerated) == ((1, 0) if is_material else (0, 1))
    assert Discrepancy.objects.count() == int(is_material)


@pytest.mark.req("REC-02")
def test_money_alone_may_make_a_difference_matter(tenant, arrive, run):
    item("LAMP", unit_cost=101)
    node()
    arrive(about("stock.opened", 100, hour(8)), says("wms", 98, hour(9)))

    assert (run().material, Discrepancy.objects.get().value) == (1, Decimal("202.00"))


@pytest.mark.req("REC-02")
def test_each_system_may_have_limits_of_its_own(lamp, arrive, run):
    set_policy(
        key="reconciliation",
        value={"systems": {"pos": {"material": {"units": 1}}}},
        by=SYSTEM,
    )
    arrive(about("stock.opened", 100, hour(8)), says("pos", 99, hour(9)), says("wms", 99, hour(9)))

    run()

    assert [one.system for one in Discrepancy.objects.all()] == ["pos"]


@pytest.mark.req("REC-02")
def test_the_case_begins_with_an_owner(s25, run, tenant):
    from tests.http import Api

    owner = Api("exceptions.read", name="finance", kind="person").user

    run()

    case = ExceptionCase.objects.get(kind="position_mismatch")
    assert case.assignee == str(owner.public_id)
    assert case.evidence["owner_role"] == "finance"


@pytest.mark.req("REC-01")
def test_the_schedule_runs_by_timer_and_sets_the_next(s25):
    (timer,) = Timer.objects.filter(kind=COMPARE_TIMER)
    assert timed(timer) == 60

    assert fire_due(TIMER_HANDLERS, by=SYSTEM) == 0
    with clock.frozen_at(timer.due_at):
        fired = fire_due(TIMER_HANDLERS, by=SYSTEM)

    comparison = Comparison.objects.get()
    assert (fired, comparison.trigger, comparison.compared) == (1, Trigger.SCHEDULE, 2)
    waiting = Timer.objects.get(kind=COMPARE_TIMER, status="set")
    assert timed(waiting) == 60


def timed(timer: Timer) -> int:
    """Minutes between setting a timer and its moment."""
    return round((timer.due_at - timer.set_at).total_seconds() / 60)


@pytest.mark.req("REC-01")
def test_without_a_report_there_is_no_schedule(lamp, arrive):
    arrive(about("stock.opened", 5, hour(8)), about("stock.counted", 5, hour(9)))

    assert Timer.objects.filter(kind=COMPARE_TIMER).count() == 0


@pytest.mark.req("REC-01")
def test_the_newest_report_stands_whatever_order_they_come_in(lamp, arrive):
    arrive(says("erp", 3, hour(11)))
    arrive(says("erp", 1, hour(9)), says("ERP", 2, hour(10)))

    report = PositionReport.objects.get()
    assert (report.system, report.quantity, report.as_of) == ("erp", 3, hour(11))


@pytest.mark.req("REC-01")
def test_a_withdrawn_report_gives_way_to_the_one_before(lamp, arrive, run):
    right, wrong = says("erp", 10, hour(9)), says("erp", 99, hour(10))
    arrive(about("stock.opened", 10, hour(8)), right, wrong)
    run()
    assert Discrepancy.objects.get().reported == 99
    arrive(
        event(
            "event.corrected",
            item=None,
            node=None,
            corrects={"source": "pos", "source_id": wrong["source_id"]},
            reason="typed wrongly",
        )
    )

    run()

    report, found = PositionReport.objects.get(), Discrepancy.objects.get()
    assert (report.quantity, report.as_of, found.status) == (10, hour(9), "matched")


@pytest.mark.req("REC-01")
def test_a_corrected_report_counts_with_its_correction(lamp, arrive):
    wrong = says("erp", 99, hour(10))
    arrive(wrong)
    arrive(
        event(
            "event.corrected",
            12,
            item=None,
            node=None,
            corrects={"source": "pos", "source_id": wrong["source_id"]},
            reason="typed wrongly",
        )
    )

    assert PositionReport.objects.get().quantity == 12


@pytest.mark.req("REC-01")
def test_a_name_that_is_neither_system_nor_channel_is_counted_and_not_compared(lamp, arrive, run):
    arrive(about("stock.opened", 10, hour(8)), says("crm", 3, hour(9)))

    comparison = run()

    assert (comparison.unknown, comparison.compared) == (1, 0)


@pytest.mark.req("REC-01")
def test_erp_counts_everything_that_lies_there_and_the_till_what_may_be_sold(lamp, arrive, run):
    arrive(
        about("stock.opened", 100, hour(8)),
        about("damage.recorded", 30, hour(8) + timedelta(minutes=1)),
        says("erp", 100, hour(9)),
        says("pos", 70, hour(9)),
        says("wms", 30, hour(9), to_state="damaged"),
        says("oms", 100, hour(9), node=None, to_state="on_hand"),
    )

    comparison = run()

    assert (comparison.compared, comparison.matched) == (4, 4)


@pytest.mark.req("REC-01", "REC-03")
def test_a_channel_is_compared_with_what_it_may_sell_at_its_moment(lamp, arrive, run):
    channel("WEB", lamp[1], buffer=2)
    arrive(
        about("stock.opened", 20, hour(8)),
        says("WEB", 18, hour(9), node=None),
        about("reservation.created", 6, hour(10), order="O-1", line="1", channel="WEB"),
        about("order.shipped", 2, hour(11), order="O-1", line="1", channel="WEB"),
    )

    comparison = run()

    # 20 - 2 shipped - 4 promised - 2 kept back = 12 now; all six left after its word.
    (point,) = DriftPoint.objects.all()
    assert (comparison.explained, point.system, point.units) == (1, "WEB", 0)


@pytest.mark.req("REC-05")
def test_drift_is_kept_by_system_and_by_item(s25, run):
    run()
    run()

    since = clock.now() - timedelta(days=1)
    erp, wms = trends(since)
    assert (erp.system, erp.runs, erp.off_runs, erp.units) == ("erp", 2, 2, 7)
    assert [units for _, units in erp.points] == [7, 7]
    assert (wms.system, wms.off_runs, wms.units) == ("wms", 0, 0)
    (worst,) = offenders(since)
    assert (worst.system, worst.sku, worst.node, worst.runs, worst.units) == (
        "erp", "LAMP", "S1", 2, 14,
    )  # fmt: skip
    assert DriftLine.objects.count() == 2


@pytest.mark.req("REC-01")
def test_a_hundred_reports_take_the_statements_of_one(lamp, arrive):
    arrive(about("stock.opened", 50, hour(8)), says("erp", 60, hour(9)))
    compare(by=SYSTEM)
    with CaptureQueriesContext(connection) as one:
        compare(by=SYSTEM)
    for number in range(99):
        item(f"L{number}", unit_cost=40)
    send(*[says("erp", 60, hour(9), item=f"L{number}") for number in range(99)])
    take_reports(by=SYSTEM)
    compare(by=SYSTEM)

    with CaptureQueriesContext(connection) as many:
        comparison = compare(by=SYSTEM)

    assert (comparison.material, len(many)) == (100, len(one))


@pytest.mark.req("REC-02")
def test_detection_takes_the_same_statements_for_one_place_and_for_many(lamp, arrive, run):
    arrive(about("stock.opened", 50, hour(8)), says("erp", 60, hour(9)))
    run()
    with CaptureQueriesContext(connection) as one:
        detect_due(by=SYSTEM)
    for number in range(30):
        item(f"L{number}", unit_cost=40)
    arrive(*[says("erp", 60, hour(9), item=f"L{number}") for number in range(30)])
    run()

    with CaptureQueriesContext(connection) as many:
        detect_due(by=SYSTEM)

    assert len(many) == len(one)


@pytest.mark.req("REC-02")
def test_a_change_elsewhere_neither_clears_nor_repeats_the_case(s25, run, arrive):
    run()
    arrive(about("receipt.recorded", 3, hour(12)))

    with CaptureQueriesContext(connection) as queries:
        detect_due(by=SYSTEM)

    case = ExceptionCase.objects.get(kind="position_mismatch")
    assert (case.status, case.seen, case.version) == (Status.OPEN, 1, 1)
    assert not [query for query in queries.captured_queries if "positionreport" in query["sql"]]


@pytest.mark.req("REC-02")
def test_a_case_settled_by_hand_comes_back_with_the_next_run(s25, run):
    run()
    resolve(
        ExceptionCase.objects.get(kind="position_mismatch"),
        reason="I think so",
        by=planner("exceptions.handle"),
    )

    run()

    assert [case.status for case in ExceptionCase.objects.order_by("pk")] == ["resolved", "open"]
