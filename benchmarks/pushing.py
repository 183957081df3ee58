"""Pushing: how long after its posting an event's figure is acknowledged by the channel (M36).

A steady flow, then a burst, over the items of one tenant whose channel is the simulated shop on a
socket. An event counts from the moment it was posted to the first acknowledgement of a figure that
takes it into account.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from datetime import datetime

import httpx

from benchmarks.bench import BATCH, CLIENTS, Bench, say, settle
from benchmarks.floors.facts import Fact, batches, facts

STEADY_PER_S, STEADY_S = 1_000, 20
BURST_PER_S, BURST_S = 10_000, 10
SMALL = 100
"""Events of one call of the steady flow."""
PATIENCE_S = 120.0
WAITING = """
    SELECT (SELECT count(*) FROM stock_stockmark)
         + (SELECT count(*) FROM availability_availability a
              JOIN catalog_channel c ON c.id = a.channel_id
             WHERE c.is_published AND a.published IS DISTINCT FROM a.quantity)
"""
TOLD = """
    SELECT item_id, changed_at, p.acknowledged_at
      FROM availability_push p,
           unnest(p.item_ids, p.changed_ats) AS figure (item_id, changed_at)
     WHERE p.acknowledged_at >= %(since)s
     ORDER BY changed_at
"""
POSTED = """
    SELECT item_id, recorded_at FROM events_inventoryevent
     WHERE recorded_at >= %(since)s AND recorded_at < %(until)s
"""


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """Seconds at the 95th percentile, and until the lag is back to normal after the burst."""
    del options
    _publish(bench, is_published=True)
    _until_told(bench)
    steady, steady_rate, _ = _flow(bench, 9_100, STEADY_PER_S, STEADY_S, SMALL)
    burst, burst_rate, recovery = _flow(bench, 9_200, BURST_PER_S, BURST_S, BATCH)
    _publish(bench, is_published=False)
    settle(bench)
    return {
        "push_p95_s": steady[1],
        "push_p50_s": steady[0],
        "push_rate": steady_rate,
        "burst_p95_s": burst[1],
        "burst_rate": burst_rate,
        "recovery_s": recovery,
    }


def _flow(
    bench: Bench, base: int, per_second: int, seconds: int, size: int
) -> tuple[tuple[float, float], int, float]:
    """Latencies (p50, p95), events a second, and seconds until all was told.

    The rate is what was sent while the flow lasted: a client that waits for an answer sends late, and
    what it sends behind the flow's end does not count.
    """
    settle(bench)
    work = batches(facts(per_second * seconds, seed=base), size)
    since = _now(bench)
    began = time.monotonic()
    sent: list[float] = []
    senders = [
        threading.Thread(
            target=_send, args=(bench, work[place::CLIENTS], began, per_second, size, sent)
        )
        for place in range(CLIENTS)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    until = _now(bench)
    recovery = _until_told(bench)
    latencies = _latencies(bench, since, until)
    p50, p95 = (latencies[int(len(latencies) * share)] for share in (0.5, 0.95))
    rate = sum(size for at in sent if at - began < seconds) // seconds
    say(
        f"pushing {rate:,}/s: {len(latencies):,} events acknowledged, p50 {p50:.2f} s, "
        f"p95 {p95:.2f} s, at rest {recovery:.1f} s later"
    )
    return (round(p50, 3), round(p95, 3)), rate, round(recovery, 1)


def _latencies(bench: Bench, since: datetime, until: datetime) -> list[float]:
    """Seconds from each event to the first acknowledgement that knew of it, sorted."""
    told: dict[int, tuple[list[datetime], list[datetime]]] = defaultdict(lambda: ([], []))
    with bench.session() as session:
        for item, changed_at, acknowledged_at in session.execute(TOLD, {"since": since}):
            known, answered = told[item]
            known.append(changed_at)
            answered.append(acknowledged_at)
        posted = session.execute(POSTED, {"since": since, "until": until}).fetchall()
    for _, answered in told.values():
        for place in range(len(answered) - 2, -1, -1):
            answered[place] = min(answered[place], answered[place + 1])
    latencies = []
    for item, posted_at in posted:
        known, answered = told[item]
        place = bisect_left(known, posted_at)
        if place == len(known):
            raise RuntimeError(f"an event of item {item} was never told to the channel")
        latencies.append((answered[place] - posted_at).total_seconds())
    return sorted(latencies)


def _send(
    bench: Bench,
    work: list[list[Fact]],
    began: float,
    per_second: int,
    size: int,
    sent: list[float],
) -> None:
    """Send batches when they are due, and say when each was; one that is late is sent at once."""
    every = size * CLIENTS / per_second
    headers = {
        "Host": bench.told["host"],
        "Authorization": f"Bearer {bench.told['key']}",
        "Content-Type": "application/x-ndjson",
    }
    with httpx.Client(base_url=f"http://127.0.0.1:{bench.port}", headers=headers) as client:
        for number, batch in enumerate(work):
            time.sleep(max(0.0, began + number * every - time.monotonic()))
            body = b"\n".join(fact.body for fact in batch)
            sent.append(time.monotonic())
            answer = client.post("/api/v1/events/bulk", content=body, timeout=60)
            if answer.status_code != 200:
                raise RuntimeError(answer.text[:300])


def _publish(bench: Bench, *, is_published: bool) -> None:
    rows = [{"code": "WEB", "name": "Web", "is_published": is_published}]
    answer = httpx.put(
        f"http://127.0.0.1:{bench.port}/api/v1/catalog/channels",
        content=json.dumps(rows),
        headers={
            "Host": bench.told["host"],
            "Authorization": f"Bearer {bench.told['key']}",
            "Content-Type": "application/json",
        },
        timeout=60,
    )
    answer.raise_for_status()


def _until_told(bench: Bench) -> float:
    """Seconds until the channel shows everything that changed."""
    began = time.monotonic()
    with bench.session() as session:
        while time.monotonic() - began < PATIENCE_S:
            row = session.execute(WAITING).fetchone()
            if row is not None and row[0] == 0:
                return time.monotonic() - began
            time.sleep(0.1)
    raise RuntimeError("the channel was never told everything")


def _now(bench: Bench) -> datetime:
    with bench.session() as session:
        row = session.execute("SELECT clock_timestamp()").fetchone()
    if row is None:
        raise LookupError("this server has no clock")
    return row[0]  # type: ignore[no-any-return]
