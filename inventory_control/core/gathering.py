"""Gathers what many threads ask for at the same moment, so that it is done once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from time import perf_counter
from typing import Generic, TypeVar

Work = TypeVar("Work")
Answer = TypeVar("Answer")
BREATH_S = 0.002
"""How long a turn that follows another at once waits at most for those who were just answered."""
AT_ONCE_S = 0.005
"""A turn this long after the one before does not follow it at once: its callers have gone."""


class _Caller(Generic[Work, Answer]):
    """One thread that waits for its answer, or for its turn to work for the others."""

    __slots__ = ("answer", "error", "gate", "is_alone", "is_done", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.answer: Answer | None = None
        self.error: Exception | None = None
        self.is_alone = False
        self.is_done = False
        self.gate = Lock()
        self.gate.acquire()

    def settle(self, answer: Answer | Exception) -> None:
        if isinstance(answer, Exception):
            self.error = answer
        else:
            self.answer = answer
        self.is_done = True
        self.gate.release()


@dataclass(slots=True)
class _Queue(Generic[Work, Answer]):
    """Those of one key: who waits, whether a turn is under way, and how many the next may expect.

    As many as were in the last turn or waited at its end are likely to ask again; `bell` is there
    while a turn waits for them.
    """

    waiting: list[_Caller[Work, Answer]] = field(default_factory=list)
    is_busy: bool = False
    expected: int = 1
    ended_at: float = 0.0
    bell: Lock | None = None

    def missing(self) -> int:
        """How many of those expected have not come, beside the one whose turn it is."""
        if perf_counter() - self.ended_at > AT_ONCE_S:
            return 0
        return self.expected - 1 - len(self.waiting)


class Gathering(Generic[Work, Answer]):
    """Lets the callers of one key take turns, each turn doing all the work that has come meanwhile.

    Whoever comes first works at once: at rest nobody waits for company. Callers who come while a
    turn is under way wait together; when it ends one of them works for all of them, after a breath
    in which those just answered may come back with more. So under load a transaction is shared by
    many callers, and at rest by one. Without the breath a turn of everybody would be followed by a
    turn of the first who comes back, all others behind it.

    `run` takes the works of a turn and answers one value for each, in order; an exception among
    the answers is raised in its caller's own thread. When `run` itself raises, every caller of
    the turn does its own work alone: a neighbour's fault is never an answer.
    """

    def __init__(
        self, run: Callable[[Sequence[Work]], Sequence[Answer | Exception]], *, at_most: int
    ) -> None:
        self._run = run
        self._at_most = at_most
        self._lock = Lock()
        self._queues: dict[Hashable, _Queue[Work, Answer]] = {}

    def do(self, key: Hashable, work: Work) -> Answer:
        """Have one piece of work done in company; callers of different keys never meet."""
        mine: _Caller[Work, Answer] = _Caller(work)
        with self._lock:
            queue = self._queues.setdefault(key, _Queue())
            is_first = not queue.is_busy
            queue.is_busy = True
            if not is_first:
                queue.waiting.append(mine)
                if queue.bell is not None and queue.missing() <= 0:
                    queue.bell.release()
                    queue.bell = None
        if not is_first:
            mine.gate.acquire()
        if not mine.is_done and not mine.is_alone:
            self._take_turn(queue, mine)
        if mine.is_alone:
            (answer,) = self._run([work])
            if isinstance(answer, Exception):
                raise answer
            return answer
        if mine.error is not None:
            raise mine.error
        return mine.answer  # type: ignore[return-value]  # settled without an error

    def _take_turn(self, queue: _Queue[Work, Answer], mine: _Caller[Work, Answer]) -> None:
        self._breathe(queue)
        with self._lock:
            company = [mine, *queue.waiting[: self._at_most - 1]]
            del queue.waiting[: self._at_most - 1]
        answers: Sequence[Answer | Exception] | None = None
        try:
            answers = self._run([one.work for one in company])
        except Exception:
            if len(company) == 1:
                raise
        finally:
            self._end_turn(queue, len(company))
            for place, one in enumerate(company):
                if answers is None:
                    one.is_alone = True
                    one.gate.release()
                else:
                    one.settle(answers[place])

    def _breathe(self, queue: _Queue[Work, Answer]) -> None:
        """Wait for those who are expected, a moment at most."""
        with self._lock:
            if queue.missing() <= 0:
                return
            bell = queue.bell = Lock()
            bell.acquire()
        bell.acquire(timeout=BREATH_S)
        with self._lock:
            queue.bell = None

    def _end_turn(self, queue: _Queue[Work, Answer], company: int) -> None:
        """Let the longest waiting caller take the next turn, if anybody waits."""
        with self._lock:
            queue.expected = min(company + len(queue.waiting), self._at_most)
            queue.ended_at = perf_counter()
            if not queue.waiting:
                queue.is_busy = False
                return
            following = queue.waiting.pop(0)
        following.gate.release()
