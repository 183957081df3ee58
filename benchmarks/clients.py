"""Callers that load a server: the same code against the product and against its floors."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """One request to send."""

    method: str
    path: str
    host: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """What a load measured: calls per second and latencies in seconds, sorted."""

    rate: float
    latencies: tuple[float, ...]

    def percentile(self, share: float) -> float:
        """A latency in seconds."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def load(port: int, work: Sequence[Sequence[Call]], *, expect: Callable[[int], bool]) -> Load:
    """Send each client's calls over its own kept-alive connection, all clients at once.

    Raises RuntimeError at the first answer that is not as expected: a fast error is no rate.
    """
    gate = threading.Barrier(len(work) + 1)
    latencies: list[list[float]] = [[] for _ in work]
    faults: list[str] = []

    def run(place: int, calls: Sequence[Call]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        gate.wait()
        for call in calls:
            started = time.perf_counter()
            connection.request(
                call.method, call.path, call.body, {"Host": call.host, **dict(call.headers)}
            )
            response = connection.getresponse()
            content = response.read()
            latencies[place].append(time.perf_counter() - started)
            if not expect(response.status):
                faults.append(f"{call.path} answered {response.status} {content[:300]!r}")
                return
        connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(work)]
    for thread in threads:
        thread.start()
    gate.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if faults:
        raise RuntimeError(faults[0])
    merged = sorted(one for mine in latencies for one in mine)
    return Load(len(merged) / seconds, tuple(merged))


def median(values: Sequence[float]) -> float:
    """The middle of the rounds."""
    return statistics.median(values)
