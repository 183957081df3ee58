"""Two people take on one case at the same moment: one succeeds, one is refused, every time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from exceptions.models import ExceptionCase
from exceptions.services import acknowledge
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import IllegalMove
from inventory_control.core.tenancy import TenantRef, in_tenant
from tests.factories import planner

ROUNDS = 30


@pytest.mark.req("EXC-43")
def test_thirty_cases_taken_on_by_two_people_each_are_thirty_successes(committed):
    people = [planner("exceptions.handle", name=name) for name in ("Ada", "Bob")]
    together = threading.Barrier(2, timeout=30)

    with ThreadPoolExecutor(max_workers=2) as pool:
        winners = [
            [who for who in pool.map(partial(_press, committed, pk, together), people) if who]
            for pk in _cases()
        ]

    assert [len(won) for won in winners] == [1] * ROUNDS
    assert list(ExceptionCase.objects.order_by("pk").values_list("assignee", flat=True)) == [
        won[0] for won in winners
    ]
    assert _entries() == ROUNDS


@pytest.mark.req("EXC-43")
def test_checking_the_object_and_saving_it_lets_both_win(committed):
    """The twin of the test above: why the state moves under a lock, and only there."""
    people = [planner("exceptions.handle", name=name) for name in ("Ada", "Bob")]
    together = threading.Barrier(2, timeout=30)

    with ThreadPoolExecutor(max_workers=2) as pool:
        successes = [
            sum(pool.map(partial(_press_unlocked, committed, pk, together), people))
            for pk in _cases()
        ]

    assert successes == [2] * ROUNDS


def _press(tenant: TenantRef, pk: int, together: threading.Barrier, by: Actor) -> str:
    """One person's press on the button; answers who won it, or nothing."""
    with in_tenant(tenant):
        try:
            case = ExceptionCase.objects.get(pk=pk)
            together.wait()
            acknowledge(case, by=by)
        except IllegalMove:
            return ""
        finally:
            connection.close()
        return by.id


def _press_unlocked(tenant: TenantRef, pk: int, together: threading.Barrier, by: Actor) -> bool:
    with in_tenant(tenant):
        try:
            case = ExceptionCase.objects.get(pk=pk)
            together.wait()
            if case.status != "open":
                return False
            case.status, case.assignee = "acknowledged", by.id
            case.save()
        finally:
            connection.close()
        return True


def _cases() -> list[int]:
    now = clock.now()
    return [
        ExceptionCase.objects.create(
            kind="oversell",
            key=f"oversell:{number}",
            severity=1,
            summary="A case",
            opened_at=now,
            due_at=now + timedelta(hours=2),
            last_seen_at=now,
        ).pk
        for number in range(ROUNDS)
    ]


def _entries() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM entry WHERE verb = 'case.acknowledged'")
        return int(cursor.fetchone()[0])
