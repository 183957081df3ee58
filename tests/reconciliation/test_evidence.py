"""Cause candidates from evidence, and one picture of an item."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exceptions.models import ExceptionCase
from inventory_control.core import clock
from inventory_control.reconciliation.models import Discrepancy
from inventory_control.reconciliation.selectors import discrepancy_page, picture_of
from tests.factories import channel, hour, item, node, send
from tests.reconciliation.reports import about, says


def causes() -> list[tuple[str, bool]]:
    """The candidates of the one live discrepancy, likeliest first."""
    (found,) = Discrepancy.objects.filter(status="open")
    return [(cause.code, cause.is_exact) for cause in discrepancy_page(found.pk).causes]


@pytest.mark.req("REC-09")
def test_returns_that_wait_for_inspection_account_for_what_the_till_shows(lamp, arrive, run):
    arrive(
        about("stock.opened", 20, hour(8)),
        about("return.received", 6, clock.now() - timedelta(minutes=50)),
        says("pos", 26, clock.now() - timedelta(minutes=1)),
    )
    run()

    assert causes()[0] == ("returns", True)


@pytest.mark.req("REC-09")
def test_unmapped_messages_that_name_the_item_are_counted(lamp, arrive, run):
    send(*[about("sale.recorded", 1, hour(9), node="S99") for _ in range(6)])
    arrive(
        about("stock.opened", 20, clock.now() - timedelta(minutes=30)),
        says("wms", 14, clock.now() - timedelta(minutes=1)),
    )
    run()

    assert causes() == [("unmapped", True)]


@pytest.mark.req("REC-09")
def test_late_events_and_repeats_of_the_system_are_named(lamp, arrive, run):
    late = about("receipt.recorded", 9, hour(10))
    arrive(about("stock.opened", 20, clock.now() - timedelta(hours=100)), late)
    send(late, source="wms")
    send(late, source="wms")
    arrive(says("wms", 45, clock.now() - timedelta(minutes=1)))
    run()

    codes = {code for code, _ in causes()}
    assert codes >= {"late_events", "duplicates"}


@pytest.mark.req("REC-09")
def test_a_pair_that_differs_again_says_how_often_it_did(lamp, arrive, run):
    arrive(about("stock.opened", 20, hour(8)))
    for number in range(3):
        arrive(says("wms", 40, hour(9 + 2 * number)))
        run()
        arrive(says("wms", 20, hour(10 + 2 * number)))
        run()
    arrive(says("wms", 40, hour(20)))
    run()

    (found,) = Discrepancy.objects.filter(status="open")
    assert discrepancy_page(found.pk).earlier == 3


@pytest.mark.req("LED-30")
def test_six_figures_with_their_age_and_the_odd_one_marked(lamp, arrive):
    channel("WEB", lamp[1])
    now = clock.now()
    arrive(
        about("stock.opened", 50, hour(8)),
        says("erp", 50, now - timedelta(minutes=90)),
        says("oms", 50, now - timedelta(minutes=30)),
        says("wms", 50, now - timedelta(minutes=20)),
        says("pos", 43, now - timedelta(minutes=10)),
        says("WEB", 50, now - timedelta(minutes=5), node=None),
    )

    (panel,) = picture_of(lamp[0])

    assert panel.where == "S1"
    figures = {one.system: (one.quantity, one.is_odd) for one in panel.figures}
    assert figures == {
        "ledger": (50, False),
        "erp": (50, False),
        "oms": (50, False),
        "wms": (50, False),
        "pos": (43, True),
        "WEB": (50, False),
    }
    ages = {one.system: one.age_minutes for one in panel.figures}
    assert (ages["erp"], ages["pos"]) == (90, 10)


@pytest.mark.req("LED-30")
def test_when_all_others_agree_the_ledger_is_the_odd_one(lamp, arrive):
    arrive(
        about("stock.opened", 50, hour(8)),
        *[says(system, 43, hour(9)) for system in ("erp", "wms", "pos")],
    )

    (panel,) = picture_of(lamp[0])

    assert [one.system for one in panel.figures if one.is_odd] == ["ledger"]


@pytest.mark.req("LED-30")
def test_an_old_word_that_was_right_is_not_odd(lamp, arrive):
    arrive(
        about("stock.opened", 50, hour(8)),
        says("erp", 50, hour(9)),
        about("sale.recorded", 30, hour(10)),
        says("wms", 20, hour(11)),
    )

    (panel,) = picture_of(lamp[0])

    assert [one.is_odd for one in panel.figures] == [False, False, False]


@pytest.mark.req("LED-30")
def test_the_picture_takes_the_same_statements_for_one_node_and_for_many(lamp, arrive):
    arrive(about("stock.opened", 50, hour(8)), says("erp", 50, hour(9)))
    with CaptureQueriesContext(connection) as one:
        picture_of(lamp[0])
    for number in range(20):
        node(f"N{number}")
    arrive(
        *[about("stock.opened", 5, hour(8), node=f"N{number}") for number in range(20)],
        *[says("erp", 5, hour(9), node=f"N{number}") for number in range(20)],
    )

    with CaptureQueriesContext(connection) as many:
        panels = picture_of(lamp[0])

    assert (len(panels), len(many)) == (21, len(one))


@pytest.mark.req("REC-02")
def test_s15_till_channel_and_transfer_are_one_case(lamp, arrive, run):
    channel("WEB", lamp[1])
    node("DC")
    arrive(
        about("stock.opened", 1, hour(8)),
        about("stock.opened", 40, hour(8), node="DC"),
        about("transfer.created", 10, hour(8), node="DC", to_node="S1", document="TR-W"),
        says("pos", 1, hour(9)),
        says("WEB", 6, hour(9), node=None),
    )
    run()

    case = ExceptionCase.objects.get(kind="position_mismatch")
    assert (case.key, case.units) == ("position_mismatch:LAMP@S1", 5)
    said = {one["system"]: (one["quantity"], one["is_odd"]) for one in case.evidence["said"]}
    assert said == {"ledger": (1, False), "pos": (1, False), "WEB": (6, True)}
    (transfer,) = case.evidence["transfers"]
    assert (transfer["document"], transfer["units"], transfer["is_released"]) == (
        "TR-W", 10, False,
    )  # fmt: skip


@pytest.mark.req("REC-02")
def test_two_systems_that_doubt_the_same_units_are_one_case_of_that_size(lamp, arrive, run):
    arrive(
        about("stock.opened", 112, hour(8)),
        says("erp", 120, hour(9)),
        says("wms", 118, hour(9)),
    )

    run()

    case = ExceptionCase.objects.get(kind="position_mismatch")
    assert (Discrepancy.objects.count(), case.units) == (2, 8)
    assert [one["system"] for one in case.evidence["discrepancies"]] == ["erp", "wms"]


@pytest.mark.req("REC-02")
def test_a_channel_over_several_nodes_is_a_place_of_its_own(lamp, arrive, run):
    channel("WEB", lamp[1], node("S2"))
    arrive(about("stock.opened", 10, hour(8)), says("WEB", 30, hour(9), node=None))

    run()

    case = ExceptionCase.objects.get(kind="position_mismatch")
    assert (case.key, case.node) == ("position_mismatch:LAMP@WEB", None)


def test_another_items_messages_are_no_evidence(lamp, arrive, run):
    item("LAMP-2")
    send(*[about("sale.recorded", 1, hour(9), item="LAMP-2", node="S99") for _ in range(6)])
    arrive(
        about("stock.opened", 20, clock.now() - timedelta(minutes=30)),
        says("wms", 14, clock.now() - timedelta(minutes=1)),
    )
    run()

    assert causes() == []
