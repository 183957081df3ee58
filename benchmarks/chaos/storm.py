"""R3: deliver while things die, then compare with an oracle.

Events are delivered more than once, shuffled, over the signed webhook and the bulk API, while
workers are killed with SIGKILL, Valkey is killed without persistence, PostgreSQL crashes and
recovers, and sessions are terminated. Nothing may be lost, doubled or wrong, the shop that is told of
every change must show the last word, and the audit log must prove itself. The last blow is Valkey's
alone: no worker is started behind it, so each must find its way back by itself.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from contextlib import suppress
from typing import Any

import psycopg


from benchmarks.chaos.stage import (
    Stage,
    audit_verifies,
    compared,
    facts,
    paced,
    parts_of,
    publish,
    rebuild_difference,
    send_bulk,
    send_webhooks,
    settled,
    stale_listings,
    truth_of,
)
from inventory_control.embedded import EmbeddedStack

CHANNEL = "WEB"
LAST_PART = 20
"""One in so many deliveries waits for the last blow."""
PATIENCE_S = 60.0
BULK_ROWS, WEBHOOK_ROWS = 20, 10
STRIKE_EVERY_S = 0.6


def run(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    """Let the storm pass over the product and say what is left."""
    rng = random.Random(options.seed)
    stage.empty()
    publish(stage, CHANNEL)
    made = facts(rng, options.events)
    arriving = made + rng.sample(made, options.events // 4)
    rng.shuffle(arriving)
    last, arriving = arriving[: len(arriving) // LAST_PART], arriving[len(arriving) // LAST_PART :]
    half, storm_s = len(arriving) // 2, options.worker_kills * STRIKE_EVERY_S
    retries: list[int] = []
    roads = (
        lambda: send_bulk(stage, paced(arriving[:half], BULK_ROWS, storm_s)),
        lambda: send_webhooks(stage, paced(arriving[half:], WEBHOOK_ROWS, storm_s)),
    )
    senders = [
        threading.Thread(target=lambda road=road: retries.append(road()))  # type: ignore[misc]
        for road in roads
    ]
    for sender in senders:
        sender.start()
    struck = _strike(stage, options, rng)
    for sender in senders:
        sender.join()
    _stack(stage).restart_valkey()
    retries.append(send_webhooks(stage, parts_of(last, WEBHOOK_ROWS)))
    settled_seconds, truth = settled(stage, time.monotonic(), PATIENCE_S), truth_of(made)
    stage.product.check()
    result: dict[str, Any] = {
        "drill": "R3",
        "events": len(made),
        "deliveries": len(arriving) + len(last),
        **struck,
        "retried_calls": sum(retries),
        "settled_seconds": settled_seconds,
        **compared(stage, made, truth),
        "stale_listings": stale_listings(stage, CHANNEL, made, truth),
        "rebuild_difference": rebuild_difference(stage),
        "audit_verified": audit_verifies(stage),
    }
    result["ok"] = (
        len(retries) == len(roads) + 1
        and all(struck[name] == getattr(options, name) for name in struck)
        and result["settled_seconds"] is not None
        and not any(
            result[name]
            for name in ("lost", "doubled", "wrong_balances", "wrong_verdicts", "stale_listings")
        )
        and result["rebuild_difference"] == 0
        and result["audit_verified"]
    )
    return result


def _strike(stage: Stage, options: argparse.Namespace, rng: random.Random) -> dict[str, int]:
    """Kill workers one after the other, the servers in between, and cut sessions."""
    product, stack = stage.product, _stack(stage)
    workers = [name for name in product.processes if name not in {"web", "simulators"}]
    struck = {"worker_kills": 0, "valkey_kills": 0, "postgres_crashes": 0, "sessions_cut": 0}
    for number in range(options.worker_kills):
        time.sleep(STRIKE_EVERY_S)
        process = product.processes[rng.choice(workers)]
        process.kill()
        struck["worker_kills"] += 1
        process.start()
        if _is_turn(number, options.worker_kills, options.valkey_kills):
            stack.restart_valkey()
            struck["valkey_kills"] += 1
        if _is_turn(number + 3, options.worker_kills, options.postgres_crashes):
            stack.restart_postgres()
            struck["postgres_crashes"] += 1
        if _is_turn(number + 1, options.worker_kills, options.sessions_cut):
            struck["sessions_cut"] += _cut_session(stage)
    return struck


def _stack(stage: Stage) -> EmbeddedStack:
    stack = stage.product.servers.stack
    if stack is None:
        raise RuntimeError("drills need the embedded servers")
    return stack


def _is_turn(number: int, of: int, times: int) -> bool:
    """Whether this blow is one of so many, spread evenly."""
    return times > 0 and (number + 1) * times // of > number * times // of


def _cut_session(stage: Stage) -> int:
    """Cut one session of the application, in the middle of what it does where there is such a one.

    Right after a crash there may be none yet.
    """
    patience = time.monotonic() + PATIENCE_S
    while time.monotonic() < patience:
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(stage.product.servers.database_url, autocommit=True) as session,
        ):
            row = session.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
                " WHERE usename = 'ic_app' ORDER BY state = 'idle', random() LIMIT 1) AS one"
            ).fetchone()
            if row is not None and row[0]:
                return int(row[0])
        time.sleep(0.05)
    return 0
