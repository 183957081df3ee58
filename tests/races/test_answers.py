"""Equal Idempotency-Keys while the first call runs, and when the process that runs it dies."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection, transaction
from django.http import HttpResponse, HttpResponseBase

from inventory_control.catalog.models import Item
from inventory_control.core import clock
from inventory_control.core.tenancy import in_tenant
from inventory_control.web.idempotency import StillRunningError, answered_once
from inventory_control.web.models import IdempotentAnswer
from tests.races.test_posting import together


class FirstCall:
    """A call that made an item and waits, so that something can happen to it."""

    def __init__(self) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()
        self.backend = 0
        self.ended: object = None

    def run(self, tenant: object) -> None:
        """In a thread of its own, with a session of its own."""
        try:
            with in_tenant(tenant):  # type: ignore[arg-type]
                self.ended = answered(self._answer).content
        except BaseException as error:  # noqa: BLE001 - what the thread came to
            self.ended = error
        finally:
            connection.close()

    def _answer(self) -> HttpResponse:
        made = make_item()
        self.backend = connection.connection.info.backend_pid
        self.began.set()
        self.may_end.wait(30)
        return made


def make_item() -> HttpResponse:
    """The effect."""
    made = Item.objects.create(sku=f"I{Item.objects.count()}", name="Made")
    return HttpResponse(made.sku, status=201)


def answered(answer=make_item) -> HttpResponseBase:
    """Call with the one key of this module."""
    return answered_once(key="k", actor_id="till", route="POST x", body=b"{}", answer=answer)


@contextmanager
def running(tenant: object) -> Iterator[FirstCall]:
    """A first call that has begun; at the end it may end."""
    first = FirstCall()
    thread = threading.Thread(target=first.run, args=[tenant])
    thread.start()
    assert first.began.wait(30)
    try:
        yield first
    finally:
        first.may_end.set()
        thread.join()


@pytest.mark.req("INT-16")
def test_however_long_a_call_runs_no_other_begins(committed):
    with running(committed) as first, pytest.raises(StillRunningError):
        answered()

    again = answered()

    assert (first.ended, again.content, again["Idempotent-Replay"]) == (b"I0", b"I0", "true")
    assert Item.objects.count() == 1


@pytest.mark.req("INT-16")
def test_repeats_of_an_answered_call_do_not_wait_for_each_other(committed):
    answered()

    def repeat() -> set[tuple[bytes, str]]:
        return {(one.content, one["Idempotent-Replay"]) for one in (answered() for _ in range(20))}

    assert together(committed, *[repeat] * 8) == [{(b"I0", "true")}] * 8
    assert Item.objects.count() == 1


@pytest.mark.req("INT-16")
def test_a_call_whose_process_died_leaves_its_key_free_and_no_effect(committed):
    with running(committed) as first:
        with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as session:
            session.execute("SELECT pg_terminate_backend(%s, 5000)", [first.backend])
        again = answered()

    assert isinstance(first.ended, Exception)
    assert (again.status_code, again.content) == (201, b"I0")
    assert "Idempotent-Replay" not in again
    assert (Item.objects.count(), IdempotentAnswer.objects.count()) == (1, 1)


@pytest.mark.req("INT-16")
def test_inside_a_longer_transaction_the_second_effect_is_undone(committed):
    """The lock is given back before the transaction around ends; the constraint stands in."""

    def answer() -> HttpResponse:
        IdempotentAnswer.objects.create(
            actor_id="till", key="k", route="POST x", digest=b"", started_at=clock.now(), status=201
        )
        return make_item()

    with pytest.raises(StillRunningError), transaction.atomic():
        answered(answer)

    assert Item.objects.count() == 0
