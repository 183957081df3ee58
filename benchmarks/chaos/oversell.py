"""R10: clients reserve the last units of an item over three channels, and none is promised twice.

Orders hold two lines on two nodes in either order, which provokes deadlocks; the web server is
killed in the middle of some runs, and whoever got no answer asks again under the same order.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from contextlib import suppress
from typing import Any

import httpx

from benchmarks.chaos.stage import Stage, rebuild_difference, say

CLIENTS, UNITS = 64, 500
CHANNELS = ("WEB", "MK1", "MK2")
NODES = ("N0", "N1")
KILLED_RUNS = 10
"""Every so many runs the web server is killed in the middle."""


def run(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    """Sell out, so many times."""
    rng = random.Random(options.seed)
    stage.empty()
    exact, halves, kills, faults = 0, 0, 0, 0
    for number in range(options.runs):
        sku = f"I{number % 40}"
        if number % 40 == 0:
            stage.empty()
        _stock(stage, sku)
        is_killed = number % KILLED_RUNS == KILLED_RUNS - 1
        faults += _sell_out(stage, sku, number, rng, is_killed=is_killed)
        kills += is_killed
        granted, half = _granted(stage, sku)
        exact += granted == UNITS
        halves += half
        if granted != UNITS or half:
            say(f"R10: run {number + 1} granted {granted} of {UNITS}, {half} half orders")
    result: dict[str, Any] = {
        "drill": "R10",
        "runs": options.runs,
        "clients": CLIENTS,
        "units": UNITS,
        "runs_exact": exact,
        "half_orders": halves,
        "unhandled": faults,
        "web_kills": kills,
        "rebuild_difference": rebuild_difference(stage),
    }
    result["ok"] = (
        exact == options.runs and not halves and not faults and not result["rebuild_difference"]
    )
    return result


def _stock(stage: Stage, sku: str) -> None:
    with stage.client() as client:
        for node in NODES:
            received = {
                "type": "receipt.recorded",
                "source_id": f"{sku}-{node}",
                "occurred_at": "2026-01-01T00:00:00Z",
                "item": sku,
                "node": node,
                "quantity": UNITS // len(NODES),
            }
            _answered(client, "/api/v1/events", received).raise_for_status()


def _sell_out(stage: Stage, sku: str, number: int, rng: random.Random, *, is_killed: bool) -> int:
    """Let every client order until nothing is left; returns answers nobody foresaw."""
    faults: list[str] = []
    seeds = [rng.random() for _ in range(CLIENTS)]
    buyers = [
        threading.Thread(target=_buy, args=(stage, sku, f"{number}-{place}", seed, faults))
        for place, seed in enumerate(seeds)
    ]
    for buyer in buyers:
        buyer.start()
    if is_killed:
        while _granted(stage, sku)[0] < UNITS // 4:
            time.sleep(0.01)
        web = stage.product.processes["web"]
        web.kill()
        web.start()
    for buyer in buyers:
        buyer.join()
    for fault in sorted(set(faults))[:3]:
        say(f"R10: {fault}")
    return len(faults)


def _buy(stage: Stage, sku: str, name: str, seed: float, faults: list[str]) -> None:
    """Order two lines at a time, then one unit at a time, until there is nothing."""
    rng = random.Random(seed)
    order = 0
    with stage.client() as client:
        for wanted in (2, 1):
            is_there = True
            while is_there:
                order += 1
                nodes = rng.sample(NODES, wanted)
                lines = [
                    {
                        "line": str(place),
                        "item": sku,
                        "node": node,
                        "quantity": rng.randrange(1, 4) if wanted == 2 else 1,
                    }
                    for place, node in enumerate(nodes)
                ]
                body = {
                    "order": f"{name}-{order}",
                    "channel": rng.choice(CHANNELS),
                    "lines": lines,
                }
                is_there = _is_taken(client, body, faults)
                if not is_there and wanted == 1:
                    other = {**lines[0], "node": NODES[1 - NODES.index(nodes[0])]}
                    is_there = _is_taken(
                        client, {**body, "order": f"{name}-{order}b", "lines": [other]}, faults
                    )


def _is_taken(client: httpx.Client, body: dict[str, Any], faults: list[str]) -> bool:
    """Whether the order was granted."""
    answer = _answered(client, "/api/v1/reservations", body)
    if answer.status_code not in {200, 201, 409}:
        faults.append(f"{answer.status_code} {answer.text[:200]}")
    return answer.status_code in {200, 201}


def _answered(client: httpx.Client, path: str, body: dict[str, Any]) -> httpx.Response:
    """The answer to a call, which is repeated until the server that was killed is back."""
    while True:
        with suppress(httpx.HTTPError):
            answer = client.post(path, json=body)
            if answer.status_code < 502:
                return answer
        time.sleep(0.1)


def _granted(stage: Stage, sku: str) -> tuple[int, int]:
    """Units promised of an item, and orders of two lines of which only one is kept."""
    with stage.database() as session:
        row = session.execute(
            "SELECT coalesce(sum(r.open), 0) FROM stock_reservation r"
            " JOIN catalog_item i ON i.id = r.item_id WHERE i.sku = %s",
            [sku],
        ).fetchone()
        halves = session.execute(
            "SELECT count(*) FROM (SELECT split_part(key, '/', 1) FROM stock_reservation r"
            " JOIN catalog_item i ON i.id = r.item_id WHERE i.sku = %s"
            " GROUP BY 1 HAVING bool_or(split_part(key, '/', 2) = '1') AND count(*) <> 2) AS half",
            [sku],
        ).fetchone()
    return int(row[0]) if row else 0, int(halves[0]) if halves else 0
