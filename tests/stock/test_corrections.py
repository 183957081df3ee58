"""Corrections of corrections: the last word on a fact stands, in any order of arrival."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.db import connection

from inventory_control.availability.services import recalculate_due
from inventory_control.events.models import Correction, HeldEvent
from inventory_control.stock.models import (
    Assertion,
    DemandDay,
    LedgerEntry,
    Reservation,
    StockBalance,
)
from inventory_control.stock.rules import CLAIMS, MOVES
from inventory_control.stock.services import rebuild_balances
from tests.factories import SYSTEM, event, hour, item, node, send

pytestmark = pytest.mark.usefixtures("places")
EXTRA: dict[str, dict[str, Any]] = {
    "order.shipped": {"order": "O", "line": "1"},
    "return.inspected": {"to_state": "sellable"},
    "receipt.inspected": {"to_state": "damaged"},
    "transfer.shipped": {"to_node": "S2"},
    "transfer.returned": {"to_node": "S2", "document": "T-1"},
    "transfer.written_off": {"document": "T-1", "reason": "lost"},
    "adjustment.recorded": {"reason": "found"},
    "asn.created": {"document": "A-1", "due_at": hour(40), "attributes": {"dispatched": True}},
}


@pytest.fixture
def places(tenant) -> None:
    """SOCK at S1 and S2."""
    item()
    node()
    node("S2")


def fix(name: str, about: str, quantity: int | None, at: int) -> dict[str, Any]:
    """A correction `name` of `about`, told at an hour."""
    return event(
        "event.corrected", quantity, item=None, node=None, source_id=name, occurred_at=hour(at),
        reason="wrong", corrects={"source": "pos", "source_id": about},
    )  # fmt: skip


def ends(*facts: dict[str, Any]) -> list[dict[tuple[str, str], int]]:
    """The positions after every order of arrival, each fact told twice; then nothing is kept."""
    found = []
    for order in itertools.permutations(facts):
        with connection.cursor() as cursor:
            cursor.execute("SAVEPOINT attempt")
            for fact in order:
                send(fact)
                send(fact)
            found.append(positions())
            assert rebuild_balances(by=SYSTEM).difference == 0
            assert HeldEvent.objects.count() == 0
            cursor.execute("ROLLBACK TO attempt")
    return found


def positions() -> dict[tuple[str, str], int]:
    """Units that are not zero, by node and account, and open claims."""
    columns = (
        "received", "quarantined", "sellable", "refurbishable", "damaged", "vendor_return",
        "in_transit", "reserved", "allocated",
    )  # fmt: skip
    return {
        (row.node.code, column): units
        for row in StockBalance.objects.select_related("node")
        for column in columns
        if (units := getattr(row, column))
    }


@pytest.mark.req("LED-18", "EVT-10")
@pytest.mark.parametrize("move", sorted(MOVES))
def test_of_every_move_the_correction_of_its_correction_stands(move: str):
    told = event(move, 5, occurred_at=hour(1), source_id="told", **EXTRA.get(move, {}))
    meant = event(move, 4, occurred_at=hour(1), source_id="told", **EXTRA.get(move, {}))

    (truth,) = ends(meant)
    found = ends(told, fix("c1", "told", 3, 2), fix("c2", "c1", 4, 3))

    assert truth
    assert found == [truth] * 6


@pytest.mark.req("LED-18", "EVT-10")
@pytest.mark.parametrize("claim", sorted(set(CLAIMS) - set(MOVES)))
def test_of_every_claim_the_correction_of_its_correction_stands(claim: str):
    line = {"order": "O", "line": "1"}
    before = [
        event("receipt.recorded", 20, occurred_at=hour(0), source_id="r"),
        event("order.created", 9, occurred_at=hour(0), source_id="o", **line),
    ]
    told = event(claim, 5, occurred_at=hour(1), source_id="told", **line)
    meant = event(claim, 4, occurred_at=hour(1), source_id="told", **line)

    send(*before)
    (truth,) = ends(meant)
    found = ends(told, fix("c1", "told", 3, 2), fix("c2", "c1", 4, 3))

    assert found == [truth] * 6


@pytest.mark.req("LED-18", "EVT-10")
def test_a_sale_of_5_corrected_to_3_and_that_to_4_leaves_4_sold_everywhere():
    send(
        event("receipt.recorded", 20, occurred_at=hour(0)),
        event("sale.recorded", 5, occurred_at=hour(1), source_id="s", order="O", line="1"),
        fix("c2", "c1", 4, 3),
        fix("c1", "s", 3, 2),
    )
    recalculate_due(by=SYSTEM)

    assert positions()["S1", "sellable"] == 16
    assert Reservation.objects.get().shipped == 4
    assert DemandDay.objects.get().sold == 4
    assert list(
        Correction.objects.order_by("pk").values_list("quantity", "change", "is_standing")
    ) == [(3, -2, False), (4, 1, True)]
    lines = LedgerEntry.objects.filter(state="sellable").order_by("id")
    assert list(lines.values_list("quantity", flat=True)) == [20, -5, 5, -3, 3, -4]


@pytest.mark.req("LED-18", "EVT-10")
def test_of_two_corrections_of_one_fact_the_last_by_source_time_stands():
    sale = event("sale.recorded", 5, occurred_at=hour(1), source_id="s")

    found = ends(sale, fix("b", "s", 4, 3), fix("a", "s", 3, 2))

    assert found == [{("S1", "sellable"): -4}] * 6


@pytest.mark.req("LED-18", "EVT-10")
def test_what_names_a_correction_stands_before_it_whatever_its_clock_says():
    sale = event("sale.recorded", 5, occurred_at=hour(1), source_id="s")

    same_time = ends(sale, fix("b", "s", 3, 2), fix("a", "b", 4, 2))
    slow_clock = ends(sale, fix("b", "s", 3, 4), fix("a", "b", 4, 2))

    assert same_time == slow_clock == [{("S1", "sellable"): -4}] * 6


@pytest.mark.req("LED-18", "EVT-10")
def test_a_reversal_of_a_reversal_lets_stand_what_stood_before():
    sale = event("sale.recorded", 5, occurred_at=hour(1), source_id="s")

    of_reversal = ends(sale, fix("r1", "s", None, 2), fix("r2", "r1", None, 3))
    of_correction = ends(sale, fix("c1", "s", 3, 2), fix("c2", "s", 4, 3), fix("r", "c2", None, 4))
    thrice = ends(sale, fix("r1", "s", None, 2), fix("r2", "r1", None, 3), fix("r3", "r2", None, 4))

    assert of_reversal == [{("S1", "sellable"): -5}] * 6
    assert of_correction == [{("S1", "sellable"): -3}] * 24
    assert thrice == [{}] * 24


@pytest.mark.req("LED-18", "EVT-10")
def test_a_reversed_sale_is_told_anew_by_a_quantity():
    sale = event("sale.recorded", 5, occurred_at=hour(1), source_id="s")

    assert ends(sale, fix("r", "s", None, 2), fix("c", "r", 2, 3)) == [{("S1", "sellable"): -2}] * 6


@pytest.mark.req("LED-18", "EVT-10")
def test_a_corrected_count_counts_what_its_last_correction_says():
    opened = event("stock.opened", 50, occurred_at=hour(0), source_id="o")
    count = event("stock.counted", 30, occurred_at=hour(2), source_id="n")
    send(opened, event("sale.recorded", 1, occurred_at=hour(1)))

    wrong = ends(count)
    right = ends(count, fix("c1", "n", 84, 3), fix("c2", "c1", 48, 4))
    withdrawn = ends(count, fix("c1", "n", 48, 3), fix("c2", "n", None, 4))
    again = ends(count, fix("c1", "n", 48, 3), fix("c2", "n", None, 4), fix("c3", "c2", None, 5))

    assert (wrong, withdrawn) == ([{("S1", "sellable"): 49}], [{("S1", "sellable"): 49}] * 6)
    assert right == [{("S1", "sellable"): 48}] * 6
    assert again == [{("S1", "sellable"): 48}] * 24


@pytest.mark.req("LED-18")
def test_a_count_that_is_corrected_into_tolerance_freezes_nothing_any_more():
    send(
        event("stock.opened", 50, occurred_at=hour(0)),
        event("stock.counted", 30, occurred_at=hour(2), source_id="n"),
    )
    assert StockBalance.objects.get().counts_pending == 1

    (answer,) = send(fix("c", "n", 50, 3))

    assert (answer.outcome, StockBalance.objects.get().counts_pending) == ("posted", 0)
    assert Assertion.objects.get(is_opening=False).verdict == "accepted"


@pytest.mark.req("LED-18", "EVT-07")
def test_one_correction_over_two_roads_counts_once():
    by_file = {**fix("x", "s", 2, 3), "source": "file", "business_key": "FIX-1"}
    by_till = {**fix("c", "s", 2, 3), "business_key": "FIX-1"}
    send(event("sale.recorded", 5, occurred_at=hour(1), source_id="s"))

    answers = send(by_file, by_till, fix("d", "s", 4, 2))

    assert [str(one.outcome) for one in answers] == ["posted", "duplicate", "noted"]
    assert positions() == {("S1", "sellable"): -2}
