"""R2: the same facts in many random orders, each delivered one to five times over three roads.

Every order must end in one and the same state, which is the oracle's, with nothing posted twice.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from typing import Any

from benchmarks.chaos.stage import (
    Stage,
    compared,
    facts,
    parts_of,
    rebuild_difference,
    say,
    send_bulk,
    send_singly,
    send_webhooks,
    settled,
    truth_of,
)

BULK_ROWS, WEBHOOK_ROWS = 1_000, 200
SINGLY = 100
"""Deliveries of an order that come one by one."""
PATIENCE_S = 120.0


def run(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    """Deliver the facts in so many orders and compare the ends."""
    rng = random.Random(options.seed)
    made = facts(rng, options.events)
    truth = truth_of(made)
    ends: set[str] = set()
    faults = {"lost": 0, "doubled": 0, "wrong_balances": 0, "wrong_verdicts": 0}
    deliveries = 0
    for number in range(options.orders):
        stage.empty()
        arriving = [fact for fact in made for _ in range(rng.randrange(1, 6))]
        rng.shuffle(arriving)
        deliveries += len(arriving)
        _deliver(stage, arriving)
        if settled(stage, time.monotonic(), PATIENCE_S) is None:
            raise RuntimeError(f"order {number + 1} did not come to rest")
        found = compared(stage, made, truth)
        for name in faults:
            faults[name] += found[name]
        ends.add(stage.digest())
        if (number + 1) % 10 == 0:
            say(f"R2: {number + 1} orders, {len(ends)} end state(s), {faults}")
    asserts = sum(fact["type"] == "stock.counted" for fact in made)
    commits = sum(fact["type"] == "order.created" for fact in made)
    result: dict[str, Any] = {
        "drill": "R2",
        "events": len(made),
        "asserts": asserts,
        "commits": commits,
        "orders": options.orders,
        "deliveries": deliveries,
        "end_states": len(ends),
        **faults,
        "rebuild_difference": rebuild_difference(stage),
    }
    result["ok"] = (
        len(ends) == 1
        and not any(faults.values())
        and result["rebuild_difference"] == 0
        and min(asserts, commits) * 10 >= len(made)
    )
    return result


def _deliver(stage: Stage, arriving: list[dict[str, Any]]) -> None:
    third = len(arriving) // 3
    roads = (
        lambda: send_singly(stage, parts_of(arriving[:SINGLY], SINGLY)),
        lambda: send_bulk(stage, parts_of(arriving[SINGLY : 2 * third], BULK_ROWS)),
        lambda: send_webhooks(stage, parts_of(arriving[2 * third :], WEBHOOK_ROWS)),
    )
    senders = [threading.Thread(target=road) for road in roads]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
