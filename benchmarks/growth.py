"""Growth: what an event costs in a grown ledger and among many tenants, and a worker's memory."""

from __future__ import annotations

import argparse
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from benchmarks.bench import BATCH, CLIENTS, Bench, call, is_200, look_over, say, settle
from benchmarks.clients import load, median
from benchmarks.floors.facts import ITEMS, batches, facts
from benchmarks.floors.receipts import RECEIPTS
from benchmarks.posting import bulk

ROUNDS = 3
BATCHES = 10
PART = 250_000
"""Events a grown ledger is filled with at a time."""
HOT_SHARE = 5
"""One item has this part of all rows."""
GROWN_SINCE = datetime(2026, 1, 5, 8, tzinfo=UTC)
_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ ", re.MULTILINE)


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """Cost ratios and mebibytes."""
    tenants = _among_tenants(bench, options)
    young = _rate(bench, 500)
    grown = _grow(bench, options.ledger)
    old = _rate(bench, 600)
    say(f"posting: {young:,.0f}/s in a young ledger, {old:,.0f}/s behind {grown:,} rows")
    return {**tenants, "cost_growth_rows": round(young / old, 3), "grown_rows": grown}


def _rate(bench: Bench, base: int) -> float:
    """Events a second of the bulk API, the middle of some rounds."""
    rates = []
    for number in range(ROUNDS):
        settle(bench)
        rates.append(bulk(bench, base + 10 * number, BATCHES).rate * BATCH)
    return median(rates)


def _grow(bench: Bench, rows: int) -> int:
    """Fill the first tenant's ledger with past receipts, as its owner's jobs would find it."""
    with bench.session() as session:
        found = session.execute(
            "SELECT (SELECT count(*) FROM stock_ledgerentry),"
            " (SELECT min(id) FROM catalog_item WHERE sku LIKE 'ITEM-%'),"
            " (SELECT id FROM catalog_node WHERE code = 'S1')"
        ).fetchone()
        have, first, node = found or (0, 0, 0)
        events = max(0, (rows - have) // 2)
        for start in range(0, events, PART):
            session.execute(
                RECEIPTS,
                {
                    "first": first,
                    "items": ITEMS,
                    "hot": HOT_SHARE,
                    "units": 1,
                    "at": GROWN_SINCE,
                    "node": node,
                    "start": start,
                    "end": min(start + PART, events) - 1,
                },
            )
        # These lines lie in the past, behind what the job has added up meanwhile; posting never
        # writes there, so the sums begin anew.
        session.execute("TRUNCATE stock_ledgerday")
        session.execute(
            "UPDATE stock_ledgerwatermark"
            " SET posted_until = NULL, candidate_at = NULL, candidate_xid = NULL"
        )
        look_over(bench.database)
        ((grown,),) = session.execute("SELECT count(*) FROM stock_ledgerentry").fetchall()
    bench.product.command("ledger", "split", "--tenant", "bench0")
    bench.product.command("ledger", "days", "--tenant", "bench0")
    return int(grown)


def _among_tenants(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """The same batches to one tenant and to all of them in turn."""
    others = bench.told["others"][: options.tenants]
    alone, around = [], []
    for number in range(ROUNDS):
        settle(bench)
        to_one = _spread(bench, others[:1] * len(others), 2_000 + 1_000 * number)
        settle(bench)
        to_all = _spread(bench, others, 7_000 + 1_000 * number)
        # The first time every table is new to every session.
        left_out = "" if number else ", the first time, left out"
        say(f"tenants: {to_one:,.0f}/s to one, {to_all:,.0f}/s to {len(others)}{left_out}")
        if number:
            alone.append(to_one)
            around.append(to_all)
    return {
        "cost_growth_tenants": round(median(alone) / median(around), 3),
        "worker_mib": _memory(bench),
    }


def _spread(bench: Bench, tenants: list[dict[str, str]], base: int) -> float:
    """Events a second when each tenant of the list gets one batch, in turn."""
    work: list[list] = [[] for _ in range(CLIENTS)]
    for place, tenant in enumerate(tenants):
        (batch,) = batches(facts(BATCH, seed=base * 1_000 + place), BATCH)
        body = b"\n".join(fact.body for fact in batch)
        work[place % CLIENTS].append(
            call(
                bench,
                "/api/v1/events/bulk",
                body,
                "x-ndjson",
                host=tenant["host"],
                key=tenant["key"],
            )
        )
    return load(bench.port, work, expect=is_200).rate * BATCH


def _memory(bench: Bench) -> float:
    """Private mebibytes of the largest worker and the largest database session together.

    The web server's process and the stages' are workers alike; a worker has one session a thread.
    """
    with psycopg.connect(bench.database, autocommit=True) as session:
        pids = [
            pid
            for (pid,) in session.execute(
                "SELECT pid FROM pg_stat_activity WHERE usename = 'ic_app'"
            )
        ]
    backend = max((_private_mib(pid) for pid in pids), default=0.0)
    workers = {
        name: max(map(_private_mib, _family(process.pid)))
        for name, process in bench.product.processes.items()
        if name.startswith(("web", "stages"))
    }
    say(
        f"memory: session {backend:.0f} MiB, workers { ({k: round(v) for k, v in workers.items()}) }"
    )
    return round(backend + max(workers.values()), 1)


def _family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def _private_mib(pid: int) -> float:
    """Mebibytes that are this process's own. A page of the server's shared buffers counts as private
    to the kernel while one session alone has read it; those mappings are left out.
    """
    maps = Path(f"/proc/{pid}/smaps")
    for _ in range(3):
        try:
            told = maps.read_text()
        except OSError:
            time.sleep(0.1)
        else:
            return sum(map(_private_kib, _MAPPING.split(told)[1:])) / 1024
    return 0.0


def _private_kib(mapping: str) -> int:
    """Of one mapping: its permissions, whose last letter says private or shared, and its figures."""
    if mapping[3] != "p":
        return 0
    return sum(map(int, re.findall(r"^Private_\w+:\s+(\d+) kB", mapping, re.MULTILINE)))
