"""Demand per day: added up event by event, the same as if it were worked out from all of them."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date
from typing import Any

import pytest
from django.db import connection

from inventory_control.availability.services import recalculate_due
from inventory_control.stock.models import DemandDay, StockMark
from inventory_control.stock.services import roll_up_demand
from inventory_control.stock.services.demand import take_marks
from tests.factories import SYSTEM, event, hour, item, node, send

pytestmark = pytest.mark.usefixtures("places")
Days = dict[tuple[str, str, date], tuple[int, int, int]]


@pytest.fixture
def places(tenant) -> None:
    """SOCK and HAT at S1 and S2."""
    item("SOCK")
    item("HAT")
    node("S1")
    node("S2")


def told(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Sales, shipments and lost demand of two days, a third of them corrected, one in six twice."""
    facts, corrections = [], []
    for number in range(count):
        kind = rng.choice(["sale.recorded", "order.shipped", "demand.lost", "receipt.recorded"])
        extra = {"order": f"O{number}", "line": "1"} if kind == "order.shipped" else {}
        facts.append(
            event(
                kind,
                rng.randrange(1, 9),
                item=rng.choice(["SOCK", "HAT"]),
                node=rng.choice(["S1", "S2"]),
                source_id=f"f{number}",
                occurred_at=hour(rng.randrange(48)),
                **extra,
            )
        )
        for turn in range(rng.choice([0, 0, 0, 0, 1, 2])):
            about = f"f{number}" if turn == 0 else f"c{number}-0"
            corrections.append(
                event(
                    "event.corrected",
                    rng.choice([0, 3, 12] if turn else [None, 0, 3, 12]),
                    item=None,
                    node=None,
                    source_id=f"c{number}-{turn}",
                    occurred_at=hour(50 + turn),
                    reason="miscounted",
                    corrects={"source": "pos", "source_id": about},
                )
            )
    return facts + corrections


def expected(facts: list[dict[str, Any]]) -> Days:
    """What the days should say, worked out once more in plain Python."""
    stands = {fact["source_id"]: fact.get("quantity") or 0 for fact in facts}
    for fact in sorted(facts, key=lambda one: one["source_id"]):
        if fact["type"] == "event.corrected":
            number = fact["source_id"].removeprefix("c").partition("-")[0]
            stands[f"f{number}"] = fact.get("quantity") or 0
    days: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0])
    for fact in facts:
        if fact["type"] in ("sale.recorded", "order.shipped", "demand.lost"):
            units = stands[fact["source_id"]]
            day = days[fact["item"], fact["node"], fact["occurred_at"].date()]
            day[1 if fact["type"] == "demand.lost" else 0] += units
            day[2] += units > 0
    return {key: (sold, lost, lines) for key, (sold, lost, lines) in days.items()}


def found() -> Days:
    """What the days say."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.sku, n.code, d.day, d.sold, d.lost, d.lines FROM stock_demandday d"
            " JOIN catalog_item i ON i.id = d.item_id JOIN catalog_node n ON n.id = d.node_id"
        )
        return {(sku, code, day): (sold, lost, lines)
                for sku, code, day, sold, lost, lines in cursor.fetchall()}  # fmt: skip


@pytest.mark.req("EVT-10", "LED-18")
@pytest.mark.parametrize("seed", range(8))
def test_demand_adds_up_whatever_the_order_the_batches_and_the_looks(seed: int):
    rng = random.Random(seed)
    facts = told(rng, 30)
    arriving = facts + rng.sample(facts, 10)
    rng.shuffle(arriving)

    while arriving:
        send(*(arriving.pop() for _ in range(min(len(arriving), rng.randrange(1, 9)))))
        if rng.random() < 0.4:
            take_marks(rng.randrange(1, 6))
    recalculate_due(by=SYSTEM)

    assert found() == expected(facts)
    assert roll_up_demand() == 0


@pytest.mark.req("LED-18")
def test_a_day_that_says_otherwise_is_put_right_and_what_marks_still_tell_of_is_not_counted_twice():
    send(event("sale.recorded", 5, occurred_at=hour(1)))
    recalculate_due(by=SYSTEM)
    send(
        event("sale.recorded", 2, occurred_at=hour(2)),
        event("demand.lost", 3, node="S2", occurred_at=hour(3)),
    )
    DemandDay.objects.update(sold=50)

    assert roll_up_demand() == 1

    assert StockMark.objects.count() == 2
    assert DemandDay.objects.get().sold == 5
    recalculate_due(by=SYSTEM)
    assert sorted(DemandDay.objects.values_list("sold", "lost", "lines")) == [(0, 3, 1), (7, 0, 2)]


@pytest.mark.req("EVT-10")
def test_the_day_of_demand_is_that_of_utc_whatever_zone_the_till_writes():
    send(event("sale.recorded", 5, occurred_at="2026-01-18T00:30:00+02:00"))
    recalculate_due(by=SYSTEM)

    assert [str(one.day) for one in DemandDay.objects.all()] == ["2026-01-17"]
    assert roll_up_demand() == 0
