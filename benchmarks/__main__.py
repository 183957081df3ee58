"""`python -m benchmarks`: ratios against the floors, measured in interleaved rounds of one run.

Prints every round and, as its last line, one JSON object. A ratio below its bar is said, never
hidden: `missed` lists it with figure and bar; `ok` is about whether everything could be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks.clients import Call, Load, load, median
from benchmarks.floors import copy_entries, copy_rows
from benchmarks.floors.facts import ITEMS, Fact, batches, facts
from inventory_control.demo.places import Folder
from inventory_control.demo.running import (
    SETUP,
    Options,
    Product,
    free_port,
    product_folder,
    running_product,
)

BATCH = 1_000
CLIENTS = 2
CONNECTIONS = 8
TENANTS = 100
CALLS, TURNS, TOUCHES = 250, 5, 400
"""Calls a client of one routing measurement, how often each is taken there and back, and the calls
that warm a server up.
"""
EXTRA_ROUNDS = 2
CASES = 150_000
BARS = {
    "bulk_vs_copy": (0.25, ">="),
    "single_vs_bare": (0.40, ">="),
    "routing_loss": (0.05, "<="),
    "routing_loss_query": (0.10, "<="),
    "deep_page_ratio": (2.0, "<="),
    "deep_page_sql_ratio": (4.0, "<="),
}
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


def main() -> int:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=12, help="bulk batches a client and round")
    parser.add_argument("--singles", type=int, default=150, help="single events a connection")
    options = parser.parse_args()
    port = free_port()
    with (
        open_folder("icb-") as folder,
        running_product(Options(port=port, data_dir=folder / "d"), say=_say) as product,
    ):
        _say(f"Making {TENANTS + 1} tenants and {CASES:,} cases.")
        told = _set_up(product)
        bench = Bench(product, port, told)
        figures = _posting(bench, options) | _promising(bench, options)
        figures |= _routing(bench, options) | _deep_pages(bench, options)
    missed = {
        name: {"figure": figures[name], "bar": bar, "wanted": sense}
        for name, (bar, sense) in BARS.items()
        if not (figures[name] >= bar if sense == ">=" else figures[name] <= bar)
    }
    result = {"ok": True, **figures, "replay_rate": _replay_rate(), "missed": missed}
    sys.stdout.write(json.dumps(result, separators=(",", ":")) + "\n")
    return 0


@contextmanager
def open_folder(prefix: str) -> Iterator[Path]:
    """A folder that goes away again, which the servers' own account may enter."""
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def _posting(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """Bulk API against floors A and B, single events against floor C."""
    copy_entries.prepare(bench.database)
    copy_rows.prepare(bench.database, bench.told["schema"])
    rates: dict[str, list[float]] = {name: [] for name in ("a", "b", "bulk", "c", "single")}
    p99: dict[str, list[float]] = {"c": [], "single": []}
    bare_port = free_port()
    with _granian("benchmarks.floors.bare_view:application", bare_port, _bare_environment(bench)):
        for number in range(options.rounds):
            base = 10 * number + 1
            _settle(bench)
            rates["a"].append(copy_entries.run(bench.database, _work(base, options.batches)))
            rates["b"].append(
                copy_rows.run(
                    bench.database,
                    _work(base, options.batches),
                    first_id=1 + base * 1_000_000,
                )
            )
            bulk = _bulk(bench, base + 2, options.batches)
            rates["bulk"].append(bulk.rate * BATCH)
            _settle(bench)
            bare = _single(bare_port, bench, base + 4, options.singles, "/post")
            single = _single(bench.port, bench, base + 6, options.singles, "/api/v1/events")
            rates["c"].append(bare.rate)
            rates["single"].append(single.rate)
            p99["c"].append(bare.percentile(0.99))
            p99["single"].append(single.percentile(0.99))
            _say(
                f"round {number + 1}: "
                + ", ".join(f"{name} {found[-1]:,.0f}/s" for name, found in rates.items())
            )
    ratios = {
        "bulk_vs_copy": _ratio(rates["bulk"], rates["b"]),
        "bulk_vs_entries": _ratio(rates["bulk"], rates["a"]),
        "single_vs_bare": _ratio(rates["single"], rates["c"]),
        "single_p99_ratio": _ratio(p99["single"], p99["c"]),
    }
    return ratios | {f"{name}_per_s": round(median(found)) for name, found in rates.items()}


def _promising(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """Reservations over many items and of one hot item, and look-ups, against the bare view."""
    rates: dict[str, list[float]] = {name: [] for name in ("floor", "many", "hot", "row", "lookup")}
    p99: dict[str, list[float]] = {"floor": [], "many": []}
    lookup = "/api/v1/availability?item=ITEM-00001"
    bare_port = free_port()
    _settle(bench)
    with _granian(
        "benchmarks.floors.bare_view:application",
        bare_port,
        {**os.environ, "BENCH_URL": bench.database},
    ):
        for number in range(options.rounds):
            count = options.singles
            floor = load(
                bare_port, _orders(bench, f"f{number}", count, "/reserve"), expect=_is_done
            )
            many = load(bench.port, _orders(bench, f"m{number}", count), expect=_is_done)
            _settle(bench)
            hot = load(bench.port, _orders(bench, f"h{number}", count, items=1), expect=_is_done)
            _settle(bench)
            row = load(bare_port, _looks(bench, "/one", count), expect=_is_200)
            look = load(bench.port, _looks(bench, lookup, count), expect=_is_200)
            for name, measured in zip(rates, (floor, many, hot, row, look), strict=True):
                rates[name].append(measured.rate)
            p99["floor"].append(floor.percentile(0.99))
            p99["many"].append(many.percentile(0.99))
            _say(
                f"round {number + 1}: "
                + ", ".join(f"{name} {found[-1]:,.0f}/s" for name, found in rates.items())
            )
    return {
        "reserve_vs_floor": _ratio(rates["many"], rates["floor"]),
        "hot_vs_many": _ratio(rates["hot"], rates["many"]),
        "reserve_p99_ratio": _ratio(p99["many"], p99["floor"]),
        "ats_lookup_vs_bare": _ratio(rates["lookup"], rates["row"]),
        "reserve_per_s": round(median(rates["many"])),
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
            calls.append(_call(bench, path, json.dumps(order).encode(), "json"))
        work.append(calls)
    return work


def _looks(bench: Bench, path: str, count: int) -> list[list[Call]]:
    """Look-ups by as many clients as there are connections."""
    key = (("Authorization", f"Bearer {bench.told['key']}"),)
    return [[Call("GET", path, bench.told["host"], b"", key)] * count for _ in range(CONNECTIONS)]


def _routing(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """What choosing the tenant of the host costs on a null view and on one with a query.

    Every round starts servers of its own: two processes of the same program differ by more than
    the loss that is looked for.
    """
    losses: dict[str, list[float]] = {"null": [], "one": []}
    rng = random.Random(5)
    _settle(bench)
    for number in range(options.rounds + EXTRA_ROUNDS):
        rates = _routed(bench, rng)
        losses["null"].append(1 - rates["tenant", "null"] / rates["bare", "null"])
        losses["one"].append(1 - rates["tenant", "one"] / rates["fixed", "one"])
        told = {" ".join(which): round(rate) for which, rate in rates.items()}
        _say(f"round {number + 1}: {told}")
    return {
        "routing_loss": round(median(losses["null"]), 4),
        "routing_loss_query": round(median(losses["one"]), 4),
    }


def _routed(bench: Bench, rng: random.Random) -> dict[tuple[str, str], float]:
    """Calls per second of each mode of `null_app` and path, the middle of many short loads."""
    environment = dict(bench.product.environments["app"])
    ports = {mode: free_port() for mode in ("bare", "fixed", "tenant")}
    pairs = (("null", ("bare", "tenant")), ("one", ("fixed", "tenant")))
    hosts = bench.told["hosts"]
    rates: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as servers:
        for mode, port in ports.items():
            target = "benchmarks.null_app:application"
            servers.enter_context(_granian(target, port, environment, mode))
        for path, modes in pairs:
            for mode in modes:
                # Long enough that every thread of the server has touched every tenant.
                load(ports[mode], _touches(path, hosts, rng, TOUCHES), expect=_is_200)
            # There and back, so that a machine that slows down slows both.
            for mode in (*modes, *reversed(modes)) * TURNS:
                measured = load(ports[mode], _touches(path, hosts, rng, CALLS), expect=_is_200)
                rates.setdefault((mode, path), []).append(measured.rate)
    return {which: median(measured) for which, measured in rates.items()}


def _touches(path: str, hosts: list[str], rng: random.Random, count: int) -> list[list[Call]]:
    """Calls of all clients to tenants in random order."""
    return [
        [Call("GET", f"/{path}", rng.choice(hosts)) for _ in range(count)]
        for _ in range(CONNECTIONS)
    ]


def _deep_pages(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """Page 1,000 of the queue against page 1, as a signed-in planner and as bare SQL."""
    told = bench.told
    with httpx.Client(
        base_url=f"http://127.0.0.1:{bench.port}", headers={"Host": told["host"]}, timeout=60
    ) as browser:
        token = browser.get("/login/").text.split('name="csrfmiddlewaretoken" value="')[1]
        signed_in = browser.post(
            "/login/",
            data={
                "csrfmiddlewaretoken": token.split('"')[0],
                "username": "ada",
                "password": told["password"],
            },
        )
        if signed_in.status_code != 302:
            raise RuntimeError(f"signing in answered {signed_in.status_code}")
        deep = f"/exceptions/?after={urllib.parse.quote(told['after'])}"
        html: dict[str, list[float]] = {"first": [], "deep": []}
        for _ in range(10 * options.rounds):
            for name, path in (("first", "/exceptions/"), ("deep", deep)):
                started = time.perf_counter()
                answer = browser.get(path)
                html[name].append(time.perf_counter() - started)
                if answer.status_code != 200 or answer.text.count('name="case"') != 50:
                    raise RuntimeError(f"{path} answered {answer.status_code}")
    timed = subprocess.run(
        [sys.executable, "-m", "benchmarks.deep_sql", told["after"]],
        cwd=CHECKOUT,
        env=dict(bench.product.environments["app"]),
        capture_output=True,
        text=True,
        check=True,
    )
    sql = json.loads(timed.stdout.splitlines()[-1])
    _say(
        f"queue pages: html {median(html['first']):.4f} s, {median(html['deep']):.4f} s; sql {sql}"
    )
    return {
        "deep_page_ratio": _ratio(html["deep"], html["first"]),
        "deep_page_sql_ratio": round(sql["deep"] / sql["first"], 3),
    }


def _work(base: int, count: int) -> list[list[list[Fact]]]:
    return [batches(facts(count * BATCH, seed=base + client), BATCH) for client in range(CLIENTS)]


def _bulk(bench: Bench, base: int, count: int) -> Load:
    work = [
        [
            _call(bench, "/api/v1/events/bulk", b"\n".join(fact.body for fact in batch), "x-ndjson")
            for batch in mine
        ]
        for mine in _work(base, count)
    ]
    return load(bench.port, work, expect=_is_200)


def _single(port: int, bench: Bench, base: int, count: int, path: str) -> Load:
    made = facts(count * CONNECTIONS, seed=base)
    work = [
        [_call(bench, path, fact.body, "json") for fact in made[start::CONNECTIONS]]
        for start in range(CONNECTIONS)
    ]
    return load(port, work, expect=_is_done)


def _call(bench: Bench, path: str, body: bytes, kind: str) -> Call:
    headers = (
        ("Authorization", f"Bearer {bench.told['key']}"),
        ("Content-Type", f"application/{kind}"),
    )
    return Call("POST", path, bench.told["host"], body, headers)


def _set_up(product: Product) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.setup", str(TENANTS), str(CASES)],
        cwd=CHECKOUT,
        env=dict(product.environments[SETUP]),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    with psycopg.connect(product.servers.database_url, autocommit=True) as session:
        session.execute("VACUUM ANALYZE")
    return told


def _settle(bench: Bench) -> None:
    """Wait until the stages have done what the measurement before left them, so that every
    measurement has the machine to itself.
    """
    patience = time.monotonic() + 120
    with psycopg.connect(bench.database, autocommit=True) as session:
        while session.execute("SELECT FROM public.due LIMIT 1").fetchone() is not None:
            if time.monotonic() > patience:
                raise RuntimeError("the stages do not come to rest")
            time.sleep(0.1)
    time.sleep(0.5)


def _bare_environment(bench: Bench) -> dict[str, str]:
    copy_rows.prepare_single(bench.database, bench.told["schema"])
    return {**os.environ, "BENCH_URL": bench.database}


@contextmanager
def _granian(target: str, port: int, environment: dict[str, str], mode: str = "") -> Iterator[None]:
    """Serve an application with the settings the product is served with."""
    web = Options()
    server = subprocess.Popen(
        [
            str(Path(sys.executable).parent / "granian"),
            "--interface=wsgi",
            "--host=127.0.0.1",
            f"--port={port}",
            f"--workers={web.web_workers}",
            f"--blocking-threads={web.web_threads}",
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


def _ratio(ours: list[float], floor: list[float]) -> float:
    return round(median(ours) / median(floor), 3)


def _replay_rate() -> float | None:
    """Events a second of the last file this checkout's demo replayed, if it replayed one."""
    kept = Folder(product_folder(Options(port=0))).replayed
    if not kept.exists():
        return None
    result = json.loads(kept.read_text(encoding="utf-8"))
    return round(result["events_posted"] / result["job_seconds"], 1)


def _is_200(status: int) -> bool:
    return status == 200


def _is_done(status: int) -> bool:
    return status in {200, 201}


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
