"""A retailer's year told twice: in order over one road, then shuffled within each day over two.

In the second telling a fifth of the events comes twice, once by each road. Both must end in the
same state. The file is the one in RETAIL_REFERENCE_DIR; its dates are moved to end yesterday.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import threading
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.chaos.stage import (
    Fact,
    Stage,
    parts_of,
    rebuild_difference,
    say,
    send_bulk,
    send_webhooks,
    settled,
)
from inventory_control.demo import script
from inventory_control.demo.playing import load_script
from inventory_control.demo.replay import Api, put_catalog, reversal_bodies

FILE = "data/uci_online_retail.csv.gz"
SOURCE = "till"
"""The one source both roads may speak for."""
TWICE = 0.2
BULK_ROWS, WEBHOOK_ROWS = 5_000, 1_000
BY_WEBHOOK = 0.3
"""Share of the second telling that comes as signed webhooks."""
PATIENCE_S = 600.0


def run(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    """Tell the year twice and compare; skips with a message where the file is not there."""
    folder = os.environ.get("RETAIL_REFERENCE_DIR")
    file = Path(folder or "") / FILE
    if not folder or not file.exists():
        say(f"The year is skipped: RETAIL_REFERENCE_DIR holds no {FILE}.")
        return {"drill": "year", "skipped": True, "ok": True}
    told = load_script(file, live_from=date(2030, 1, 1), seed=options.seed)
    put_catalog(Api(stage.product.address, stage.host, stage.key), told.catalog)
    made = _facts(told)
    rng = random.Random(options.seed)

    stage.empty()
    began = time.monotonic()
    send_bulk(stage, parts_of(made, BULK_ROWS))
    _rest(stage)
    in_order, ordered_s = stage.digest(), time.monotonic() - began
    say(f"year: {len(made):,} events in order in {ordered_s:.0f} s")

    stage.empty()
    began = time.monotonic()
    deliveries = _tell_shuffled(stage, made, rng)
    _rest(stage)
    shuffled, shuffled_s = stage.digest(), time.monotonic() - began
    with stage.database() as session:
        row = session.execute(
            "SELECT count(*), count(DISTINCT source_id) FROM events_inventoryevent"
        ).fetchone()
    posted, distinct = row or (0, 0)
    result = {
        "drill": "year",
        "events": len(made),
        "deliveries": deliveries,
        "posted": posted,
        "doubled": posted - distinct,
        "same_state": in_order == shuffled,
        "state": shuffled,
        "ordered_seconds": round(ordered_s, 1),
        "shuffled_seconds": round(shuffled_s, 1),
        "rebuild_difference": rebuild_difference(stage),
    }
    result["ok"] = in_order == shuffled and posted == distinct and not result["rebuild_difference"]
    if in_order != shuffled:
        say(f"in order: {in_order}")
    return result


def _facts(told: script.Script) -> list[Fact]:
    """Every event of the script in true order, from one source, moved to end yesterday."""
    made = []
    for entry in itertools.chain.from_iterable(one.entries for one in told.stretches):
        if isinstance(entry, script.Fact):
            made.append(dict(entry.body))
        elif isinstance(entry, script.Reversal):
            made += [dict(body) for body in reversal_bodies(entry, entry.of.quantity)]
    made.sort(key=lambda fact: fact["occurred_at"])
    yesterday = datetime.now(UTC) - timedelta(days=1)  # noqa: TID251 - real time, outside the product
    days = (yesterday - made[-1]["occurred_at"]).days
    return [_moved(fact, days) for fact in made]


def _moved(fact: dict[str, Any], days: int) -> Fact:
    moved = {
        **fact,
        "source": SOURCE,
        "source_id": f"{fact['source']}:{fact['source_id']}",
        "occurred_at": (fact["occurred_at"] + timedelta(days=days)).isoformat(),
    }
    if about := fact.get("corrects"):
        moved["corrects"] = {
            "source": SOURCE,
            "source_id": f"{about['source']}:{about['source_id']}",
        }
    return moved


def _tell_shuffled(stage: Stage, made: Sequence[Fact], rng: random.Random) -> int:
    """Deliver day after day, each in a random order, over both roads; returns the deliveries."""
    roads: tuple[list[Fact], list[Fact]] = ([], [])
    for _, group in itertools.groupby(made, key=lambda fact: fact["occurred_at"][:10]):
        day = list(group)
        rng.shuffle(day)
        again = rng.sample(day, int(len(day) * TWICE))
        for fact in day:
            roads[_road(fact, rng)].append(fact)
        for fact in again:
            roads[_road(fact, rng)].append(fact)
    senders = [
        threading.Thread(target=send_bulk, args=(stage, parts_of(roads[0], BULK_ROWS))),
        threading.Thread(target=send_webhooks, args=(stage, parts_of(roads[1], WEBHOOK_ROWS))),
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return len(roads[0]) + len(roads[1])


def _road(fact: Fact, rng: random.Random) -> int:
    """0 is the bulk API, 1 the webhook, which may not open balances."""
    return 0 if fact["type"] == "stock.opened" else int(rng.random() < BY_WEBHOOK)


def _rest(stage: Stage) -> None:
    if settled(stage, time.monotonic(), PATIENCE_S) is None:
        raise RuntimeError("the stages do not come to rest")
