"""`python -m benchmarks.chaos`: deliver while things die, then compare with an oracle.

4,000 events are delivered 5,000 times, shuffled, over the signed webhook and the bulk API, while
workers are killed with SIGKILL, Valkey is killed twice without persistence, and database sessions
are terminated. Afterwards the ledger must equal a plain-Python one: nothing lost, nothing doubled.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from standardwebhooks.webhooks import Webhook

from benchmarks.__main__ import CHECKOUT, open_folder
from inventory_control.demo.running import SETUP, Options, Product, free_port, running_product
from tests.oracle import expected

ITEMS, NODES = 40, 3
PATIENCE_S = 60.0
BULK_ROWS, WEBHOOK_ROWS = 20, 10
STRIKE_EVERY_S = 0.6


def main() -> int:
    """Run it and print what came of it; the exit status says whether everything held."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=4_000)
    parser.add_argument("--deliveries", type=int, default=5_000)
    parser.add_argument("--worker-kills", type=int, default=20)
    parser.add_argument("--valkey-kills", type=int, default=2)
    parser.add_argument("--terminations", type=int, default=5)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    port = free_port()
    with (
        open_folder("icc-") as folder,
        running_product(Options(port=port, data_dir=folder / "d"), say=_say) as product,
    ):
        told = _set_up(product)
        made = _facts(rng, options.events)
        arriving = made + rng.sample(made, options.deliveries - options.events)
        rng.shuffle(arriving)
        result = _storm(product, told, arriving, options, rng)
        result |= _compare(product, told, made)
    result["ok"] = (
        result["lost"] == 0
        and result["doubled"] == 0
        and result["wrong_balances"] == 0
        and result["settled_seconds"] is not None
        and result["rebuild_difference"] == 0
    )
    sys.stdout.write(json.dumps(result, separators=(",", ":")) + "\n")
    return 0 if result["ok"] else 1


def _facts(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Moves, counts and claims of some items; at least a tenth are counts and commits."""
    start = datetime.now(UTC) - timedelta(days=5)  # noqa: TID251 - real time, outside the product
    made = []
    for number in range(count):
        item, node = rng.randrange(ITEMS), rng.randrange(NODES)
        kind = rng.choices(
            ["sale.recorded", "receipt.recorded", "damage.recorded", "stock.counted",
             "order.created", "order.shipped", "order.cancelled"],
            [40, 20, 5, 10, 10, 10, 5],
        )[0]  # fmt: skip
        quantity = rng.randrange(0, 30) if kind == "stock.counted" else rng.randrange(1, 9)
        fact: dict[str, Any] = {
            "type": kind,
            "source_id": f"chaos-{number}",
            "business_key": f"C/{number}",
            "occurred_at": (start + timedelta(seconds=rng.randrange(300_000))).isoformat(),
            "item": f"I{item}",
            "node": f"N{node}",
            "quantity": quantity,
            "source": "till",
        }
        if kind.startswith("order."):
            fact |= {"order": f"O{item}-{node}", "line": str(rng.randrange(4))}
        made.append(fact)
    return made


def _storm(
    product: Product,
    told: dict[str, Any],
    arriving: list[dict[str, Any]],
    options: argparse.Namespace,
    rng: random.Random,
) -> dict[str, Any]:
    """Deliver from two threads while faults strike; then wait until everything is settled."""
    stop = threading.Event()
    retries = [0, 0]
    half = len(arriving) // 2
    storm_s = options.worker_kills * STRIKE_EVERY_S
    senders = [
        threading.Thread(
            target=_send_bulk, args=(told, product.address, arriving[:half], retries, storm_s)
        ),
        threading.Thread(
            target=_send_webhooks, args=(told, product.address, arriving[half:], retries, storm_s)
        ),
    ]
    struck = {"workers": 0, "valkey": 0, "sessions": 0}
    striker = threading.Thread(target=_strike, args=(product, options, rng, struck, stop))
    for sender in senders:
        sender.start()
    striker.start()
    for sender in senders:
        sender.join()
    striker.join()
    last_fault = time.monotonic()
    product.check()
    return {
        "events": options.events,
        "deliveries": len(arriving),
        "worker_kills": struck["workers"],
        "valkey_kills": struck["valkey"],
        "sessions_terminated": struck["sessions"],
        "retried_calls": sum(retries),
        "settled_seconds": _settled(product, told, last_fault),
    }


def _strike(
    product: Product,
    options: argparse.Namespace,
    rng: random.Random,
    struck: dict[str, int],
    stop: threading.Event,
) -> None:
    """Kill workers in turn, Valkey in between, and terminate sessions of the application."""
    workers = [name for name in product.processes if name not in {"web", "simulators"}]
    every = max(1, options.worker_kills // max(1, options.valkey_kills + 1))
    for number in range(options.worker_kills):
        if stop.wait(STRIKE_EVERY_S):
            return
        process = product.processes[rng.choice(workers)]
        process.kill()
        struck["workers"] += 1
        process.start()
        if number % every == every - 1 and struck["valkey"] < options.valkey_kills:
            _kill_valkey(product)
            struck["valkey"] += 1
        if number % 4 == 3 and struck["sessions"] < options.terminations:
            struck["sessions"] += _terminate(product)


def _kill_valkey(product: Product) -> None:
    """Valkey dies with everything in it and comes back empty."""
    stack = product.servers.stack
    if stack is None:
        raise RuntimeError("chaos needs the embedded servers")
    stack.restart_valkey()


def _terminate(product: Product) -> int:
    """Cut one session of the application in the middle of whatever it does."""
    with psycopg.connect(product.servers.database_url, autocommit=True) as session:
        row = session.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
            " WHERE usename = 'ic_app' ORDER BY state = 'idle', random() LIMIT 1) AS one"
        ).fetchone()
    return int(row[0]) if row else 0


def _send_bulk(
    told: dict[str, Any],
    address: str,
    facts: list[dict[str, Any]],
    retries: list[int],
    storm_s: float,
) -> None:
    with httpx.Client(base_url=address, timeout=60) as client:
        for part in _paced(facts, BULK_ROWS, storm_s):
            body = b"\n".join(json.dumps(fact).encode() for fact in part)
            while True:
                with suppress(httpx.HTTPError):
                    answer = client.post(
                        "/api/v1/events/bulk",
                        content=body,
                        headers={
                            "Host": told["host"],
                            "Authorization": f"Bearer {told['key']}",
                            "Content-Type": "application/x-ndjson",
                        },
                    )
                    if answer.status_code == 200:
                        break
                retries[0] += 1
                time.sleep(0.2)


def _send_webhooks(
    told: dict[str, Any],
    address: str,
    facts: list[dict[str, Any]],
    retries: list[int],
    storm_s: float,
) -> None:
    with httpx.Client(base_url=address, timeout=60) as client:
        for part in _paced(facts, WEBHOOK_ROWS, storm_s):
            body = json.dumps({"events": part})
            delivery = f"msg_{uuid4().hex}"
            while True:
                now = datetime.now(UTC)  # noqa: TID251 - signatures use real time
                signature = Webhook(told["secret"]).sign(delivery, now, body)
                with suppress(httpx.HTTPError):
                    answer = client.post(
                        "/api/v1/webhooks/till",
                        content=body,
                        headers={
                            "Host": told["host"],
                            "Content-Type": "application/json",
                            "webhook-id": delivery,
                            "webhook-timestamp": str(int(now.timestamp())),
                            "webhook-signature": signature,
                        },
                    )
                    if answer.status_code == 202:
                        break
                retries[1] += 1
                time.sleep(0.2)


def _paced(
    facts: list[dict[str, Any]], size: int, seconds: float
) -> Iterator[list[dict[str, Any]]]:
    """Parts spread over the storm: what arrives before the first blow proves nothing."""
    began = time.monotonic()
    for start in range(0, len(facts), size):
        due = began + seconds * start / len(facts)
        time.sleep(max(0.0, due - time.monotonic()))
        yield facts[start : start + size]


def _settled(product: Product, told: dict[str, Any], since: float) -> float | None:
    """Seconds from the last fault until no message and no mark is due; None when it never was."""
    with _database(product, told) as session:
        while time.monotonic() - since < PATIENCE_S:
            row = session.execute(
                "SELECT (SELECT count(*) FROM events_inboundmessage WHERE status = 'due')"
                " + (SELECT count(*) FROM stock_stockmark)"
                " + (SELECT count(*) FROM availability_changedplace)"
            ).fetchone()
            if row is not None and row[0] == 0:
                return round(time.monotonic() - since, 1)
            time.sleep(0.2)
    return None


def _compare(product: Product, told: dict[str, Any], made: list[dict[str, Any]]) -> dict[str, Any]:
    """The ledger against the oracle, and balances against the ledger."""
    facts = [{**fact, "occurred_at": datetime.fromisoformat(fact["occurred_at"])} for fact in made]
    truth = expected(facts)
    with _database(product, told) as session:
        events = session.execute("SELECT count(*) FROM events_inventoryevent").fetchone()
        distinct = session.execute(
            "SELECT count(DISTINCT source_id) FROM events_inventoryevent"
        ).fetchone()
        rows = session.execute(
            "SELECT i.sku, n.code, b.sellable, b.damaged, b.reserved FROM stock_stockbalance b"
            " JOIN catalog_item i ON i.id = b.item_id JOIN catalog_node n ON n.id = b.node_id"
        ).fetchall()
    wrong = sum(
        (truth.positions[sku, code, "sellable"], truth.positions[sku, code, "damaged"])
        != (sellable, damaged)
        or truth.reserved[sku, code] != reserved
        for sku, code, sellable, damaged, reserved in rows
    )
    posted, unique = (int(row[0]) if row else 0 for row in (events, distinct))
    report = product.command("rebuild_balances", "--tenant", "chaos")
    return {
        "posted": posted,
        "lost": len(made) - unique,
        "doubled": posted - unique,
        "wrong_balances": int(wrong),
        "rebuild_difference": int(report.split("difference ")[1].split(",")[0]),
    }


@contextmanager
def _database(product: Product, told: dict[str, Any]) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(product.servers.database_url, autocommit=True) as session:
        session.execute(f"SET search_path TO {told['schema']}")
        yield session


def _set_up(product: Product) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.chaos_setup", str(ITEMS), str(NODES)],
        cwd=CHECKOUT,
        env=dict(product.environments[SETUP]),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
