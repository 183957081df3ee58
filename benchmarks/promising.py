"""Promising: reservations of many items and of one hot item, one by one and imported a thousand lines
a call, and look-ups, against the bare view.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from benchmarks.bench import (
    BATCH,
    CLIENTS,
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
from benchmarks.clients import Call, Load, load, median
from benchmarks.floors.facts import ITEMS
from inventory_control.demo.running import free_port


LOOK_UP = "/api/v1/availability"


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """Reservations over many items and of one hot item, one by one and imported, and look-ups."""
    rates: dict[str, list[float]] = defaultdict(list)
    p99: dict[str, list[float]] = defaultdict(list)
    bare_port = free_port()
    settle(bench)
    with served(
        "benchmarks.floors.bare_view:application",
        bare_port,
        {**os.environ, "BENCH_URL": bench.database},
    ):
        for number in range(options.rounds):
            for name, measured in _round(bench, bare_port, number, options):
                rates[name].append(measured.rate * (BATCH if "import" in name else 1))
                p99[name].append(measured.percentile(0.99))
            say(
                f"round {number + 1}: "
                + ", ".join(f"{name} {found[-1]:,.0f}/s" for name, found in rates.items())
            )
    return {
        "reserve_vs_floor": ratio(rates["many"], rates["floor"]),
        "hot_vs_many": ratio(rates["hot"], rates["many"]),
        "reserve_p99_ratio": ratio(p99["many"], p99["floor"]),
        "ats_lookup_vs_bare": ratio(rates["lookup"], rates["row"]),
        "hot_lookup_vs_bare": ratio(rates["hot lookup"], rates["row"]),
        "reserve_per_s": round(median(rates["many"])),
        "reserve_p99_ms": round(median(p99["many"]) * 1000, 1),
        "lookup_per_s": round(median(rates["lookup"])),
        "import_vs_floor": ratio(rates["import"], rates["import floor"]),
        "hot_import_vs_many": ratio(rates["hot import"], rates["import"]),
        "import_lines_s": round(median(rates["import"])),
        "hot_import_lines_s": round(median(rates["hot import"])),
    }


def _round(
    bench: Bench, bare_port: int, number: int, options: argparse.Namespace
) -> Iterator[tuple[str, Load]]:
    """Each load of a round by its name, the product's next to its floor's."""
    count = options.singles
    floor, many, hot = f"f{number}", f"m{number}", f"h{number}"
    yield "floor", load(bare_port, _orders(bench, floor, count, "/reserve"), expect=is_done)
    yield "many", load(bench.port, _orders(bench, many, count), expect=is_done)
    settle(bench)
    yield "hot", load(bench.port, _orders(bench, hot, count, items=1), expect=is_done)
    settle(bench)
    yield "row", load(bare_port, _looks(bench, "/one", count), expect=is_200)
    yield "lookup", load(bench.port, _looks(bench, LOOK_UP, count), expect=is_200)
    yield "hot lookup", load(bench.port, _looks(bench, LOOK_UP, count, items=1), expect=is_200)
    orders = partial(_orders, bench, count=options.batches, clients=CLIENTS, size=BATCH)
    yield "import floor", load(bare_port, orders(f"if{number}", path="/import"), expect=is_200)
    yield "import", load(bench.port, orders(f"im{number}"), expect=is_done)
    settle(bench)
    yield "hot import", load(bench.port, orders(f"ih{number}", items=1), expect=is_done)
    settle(bench)


def _orders(
    bench: Bench,
    name: str,
    count: int,
    path: str = "/api/v1/reservations",
    *,
    items: int = ITEMS,
    clients: int = CONNECTIONS,
    size: int = 1,
) -> list[list[Call]]:
    """Orders of one line each, `size` of them in a call: one as a till sends it, a thousand as a
    marketplace's import brings them.
    """
    rng = random.Random(name)
    work = []
    for client in range(clients):
        calls = []
        for number in range(count):
            lines = [
                {
                    "order": f"{name}-{client}-{number}-{place}",
                    "line": "1",
                    "item": f"ITEM-{rng.randrange(items):05d}",
                    "node": "S1",
                    "quantity": rng.randrange(1, 4),
                }
                for place in range(size)
            ]
            calls.append(call(bench, path, json.dumps({"lines": lines}).encode(), "json"))
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
