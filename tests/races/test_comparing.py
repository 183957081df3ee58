"""Races on reconciliation: real transactions, real threads."""

from __future__ import annotations

from functools import partial

import pytest

from inventory_control.core.actors import Actor
from inventory_control.core.errors import DomainError
from inventory_control.reconciliation.models import (
    Comparison,
    Discrepancy,
    PositionReport,
    Remedy,
)
from inventory_control.reconciliation.services import compare, settle, take_reports
from inventory_control.stock.models import StockBalance
from tests.factories import SYSTEM, hour, item, node, planner, send
from tests.races.test_posting import assert_books_agree, together
from tests.reconciliation.reports import about, says


@pytest.fixture
def reported(committed):
    """WMS shows seven lamps more than the ledger; nothing is compared yet."""
    item("LAMP", unit_cost=40)
    node()
    send(about("stock.opened", 112, hour(8)), says("wms", 119, hour(9)))
    take_reports(by=SYSTEM)
    return committed


@pytest.mark.req("REC-02")
def test_four_runs_at_once_open_one_discrepancy(reported):
    answers = together(reported, *[lambda: compare(by=SYSTEM).opened for _ in range(4)])

    assert sorted(answers) == [0, 0, 0, 1]
    assert (Comparison.objects.count(), Discrepancy.objects.get().seen) == (4, 4)


@pytest.mark.req("REC-04")
def test_two_people_correct_the_ledger_once(reported):
    compare(by=SYSTEM)
    pk = Discrepancy.objects.get().pk
    rights = ("reconciliation.resolve", "stock.adjust")

    people = [planner(*rights), planner(*rights)]

    def correct(by: Actor) -> str:
        return settle(discrepancy_id=pk, path="correct_ledger", reason="seen", by=by).status

    answers = together(reported, *[partial(correct, person) for person in people])

    assert [isinstance(answer, DomainError) for answer in answers].count(True) == 1
    assert (Remedy.objects.count(), StockBalance.objects.get().sellable) == (1, 119)
    assert_books_agree()


@pytest.mark.req("REC-01")
def test_reports_taken_in_from_several_threads_leave_the_newest(reported):
    for minute in range(40):
        send(says("erp", minute, hour(10 + minute)))

    together(reported, *[lambda: take_reports(by=SYSTEM) for _ in range(4)])

    report = PositionReport.objects.get(system="erp")
    assert (report.quantity, report.as_of) == (39, hour(49))
