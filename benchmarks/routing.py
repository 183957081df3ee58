"""Routing: what choosing the tenant of the host costs."""

from __future__ import annotations

import argparse
import random
from contextlib import ExitStack

from benchmarks.bench import CONNECTIONS, Bench, is_200, say, served, settle
from benchmarks.clients import Call, load, median
from inventory_control.demo.running import free_port

CALLS, TURNS, TOUCHES = 250, 5, 400
"""Calls a client of one measurement, how often each is taken there and back, and the calls that
warm a server up.
"""
EXTRA_ROUNDS = 2
HOSTS = 100


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """What choosing the tenant of the host costs on a null view and on one with a query.

    Every round starts servers of its own: two processes of the same program differ by more than
    the loss that is looked for.
    """
    losses: dict[str, list[float]] = {"null": [], "one": []}
    rng = random.Random(5)
    settle(bench)
    for number in range(options.rounds + EXTRA_ROUNDS):
        rates = _routed(bench, rng)
        losses["null"].append(1 - rates["tenant", "null"] / rates["bare", "null"])
        losses["one"].append(1 - rates["tenant", "one"] / rates["fixed", "one"])
        told = {" ".join(which): round(rate) for which, rate in rates.items()}
        say(f"round {number + 1}: {told}")
    return {
        "routing_loss": round(median(losses["null"]), 4),
        "routing_loss_query": round(median(losses["one"]), 4),
    }


def _routed(bench: Bench, rng: random.Random) -> dict[tuple[str, str], float]:
    """Calls per second of each mode of `null_app` and path, the middle of many short loads."""
    environment = dict(bench.product.environments["app"])
    ports = {mode: free_port() for mode in ("bare", "fixed", "tenant")}
    pairs = (("null", ("bare", "tenant")), ("one", ("fixed", "tenant")))
    hosts = bench.told["hosts"][:HOSTS]
    rates: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as servers:
        for mode, port in ports.items():
            target = "benchmarks.null_app:application"
            servers.enter_context(served(target, port, environment, mode))
        for path, modes in pairs:
            for mode in modes:
                # Long enough that every thread of the server has touched every tenant.
                load(ports[mode], _touches(path, hosts, rng, TOUCHES), expect=is_200)
            # There and back, so that a machine that slows down slows both.
            for mode in (*modes, *reversed(modes)) * TURNS:
                measured = load(ports[mode], _touches(path, hosts, rng, CALLS), expect=is_200)
                rates.setdefault((mode, path), []).append(measured.rate)
    return {which: median(measured) for which, measured in rates.items()}


def _touches(path: str, hosts: list[str], rng: random.Random, count: int) -> list[list[Call]]:
    """Calls of all clients to tenants in random order."""
    return [
        [Call("GET", f"/{path}", rng.choice(hosts)) for _ in range(count)]
        for _ in range(CONNECTIONS)
    ]
