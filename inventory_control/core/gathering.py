"""Gathers what many threads ask for at the same moment, so that it is done once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from time import sleep
from typing import Generic, TypeVar

Work = TypeVar("Work")
Answer = TypeVar("Answer")
BREATH_S = 0.0003
"""How long a turn that follows another at once lets those just answered come back with more."""


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


class Gathering(Generic[Work, Answer]):
    """Lets the callers of one key take turns, each turn doing all the work that has come meanwhile.

    Whoever comes first works at once: at rest nobody waits for company. Callers who come while a
    turn is under way wait together; when it ends one of them works for all of them, after a breath
    in which others may join. So under load a transaction is shared by many callers, and at rest by
    one.

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
        self._waiting: dict[Hashable, list[_Caller[Work, Answer]]] = {}

    def do(self, key: Hashable, work: Work) -> Answer:
        """Have one piece of work done in company; callers of different keys never meet."""
        mine: _Caller[Work, Answer] = _Caller(work)
        with self._lock:
            waiting = self._waiting.get(key)
            if waiting is None:
                self._waiting[key] = []
            else:
                waiting.append(mine)
        if waiting is not None:
            mine.gate.acquire()
        if not mine.is_done and not mine.is_alone:
            if waiting is not None:
                sleep(BREATH_S)
            self._take_turn(key, mine)
        if mine.is_alone:
            (answer,) = self._run([work])
            if isinstance(answer, Exception):
                raise answer
            return answer
        if mine.error is not None:
            raise mine.error
        return mine.answer  # type: ignore[return-value]  # settled without an error

    def _take_turn(self, key: Hashable, mine: _Caller[Work, Answer]) -> None:
        with self._lock:
            waiting = self._waiting[key]
            company = [mine, *waiting[: self._at_most - 1]]
            del waiting[: self._at_most - 1]
        answers: Sequence[Answer | Exception] | None = None
        try:
            answers = self._run([one.work for one in company])
        except Exception:
            if len(company) == 1:
                raise
        finally:
            self._end_turn(key)
            for place, one in enumerate(company):
                if answers is None:
                    one.is_alone = True
                    one.gate.release()
                else:
                    one.settle(answers[place])

    def _end_turn(self, key: Hashable) -> None:
        """Let the longest waiting caller take the next turn, if anybody waits."""
        with self._lock:
            waiting = self._waiting[key]
            if not waiting:
                del self._waiting[key]
                return
            following = waiting.pop(0)
        following.gate.release()
