"""Promising: reservations of many items and of one hot item, and look-ups, against the bare view."""

from __future__ import annotations

import argparse
import json
import os
import random

from benchmarks.bench import (
    CONNECTIONS,
    Bench,
    call,
    is_200,
    is_done,
    ratio,
    say,
    served,
    settle,
)
from benchmarks.clients import Call, load, median
from benchmarks.floors.facts import ITEMS
from inventory_control.demo.running import free_port


LOOK_UP = "/api/v1/availability"


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """Reservations over many items and of one hot item, and look-ups, against the bare view."""
    rates: dict[str, list[float]] = {
        name: [] for name in ("floor", "many", "hot", "row", "lookup", "hot_lookup")
    }
    p99: dict[str, list[float]] = {"floor": [], "many": []}
    bare_port = free_port()
    settle(bench)
    with served(
        "benchmarks.floors.bare_view:application",
        bare_port,
        {**os.environ, "BENCH_URL": bench.database},
    ):
        for number in range(options.rounds):
            count = options.singles
            floor = load(bare_port, _orders(bench, f"f{number}", count, "/reserve"), expect=is_done)
            many = load(bench.port, _orders(bench, f"m{number}", count), expect=is_done)
            settle(bench)
            hot = load(bench.port, _orders(bench, f"h{number}", count, items=1), expect=is_done)
            settle(bench)
            row = load(bare_port, _looks(bench, "/one", count), expect=is_200)
            look = load(bench.port, _looks(bench, LOOK_UP, count), expect=is_200)
            same = load(bench.port, _looks(bench, LOOK_UP, count, items=1), expect=is_200)
            for name, measured in zip(rates, (floor, many, hot, row, look, same), strict=True):
                rates[name].append(measured.rate)
            p99["floor"].append(floor.percentile(0.99))
            p99["many"].append(many.percentile(0.99))
            say(
                f"round {number + 1}: "
                + ", ".join(f"{name} {found[-1]:,.0f}/s" for name, found in rates.items())
            )
    return {
        "reserve_vs_floor": ratio(rates["many"], rates["floor"]),
        "hot_vs_many": ratio(rates["hot"], rates["many"]),
        "reserve_p99_ratio": ratio(p99["many"], p99["floor"]),
        "ats_lookup_vs_bare": ratio(rates["lookup"], rates["row"]),
        "hot_lookup_vs_bare": ratio(rates["hot_lookup"], rates["row"]),
        "reserve_per_s": round(median(rates["many"])),
        "reserve_p99_ms": round(median(p99["many"]) * 1000, 1),
        "lookup_per_s": round(median(rates["lookup"])),
    }


def _orders(
    bench: Bench, name: str, count: int, path: str = "/api/v1/reservations", *, items: int = ITEMS
) -> list[list[Call]]:
    """Orders of one line each, by as many clients as there are connections."""
    rng = random.Random(name)
    work = []
    for client in range(CONNECTIONS):
        calls = []
        for number in range(count):
            line = {
                "line": "1",
                "item": f"ITEM-{rng.randrange(items):05d}",
                "node": "S1",
                "quantity": rng.randrange(1, 4),
            }
            order = {"order": f"{name}-{client}-{number}", "lines": [line]}
            calls.append(call(bench, path, json.dumps(order).encode(), "json"))
        work.append(calls)
    return work


def _looks(bench: Bench, path: str, count: int, *, items: int = ITEMS) -> list[list[Call]]:
    """Look-ups of items by as many clients as there are connections."""
    rng = random.Random(path)
    key = (("Authorization", f"Bearer {bench.told['key']}"),)
    return [
        [
            Call(
                "GET", f"{path}?item=ITEM-{rng.randrange(items):05d}", bench.told["host"], b"", key
            )
            for _ in range(count)
        ]
        for _ in range(CONNECTIONS)
    ]
