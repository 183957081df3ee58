"""Behind the drill of keys: who prepares calls, what they leave in a tenant, servers to kill."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from psycopg import sql

from benchmarks.bench import CHECKOUT
from inventory_control.demo.processes import Process
from inventory_control.demo.running import SETUP, Options, Product, free_port, web_command

READY_S = 60.0
KEPT = (
    "auth_permission",
    "django_content_type",
    "django_migrations",
    "people_role",
    "policies_policy",
    "workflows_workflow",
)
"""Tables of a tenant that are as they were provisioned."""
NAMING = ("id", "corrects", "last_event", "reached")
"""Numbers that name a row, besides those called after one."""
Traces = dict[str, int]
"""Rows of every table, and the sum of every number in them that names no row."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that is right in its tenant as that is now, and two callers who may send it."""

    method: str
    path: str
    body: str
    key: str
    other_key: str


@dataclass(frozen=True, slots=True)
class House:
    """A tenant that calls are prepared in."""

    number: int
    host: str
    schema: str


class Backstage:
    """The process that knows the doors, and the superuser's view of the tenants."""

    def __init__(self, product: Product, running: subprocess.Popen[str]) -> None:
        self._running = running
        told = self._answer()
        self.doors: list[str] = told["doors"]
        self.left_out: dict[str, str] = told["left_out"]
        self.houses = [
            House(number, one["host"], one["schema"]) for number, one in enumerate(told["tenants"])
        ]
        self._session = psycopg.connect(product.servers.database_url, autocommit=True)
        self._statements = {one.schema: self._statement(one) for one in self.houses}
        self._tables = {one.schema: self._forgotten(one) for one in self.houses}

    def prepare(self, house: House, door: str) -> Prepared:
        """Empty a tenant and make what a door needs."""
        self._session.execute(self._tables[house.schema])
        self._ask({"tenant": house.number, "door": door})
        return Prepared(**self._answer())

    def traces(self, house: House) -> Traces:
        """What the tenant holds now."""
        found: Traces = {}
        for table, names, sums in self._session.execute(self._statements[house.schema]):
            found |= {
                f"{table}.{name}": int(total or 0) for name, total in zip(names, sums, strict=True)
            }
        return found

    def close(self) -> None:
        """Let the session go."""
        self._session.close()

    def _ask(self, wanted: dict[str, Any]) -> None:
        if self._running.stdin is None:
            raise RuntimeError("nobody prepares calls")
        self._running.stdin.write(json.dumps(wanted) + "\n")
        self._running.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        line = self._running.stdout.readline() if self._running.stdout else ""
        if not line:
            raise RuntimeError("who prepares the calls has ended; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _statement(self, house: House) -> sql.Composed:
        """Rows and sums of every table of a tenant and of its audit log, in one snapshot."""
        columns = self._session.execute(
            """
            SELECT c.relnamespace::regnamespace::text, c.relname, coalesce(array_agg(a.attname)
                   FILTER (WHERE a.atttypid = ANY ('{int2,int4,int8,numeric}'::regtype[])
                           AND a.attname NOT LIKE '%%\\_id' AND a.attname <> ALL (%s)), '{}')
            FROM pg_class c
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE c.relnamespace = ANY (%s::regnamespace[])
              AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            GROUP BY 1, 2 ORDER BY 1, 2
            """,
            [list(NAMING), [house.schema, f"{house.schema}_audit"]],
        ).fetchall()
        parts = [
            sql.SQL("SELECT {}, {}::text[], ARRAY[{}]::numeric[] FROM {}").format(
                sql.Literal(table),
                sql.Literal(["rows", *names]),
                sql.SQL(", ").join(
                    [sql.SQL("count(*)")]
                    + [sql.SQL("sum({})").format(sql.Identifier(name)) for name in names]
                ),
                sql.Identifier(schema, table),
            )
            for schema, table, names in columns
        ]
        return sql.SQL(" UNION ALL ").join(parts)

    def _forgotten(self, house: House) -> sql.Composed:
        """Statements that empty a tenant; deleting few rows is quicker than truncating tables."""
        tables = self._session.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> ALL (%s)",
            [house.schema, list(KEPT)],
        ).fetchall()
        deletions = [
            sql.SQL("DELETE FROM {}").format(sql.Identifier(house.schema, table))
            for (table,) in tables
        ]
        return sql.SQL("; ").join(
            [
                sql.SQL("BEGIN; SET LOCAL session_replication_role = replica"),
                *deletions,
                sql.SQL("DELETE FROM {} WHERE version > 1").format(
                    sql.Identifier(house.schema, "policies_policy")
                ),
                sql.SQL("COMMIT"),
            ]
        )


@contextmanager
def backstage(product: Product, tenants: int) -> Iterator[Backstage]:
    """Have calls prepared in so many tenants."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.chaos.doors", str(tenants)],
        cwd=CHECKOUT,
        env=dict(product.environments[SETUP]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        made = Backstage(product, running)
        try:
            yield made
        finally:
            made.close()
            if running.stdin is not None:
                running.stdin.close()


@dataclass(frozen=True, slots=True)
class Web:
    """A web server of its own port."""

    port: int
    process: Process

    def wait(self) -> None:
        """Wait until it answers."""
        patience = time.monotonic() + READY_S
        while time.monotonic() < patience:
            with suppress(httpx.HTTPError):
                ready = httpx.get(
                    f"http://127.0.0.1:{self.port}/ready", headers={"Host": "localhost"}, timeout=10
                )
                if ready.status_code < 500:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"no web server at port {self.port}:\n{self.process.log_tail()}")


@contextmanager
def web_servers(product: Product, count: int, threads: int) -> Iterator[Sequence[Web]]:
    """Web servers beside each other, as behind a balancer; everything else of the product rests.

    Without the stages, what is in the tables afterwards is what the doors have done.
    """
    for process in product.processes.values():
        process.stop()
    webs = []
    for number in range(count):
        port = free_port()
        process = Process(
            f"web-{number}",
            web_command(Options(port=port, web_workers=1, web_threads=threads)),
            environment=product.environments["app"],
            folder=product.folder,
        )
        process.start()
        webs.append(Web(port, process))
    try:
        for web in webs:
            web.wait()
        yield webs
    finally:
        for web in webs:
            web.process.stop()
        for process in product.processes.values():
            process.start()
