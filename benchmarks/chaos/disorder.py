"""R2: the same facts in many random orders, each delivered one to five times over three roads.

Every order must end in one and the same state, which is the oracle's, with nothing posted twice.
Some tenants beside each other play one order after the other each, so that no core waits.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from benchmarks.chaos.stage import (
    Fact,
    Stage,
    compared,
    facts,
    parts_of,
    rebuild_difference,
    say,
    send_bulk,
    send_singly,
    send_webhooks,
    set_stage,
    settled,
    truth_of,
)
from tests.oracle import Expected

TENANTS = 4
BULK_ROWS, WEBHOOK_ROWS = 1_000, 200
SINGLY = 100
"""Deliveries of an order that come one by one."""
PATIENCE_S = 240.0
FAULTS = ("lost", "doubled", "wrong_balances", "wrong_verdicts")


@dataclass(frozen=True, slots=True)
class Disorder:
    """What every order delivers, and what it must come to."""

    seed: int
    made: Sequence[Fact]
    truth: Expected


@dataclass(frozen=True, slots=True)
class End:
    """What an order came to."""

    deliveries: int
    digest: str
    faults: dict[str, int]


def run(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    """Deliver the facts in so many orders and compare the ends."""
    made = facts(random.Random(options.seed), options.events)
    disorder = Disorder(options.seed, made, truth_of(made))
    stages = [stage, *(set_stage(stage.product, f"chaos{n}") for n in range(2, TENANTS + 1))]
    free: SimpleQueue[Stage] = SimpleQueue()
    for one in stages:
        free.put(one)
    began = time.monotonic()
    ends, faults, deliveries = set(), Counter(dict.fromkeys(FAULTS, 0)), 0
    with ThreadPoolExecutor(TENANTS) as players:
        orders = players.map(lambda number: _play(free, disorder, number), range(options.orders))
        for number, end in enumerate(orders, start=1):
            ends.add(end.digest)
            faults.update(end.faults)
            deliveries += end.deliveries
            if number % 10 == 0:
                say(f"R2: {number} orders, {len(ends)} end state(s), {dict(faults)}")
    result: dict[str, Any] = {
        "drill": "R2",
        "events": len(made),
        "asserts": sum(fact["type"] == "stock.counted" for fact in made),
        "commits": sum(fact["type"] == "order.created" for fact in made),
        "orders": options.orders,
        "deliveries": deliveries,
        "end_states": len(ends),
        **faults,
        "rebuild_difference": sum(rebuild_difference(one) for one in stages),
        "seconds": round(time.monotonic() - began),
    }
    result["ok"] = (
        len(ends) == 1
        and not any(faults.values())
        and result["rebuild_difference"] == 0
        and min(result["asserts"], result["commits"]) * 10 >= len(made)
    )
    return result


def _play(free: SimpleQueue[Stage], disorder: Disorder, number: int) -> End:
    """One order, in a tenant nobody else plays in meanwhile."""
    rng = random.Random(f"{disorder.seed} {number}")
    arriving = [fact for fact in disorder.made for _ in range(rng.randrange(1, 6))]
    rng.shuffle(arriving)
    stage = free.get()
    try:
        stage.empty()
        _deliver(stage, arriving)
        if settled(stage, time.monotonic(), PATIENCE_S) is None:
            raise RuntimeError(f"order {number + 1} did not come to rest")
        found = compared(stage, disorder.made, disorder.truth)
        return End(len(arriving), stage.digest(), {name: found[name] for name in FAULTS})
    finally:
        free.put(stage)


def _deliver(stage: Stage, arriving: Sequence[Fact]) -> None:
    """Over all three roads at once; raises what any of them came to."""
    third = len(arriving) // 3
    with ThreadPoolExecutor(3) as roads:
        under_way = [
            roads.submit(send_singly, stage, parts_of(arriving[:SINGLY], SINGLY)),
            roads.submit(send_bulk, stage, parts_of(arriving[SINGLY : 2 * third], BULK_ROWS)),
            roads.submit(send_webhooks, stage, parts_of(arriving[2 * third :], WEBHOOK_ROWS)),
        ]
    for road in under_way:
        road.result()
