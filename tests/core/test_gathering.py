"""Callers that share a turn: who works, who waits, and whose fault is whose."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from inventory_control.core.gathering import Gathering


class Turns:
    """What `run` was given, turn by turn; the first turn waits until it is let go."""

    def __init__(self, answer: Callable[[int], object] = lambda work: work * 10) -> None:
        self.taken: list[list[int]] = []
        self.let_go = threading.Event()
        self._answer = answer

    def __call__(self, works: Sequence[int]) -> list[object]:
        self.taken.append(list(works))
        if len(self.taken) == 1:
            assert self.let_go.wait(10)
        return [self._answer(work) for work in works]


def send(gathering: Gathering, pool: ThreadPoolExecutor, works: Sequence[int]) -> list[Future]:
    """Send pieces of work one after the other, each from a thread of its own."""
    sent = []
    for work in works:
        sent.append(pool.submit(gathering.do, "till", work))
        time.sleep(0.05)  # so that they come in this order
    return sent


@pytest.mark.req("EVT-07")
def test_the_first_works_at_once_and_those_who_came_meanwhile_work_together():
    turns = Turns()
    gathering = Gathering(turns, at_most=100)

    with ThreadPoolExecutor(8) as pool:
        sent = send(gathering, pool, [1, 2, 3, 4])
        turns.let_go.set()
        answers = [one.result(10) for one in sent]

    assert answers == [10, 20, 30, 40]
    assert turns.taken == [[1], [2, 3, 4]]
    assert gathering.do("till", 5) == 50
    assert turns.taken[-1] == [5]


def test_a_turn_takes_no_more_than_it_may():
    turns = Turns()
    gathering = Gathering(turns, at_most=2)

    with ThreadPoolExecutor(8) as pool:
        sent = send(gathering, pool, [1, 2, 3, 4])
        turns.let_go.set()
        answers = [one.result(10) for one in sent]

    assert answers == [10, 20, 30, 40]
    assert turns.taken == [[1], [2, 3], [4]]


def test_an_exception_among_the_answers_is_its_callers_alone():
    turns = Turns(lambda work: ValueError("odd") if work % 2 else work * 10)
    gathering = Gathering(turns, at_most=100)

    with ThreadPoolExecutor(8) as pool:
        sent = send(gathering, pool, [2, 3, 4])
        turns.let_go.set()

        assert sent[0].result(10) == 20
        assert sent[2].result(10) == 40
        with pytest.raises(ValueError, match="odd"):
            sent[1].result(10)


def test_when_a_turn_breaks_everybody_works_alone_and_only_the_guilty_fails():
    def answer(work: int) -> int:
        if work == 3:
            raise RuntimeError("poison")
        return work * 10

    turns = Turns(answer)
    gathering = Gathering(turns, at_most=100)

    with ThreadPoolExecutor(8) as pool:
        sent = send(gathering, pool, [1, 2, 3, 4])
        turns.let_go.set()

        assert [sent[place].result(10) for place in (0, 1, 3)] == [10, 20, 40]
        with pytest.raises(RuntimeError, match="poison"):
            sent[2].result(10)
    assert turns.taken[:2] == [[1], [2, 3, 4]]
    assert sorted(turns.taken[2:]) == [[2], [3], [4]]


def test_callers_of_another_key_never_wait():
    turns = Turns()
    gathering = Gathering(turns, at_most=100)

    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(gathering.do, "one tenant", 1)
        while not turns.taken:
            time.sleep(0.01)

        assert gathering.do("another tenant", 2) == 20

        turns.let_go.set()
        assert held.result(10) == 10
