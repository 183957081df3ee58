"""Callers that ask on until there is an answer, as a client that wants its write done does."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.chaos.stage import say
from benchmarks.clients import Call

PATIENCE_S = 90.0
_AGAIN_AFTER_S = 0.02
_TOLD = 5
"""So many faults of a sort are told in full."""
_ROAD_FAULTS = (OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller was told in the end, and how long it took; status 0 is no answer at all."""

    status: int
    is_replay: bool
    content: bytes
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether it says that the write is done."""
        return 200 <= self.status < 300

    def says(self, text: bytes) -> bool:
        """Whether a problem of that code is in it."""
        return b'"' + text + b'"' in self.content


@dataclass(slots=True)
class Tally:
    """What was counted, by many threads at once."""

    counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, number: int = 1) -> None:
        """Count."""
        with self._lock:
            self.counts[name] += number

    def fault(self, sort: str, text: str) -> None:
        """Count something that must not be, and say what it was."""
        self.add(sort)
        if self.counts[sort] <= _TOLD:
            say(f"R4: {sort}: {text}")


class Caller:
    """A client that asks one server and, where that gives no answer, another."""

    def __init__(self, ports: Sequence[int], tally: Tally) -> None:
        self._ports = list(ports)
        self._roads: dict[int, http.client.HTTPConnection] = {}
        self._tally = tally

    def insist(self, call: Call, first: int = 0) -> Answer:
        """Send until there is an answer; being told that the first still runs is none."""
        began, turn = time.monotonic(), first
        while time.monotonic() - began < PATIENCE_S:
            port = self._ports[turn % len(self._ports)]
            turn += 1
            self._tally.add("sends")
            try:
                answer = self._send(port, call, began)
            except _ROAD_FAULTS as fault:
                self._roads.pop(port).close()
                if not isinstance(fault, ConnectionRefusedError):
                    self._tally.add("cut")
            else:
                if answer.status != 409 or not answer.says(b"idempotency_key_running"):
                    self._tally.add("replays", answer.is_replay)
                    return answer
                self._tally.add("told_running")
            time.sleep(_AGAIN_AFTER_S)
        return Answer(0, is_replay=False, content=b"", seconds=time.monotonic() - began)

    def repeat(self, call: Call, *, first: int, times: int) -> list[Answer]:
        """Insist so many times, one after the other."""
        return [self.insist(call, first) for _ in range(times)]

    def hang_up(self) -> None:
        """Close every connection, so that whatever is cut from now on was under way."""
        for road in self._roads.values():
            road.close()
        self._roads.clear()

    def _send(self, port: int, call: Call, began: float) -> Answer:
        road = self._roads.get(port)
        if road is None:
            road = self._roads[port] = http.client.HTTPConnection("127.0.0.1", port, timeout=150)
        road.request(
            call.method, call.path, call.body or None, {"Host": call.host, **dict(call.headers)}
        )
        response = road.getresponse()
        content = response.read()
        is_replay = "Idempotent-Replay" in response.headers
        return Answer(response.status, is_replay, content, time.monotonic() - began)


def at_once(works: Sequence[Callable[[], list[Answer]]]) -> list[list[Answer]]:
    """Do all of it at the same moment; what each got, in the same order."""
    gate = threading.Barrier(len(works))
    found: list[list[Answer]] = [[] for _ in works]

    def start(place: int) -> None:
        gate.wait()
        found[place] = works[place]()

    threads = [threading.Thread(target=start, args=[place]) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
