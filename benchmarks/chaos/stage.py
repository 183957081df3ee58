"""Where drills are played: the running product with one tenant, and the facts delivered to it."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import psycopg
from psycopg import sql
from standardwebhooks.webhooks import Webhook

from benchmarks.bench import CHECKOUT
from inventory_control.core.sql import named_statements
from inventory_control.demo.running import SETUP, Product
from tests.oracle import Expected, expected

ITEMS, NODES = 40, 3
KEPT_TABLES = (
    "auth",
    "catalog",
    "connectors",
    "django",
    "people",
    "policies",
    "workflows_workflow",
)
"""How the names of tables begin that are no trace of an event."""
WAITING = (
    "SELECT (SELECT count(*) FROM events_inboundmessage WHERE status = 'due')"
    " + (SELECT count(*) FROM stock_stockmark)"
    " + (SELECT count(*) FROM availability_changednote)"
    " + (SELECT count(*) FROM availability_availability a"
    " JOIN catalog_channel c ON c.id = a.channel_id"
    " JOIN connectors_connector k ON k.code = c.code"
    " WHERE c.is_published AND a.published IS DISTINCT FROM a.quantity)"
)
_DIGEST = named_statements(CHECKOUT / "inventory_control" / "stock" / "digest.sql")
Fact = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """The product, and how to reach its tenant as a till, as a webhook and as the superuser."""

    product: Product
    label: str
    host: str
    schema: str
    key: str
    secret: str

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        """A session of the superuser in the tenant's schema."""
        with psycopg.connect(self.product.servers.database_url, autocommit=True) as session:
            session.execute(
                sql.SQL("SET search_path TO {}, ext").format(sql.Identifier(self.schema))
            )
            yield session

    def client(self) -> httpx.Client:
        """A caller that shows the key."""
        return httpx.Client(
            base_url=self.product.address,
            timeout=60,
            headers={"Host": self.host, "Authorization": f"Bearer {self.key}"},
        )

    def digest(self) -> str:
        """The ledger's fingerprint: the same for every order of arrival."""
        with self.database() as session:
            rows = [session.execute(statement).fetchone() for statement in _DIGEST.values()]
        return " ".join(":".join(map(str, row)) for row in rows if row)

    def empty(self) -> None:
        """Forget every event and what came of it; master data, keys and policies stay."""
        with self.database() as session:
            tables = session.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = %s", [self.schema]
            ).fetchall()
            forget = sql.SQL("TRUNCATE {} RESTART IDENTITY").format(
                sql.SQL(", ").join(sql.Identifier(name) for (name,) in tables if not _is_kept(name))
            )
            # A stage that still does what the last events left may want the tables the other way.
            is_empty = False
            while not is_empty:
                with suppress(psycopg.errors.DeadlockDetected):
                    session.execute(forget)
                    is_empty = True


def set_stage(product: Product, label: str = "chaos") -> Stage:
    """Make a tenant drills are played in."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.chaos.setup",
            label,
            str(ITEMS),
            str(NODES),
            product.simulator,
        ],
        cwd=CHECKOUT,
        env=dict(product.environments[SETUP]),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    told: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return Stage(product, label, told["host"], told["schema"], told["key"], told["secret"])


def facts(rng: random.Random, count: int) -> list[Fact]:
    """Moves, counts and claims of some items; at least a tenth each are counts and commits."""
    start = datetime.now(UTC) - timedelta(days=5)  # noqa: TID251 - real time, outside the product
    made = []
    for number in range(count):
        item, node = rng.randrange(ITEMS), rng.randrange(NODES)
        kind = rng.choices(
            ["sale.recorded", "receipt.recorded", "damage.recorded", "stock.counted",
             "order.created", "order.shipped", "order.cancelled"],
            [36, 20, 5, 12, 12, 10, 5],
        )[0]  # fmt: skip
        quantity = rng.randrange(0, 30) if kind == "stock.counted" else rng.randrange(1, 9)
        fact: Fact = {
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


def truth_of(made: Sequence[Fact]) -> Expected:
    """What a plain-Python ledger makes of the facts (D3)."""
    return expected(
        {**fact, "occurred_at": datetime.fromisoformat(fact["occurred_at"])} for fact in made
    )


def compared(stage: Stage, made: Sequence[Fact], truth: Expected) -> dict[str, int]:
    """Lost and doubled events, wrong balances, and counts whose verdict is not the oracle's."""
    with stage.database() as session:
        posted, distinct = session.execute(
            "SELECT count(*), count(DISTINCT source_id) FROM events_inventoryevent"
        ).fetchone() or (0, 0)
        rows = session.execute(
            "SELECT i.sku, n.code, b.sellable, b.damaged, b.reserved FROM stock_stockbalance b"
            " JOIN catalog_item i ON i.id = b.item_id JOIN catalog_node n ON n.id = b.node_id"
        ).fetchall()
        pending = {
            one
            for (one,) in session.execute(
                "SELECT source_id FROM stock_assertion WHERE verdict = 'pending'"
            )
        }
    wrong = sum(
        (
            truth.positions[sku, code, "sellable"],
            truth.positions[sku, code, "damaged"],
            truth.reserved[sku, code],
        )
        != (sellable, damaged, reserved)
        for sku, code, sellable, damaged, reserved in rows
    )
    return {
        "posted": posted,
        "lost": len(made) - distinct,
        "doubled": posted - distinct,
        "wrong_balances": int(wrong),
        "wrong_verdicts": len(pending ^ truth.pending),
    }


def publish(stage: Stage, channel: str) -> None:
    """Let a channel sell from every node and be told what it may show."""
    rows = [
        {
            "code": channel,
            "name": channel,
            "is_published": True,
            "nodes": [f"N{number}" for number in range(NODES)],
        }
    ]
    with stage.client() as client:
        client.put("/api/v1/catalog/channels", json=rows).raise_for_status()


def stale_listings(stage: Stage, channel: str, made: Sequence[Fact], truth: Expected) -> int:
    """Items of which a channel shows another figure than the oracle's, asked at the channel.

    Where a count waits for its verdict nothing may be sold.
    """
    unsure = {(fact["item"], fact["node"]) for fact in made if fact["source_id"] in truth.pending}
    stale = 0
    with httpx.Client(base_url=stage.product.simulator, timeout=60) as shop:
        for sku in (f"I{number}" for number in range(ITEMS)):
            places = {(sku, f"N{number}") for number in range(NODES)} - unsure
            units = sum(truth.positions[*one, "sellable"] - truth.reserved[one] for one in places)
            shown = shop.get(f"/listings/{channel}/{sku}").raise_for_status().json()["shown"]
            if shown is None or shown[0] != max(0, units):
                stale += 1
                say(f"{channel} shows {shown} of {sku}, {units} may be sold: {_told(stage, sku)}")
    return stale


def _told(stage: Stage, sku: str) -> list[tuple[Any, ...]]:
    """What the product thinks a channel shows of an item, and by which push."""
    with stage.database() as session:
        return session.execute(
            "SELECT a.quantity, a.version, a.published, a.told_version, a.disagreements, a.changed_at,"
            " a.published_at, p.id, p.sent_at, p.acknowledged_at, p.read_back_at"
            " FROM availability_availability a JOIN catalog_item i ON i.id = a.item_id"
            " LEFT JOIN availability_push p ON p.id = a.push_id WHERE i.sku = %s",
            [sku],
        ).fetchall()


def rebuild_difference(stage: Stage) -> int:
    """Units by which balances differ from the fold of the ledger."""
    report = stage.product.command("rebuild_balances", "--tenant", stage.label)
    return int(report.split("difference ")[1].split(",")[0])


def audit_verifies(stage: Stage) -> bool:
    """Whether the verifier that ships with an export of the audit log finds nothing wrong."""
    folder = stage.product.folder.export
    shutil.rmtree(folder, ignore_errors=True)
    stage.product.command(
        "audit_export", "--tenant", stage.label, "--to", str(folder), login="sealer"
    )
    verified = subprocess.run(
        [sys.executable, "-I", str(folder / "verify.py"), str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if verified.returncode:
        say(f"The audit log does not verify:\n{verified.stdout}{verified.stderr}")
    return verified.returncode == 0


def settled(stage: Stage, since: float, patience_s: float) -> float | None:
    """Seconds from a moment until no message, mark or figure is due; None when it never was."""
    while time.monotonic() - since < patience_s:
        with suppress(psycopg.OperationalError), stage.database() as session:
            while time.monotonic() - since < patience_s:
                row = session.execute(WAITING).fetchone()
                if row is not None and row[0] == 0:
                    return round(time.monotonic() - since, 1)
                time.sleep(0.2)
        time.sleep(0.2)
    return None


def send_bulk(stage: Stage, parts: Iterator[list[Fact]]) -> int:
    """Deliver by the bulk API until every part is taken; returns the calls sent again."""
    retries = 0
    with stage.client() as client:
        for part in parts:
            body = b"\n".join(map(msgspec.json.encode, part))
            retries += _until_taken(
                lambda body=body: client.post(  # type: ignore[misc]  # bound at once
                    "/api/v1/events/bulk",
                    content=body,
                    headers={"Content-Type": "application/x-ndjson"},
                ),
                {200},
            )
    return retries


def send_singly(stage: Stage, parts: Iterator[list[Fact]]) -> int:
    """Deliver one event a call; returns the calls sent again."""
    retries = 0
    with stage.client() as client:
        for part in parts:
            for fact in part:
                body = msgspec.json.encode(fact)
                retries += _until_taken(
                    lambda body=body: client.post(  # type: ignore[misc]  # bound at once
                        "/api/v1/events",
                        content=body,
                        headers={"Content-Type": "application/json"},
                    ),
                    {200, 201},
                )
    return retries


def send_webhooks(stage: Stage, parts: Iterator[list[Fact]]) -> int:
    """Deliver as signed webhooks; a part sent again keeps its id. Returns the calls sent again."""
    retries = 0
    with stage.client() as client:
        for part in parts:
            body, delivery = msgspec.json.encode({"events": part}).decode(), f"msg_{uuid4().hex}"

            def deliver(body: str = body, delivery: str = delivery) -> httpx.Response:
                now = datetime.now(UTC)  # noqa: TID251 - signatures use real time
                return client.post(
                    "/api/v1/webhooks/till",
                    content=body,
                    headers={
                        "Content-Type": "application/json",
                        "webhook-id": delivery,
                        "webhook-timestamp": str(int(now.timestamp())),
                        "webhook-signature": Webhook(stage.secret).sign(delivery, now, body),
                    },
                )

            retries += _until_taken(deliver, {202})
    return retries


def parts_of(made: Sequence[Fact], size: int) -> Iterator[list[Fact]]:
    """Parts of a size, as fast as they are taken."""
    for start in range(0, len(made), size):
        yield list(made[start : start + size])


def paced(made: Sequence[Fact], size: int, seconds: float) -> Iterator[list[Fact]]:
    """Parts spread over some time: what arrives before the first blow proves nothing."""
    began = time.monotonic()
    for start in range(0, len(made), size):
        time.sleep(max(0.0, began + seconds * start / len(made) - time.monotonic()))
        yield list(made[start : start + size])


def say(text: str) -> None:
    """A line of the report."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _is_kept(table: str) -> bool:
    return table == KEPT_TABLES[-1] or table.startswith(
        tuple(f"{one}_" for one in KEPT_TABLES[:-1])
    )


def _until_taken(deliver: Callable[[], httpx.Response], wanted: set[int]) -> int:
    """Send until the answer says it was taken; a fault of the server or the road is no answer.

    Raises RuntimeError at a refusal: trying again would not help.
    """
    tries = 0
    while True:
        with suppress(httpx.HTTPError):
            answer = deliver()
            if answer.status_code in wanted:
                return tries
            if answer.status_code < 500:
                raise RuntimeError(f"refused: {answer.status_code} {answer.text[:300]}")
        tries += 1
        time.sleep(0.2)
