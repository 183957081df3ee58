"""Calls to other systems side by side: one at a time a lane, so that a slow system delays no other.

The threads here only call out. They never touch the database: whoever uses lanes does that
between the calls, in the thread, tenant and transactions of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

Call = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that ended: its lane, and either what it answered or what it raised."""

    lane: str
    answer: Any
    error: BaseException | None


class Lanes:
    """Up to `most` calls under way at once, each in a lane that is known by a name."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="outbound")
        self._under_way: dict[Future[Any], str] = {}

    def __enter__(self) -> Self:
        """Lanes are used for one round of work."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what is under way: nothing calls out behind its caller's back."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def busy(self) -> frozenset[str]:
        """The lanes with a call under way."""
        return frozenset(self._under_way.values())

    @property
    def are_full(self) -> bool:
        """Whether another lane would have to wait."""
        return len(self._under_way) >= self._most

    def start(self, lane: str, call: Call) -> None:
        """Make a call in a lane that is not busy."""
        if lane in self.busy:
            raise ValueError(f"{lane} has a call under way")
        self._under_way[self._pool.submit(call)] = lane

    def finished(self, patience_s: float) -> list[Ended]:
        """The calls that have ended, waiting so long for the first; their lanes are free again."""
        done, _ = wait(self._under_way, timeout=patience_s, return_when=FIRST_COMPLETED)
        return [self._ended(one) for one in done]

    def _ended(self, call: Future[Any]) -> Ended:
        error = call.exception()
        return Ended(self._under_way.pop(call), None if error else call.result(), error)
