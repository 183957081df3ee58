"""Posting: the bulk API against floors A and B, single events against floor C."""

from __future__ import annotations

import argparse
import os

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
from benchmarks.clients import Load, load, median
from benchmarks.floors import copy_entries, copy_rows
from benchmarks.floors.facts import Fact, batches, facts
from inventory_control.demo.running import free_port


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """Bulk API against floors A and B, single events against floor C."""
    copy_entries.prepare(bench.database)
    copy_rows.prepare(bench.database, bench.told["schema"])
    rates: dict[str, list[float]] = {name: [] for name in ("a", "b", "bulk", "c", "single")}
    p99: dict[str, list[float]] = {"c": [], "single": []}
    bare_port = free_port()
    with served("benchmarks.floors.bare_view:application", bare_port, bare_environment(bench)):
        for number in range(options.rounds):
            base = 10 * number + 1
            settle(bench)
            rates["a"].append(copy_entries.run(bench.database, work(base, options.batches)))
            rates["b"].append(
                copy_rows.run(
                    bench.database,
                    work(base, options.batches),
                    first_id=1 + base * 1_000_000,
                )
            )
            batched = bulk(bench, base + 2, options.batches)
            rates["bulk"].append(batched.rate * BATCH)
            settle(bench)
            bare = single(bare_port, bench, base + 4, options.singles, "/post")
            alone = single(bench.port, bench, base + 6, options.singles, "/api/v1/events")
            rates["c"].append(bare.rate)
            rates["single"].append(alone.rate)
            p99["c"].append(bare.percentile(0.99))
            p99["single"].append(alone.percentile(0.99))
            say(
                f"round {number + 1}: "
                + ", ".join(f"{name} {found[-1]:,.0f}/s" for name, found in rates.items())
            )
    ratios = {
        "bulk_vs_copy": ratio(rates["bulk"], rates["b"]),
        "bulk_vs_entries": ratio(rates["bulk"], rates["a"]),
        "single_vs_bare": ratio(rates["single"], rates["c"]),
        "single_p99_ratio": ratio(p99["single"], p99["c"]),
        "single_p99_ms": round(median(p99["single"]) * 1000, 1),
    }
    return ratios | {f"{name}_per_s": round(median(found)) for name, found in rates.items()}


def work(base: int, count: int) -> list[list[list[Fact]]]:
    """Batches of facts for each client."""
    return [batches(facts(count * BATCH, seed=base + client), BATCH) for client in range(CLIENTS)]


def bulk(bench: Bench, base: int, count: int) -> Load:
    """Post batches through the bulk API."""
    calls = [
        [
            call(bench, "/api/v1/events/bulk", b"\n".join(fact.body for fact in batch), "x-ndjson")
            for batch in mine
        ]
        for mine in work(base, count)
    ]
    return load(bench.port, calls, expect=is_200)


def single(port: int, bench: Bench, base: int, count: int, path: str) -> Load:
    """Post one event a call."""
    made = facts(count * CONNECTIONS, seed=base)
    calls = [
        [call(bench, path, fact.body, "json") for fact in made[start::CONNECTIONS]]
        for start in range(CONNECTIONS)
    ]
    return load(port, calls, expect=is_done)


def bare_environment(bench: Bench) -> dict[str, str]:
    """What the bare view is started with, once its tables are there."""
    copy_rows.prepare_single(bench.database, bench.told["schema"])
    return {**os.environ, "BENCH_URL": bench.database}
