"""What every measurement needs: the running product, its callers, floors and ratios."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql

from benchmarks.clients import Call, median
from inventory_control.demo.running import Options, Product

BATCH = 1_000
CLIENTS = 2
CONNECTIONS = 8
PATIENCE_S = 900
"""How long the stages may take to come to rest: five hundred tenants have ten stages each."""
TABLES_AT_ONCE = 500
"""How many tables one statement names: five hundred tenants have tens of thousands."""
NOTED = "SELECT FROM public.due WHERE not_before IS NULL OR not_before <= now() LIMIT 1"
CHECKOUT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Bench:
    """What the measurements need: the product, its database as superuser, what set-up told."""

    product: Product
    port: int
    told: dict[str, Any]

    @property
    def database(self) -> str:
        """The superuser's URL."""
        return self.product.servers.database_url

    @contextmanager
    def session(self, schema: str | None = None) -> Iterator[psycopg.Connection[Any]]:
        """A session of the superuser in a tenant's schema, by default that of the first."""
        with psycopg.connect(self.database, autocommit=True) as session:
            session.execute(
                sql.SQL("SET search_path TO {}, ext").format(
                    sql.Identifier(schema or self.told["schema"])
                )
            )
            yield session


@contextmanager
def open_folder(prefix: str) -> Iterator[Path]:
    """A folder that goes away again, which the servers' own account may enter."""
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def settle(bench: Bench) -> None:
    """Wait until the stages have done what the measurement before left them, so that every
    measurement has the machine to itself.
    """
    patience = time.monotonic() + PATIENCE_S
    with psycopg.connect(bench.database, autocommit=True) as session:
        while session.execute(NOTED).fetchone() is not None:
            if time.monotonic() > patience:
                raise RuntimeError("the stages do not come to rest")
            time.sleep(0.1)
    time.sleep(0.5)


def look_over(database: str) -> None:
    """Do to every table that holds rows what autovacuum would in time.

    It never looks at an empty one, and neither may this: a table known to be empty is read whole
    by every plan made before it is looked at again, one never looked at is taken to hold pages.
    What was written comes to rest on the disk as well: the checkpoint behind hundreds of new
    schemas takes a fifth of a core for a minute.
    """
    with psycopg.connect(database, autocommit=True) as session:
        tables = session.execute(
            """
            SELECT oid::regclass::text FROM pg_class
             WHERE relkind = 'r' AND relpersistence = 'p' AND pg_relation_size(oid) > 0
            """
        ).fetchall()
        for start in range(0, len(tables), TABLES_AT_ONCE):
            names = ", ".join(name for (name,) in tables[start : start + TABLES_AT_ONCE])
            session.execute(f"VACUUM (ANALYZE) {names}")
        session.execute("CHECKPOINT")


@contextmanager
def served(target: str, port: int, environment: dict[str, str], mode: str = "") -> Iterator[None]:
    """Serve a bare application the way it goes fastest: one process, the product's threads.

    A view that does next to nothing loses a tenth by a second process on two cores.
    """
    server = subprocess.Popen(
        [
            str(Path(sys.executable).parent / "granian"),
            "--interface=wsgi",
            "--host=127.0.0.1",
            f"--port={port}",
            "--workers=1",
            f"--blocking-threads={Options().web_threads}",
            "--backlog=512",
            "--no-ws",
            "--log-level=error",
            target,
        ],
        cwd=CHECKOUT,
        env={**environment, "BENCH_ROUTING": mode},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        yield
    finally:
        server.terminate()
        server.wait()


def call(bench: Bench, path: str, body: bytes, kind: str, *, host: str = "", key: str = "") -> Call:
    """A POST of the till of a tenant, by default the first."""
    headers = (
        ("Authorization", f"Bearer {key or bench.told['key']}"),
        ("Content-Type", f"application/{kind}"),
    )
    return Call("POST", path, host or bench.told["host"], body, headers)


def ratio(ours: list[float], floor: list[float]) -> float:
    """How the middle of our rounds stands to the middle of the floor's."""
    return round(median(ours) / median(floor), 3)


def is_200(status: int) -> bool:
    """Answered."""
    return status == 200


def is_done(status: int) -> bool:
    """Done now, or known."""
    return status in {200, 201}


def say(text: str) -> None:
    """A line of the report."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _wait(port: int) -> None:
    patience = time.monotonic() + 30
    while time.monotonic() < patience:
        try:
            httpx.get(f"http://127.0.0.1:{port}/null", timeout=5)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"nothing answers at port {port}")
