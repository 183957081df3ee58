"""Positions of the past: whole days added up, exact at every moment, whatever arrives late."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction

from inventory_control.core import clock
from inventory_control.core.tenancy import in_tenant
from inventory_control.stock.models import LedgerDay, LedgerEntry, LedgerWatermark
from inventory_control.stock.selectors import position_as_of
from inventory_control.stock.services import add_up_days
from tests.factories import SYSTEM, event, hour, item, node, outcomes

A_MINUTE = timedelta(minutes=1)


def straight(item_id: int, node_id: int, moment: datetime) -> dict[str, int]:
    """The same question asked of every line."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, sum(quantity) FROM stock_ledgerentry WHERE item_id = %s"
            " AND node_id = %s AND occurred_at <= %s GROUP BY state",
            [item_id, node_id, moment],
        )
        return {state: int(units) for state, units in cursor.fetchall()}


@pytest.fixture
def minutes() -> Iterator[Iterator[datetime]]:
    """Product time that goes on by a minute whenever it is asked, and never back."""
    start = clock.now()
    return (start + number * A_MINUTE for number in itertools.count())


def posted(minutes: Iterator[datetime], *bodies: dict[str, Any]) -> None:
    with clock.frozen_at(next(minutes)):
        outcomes(*bodies)


def look(minutes: Iterator[datetime]) -> datetime | None:
    """One look; up to which moment days are complete then."""
    with clock.frozen_at(next(minutes)):
        add_up_days(by=SYSTEM)
    return LedgerWatermark.objects.get().posted_until


def look_until_complete(minutes: Iterator[datetime]) -> None:
    """Look until what was posted by now is taken in.

    Transactions of other tests on the same server count too, and may take their time to end.
    """
    wanted, patience = next(minutes), time.monotonic() + 60
    while (until := look(minutes)) is None or until < wanted:
        assert time.monotonic() < patience
        time.sleep(0.05)


@pytest.mark.req("LED-22")
def test_the_past_reads_the_same_with_days_and_without(committed, minutes):
    made, place = item(), node()
    rng = random.Random(4)
    for _ in range(6):
        facts = [
            event(
                rng.choice(["sale.recorded", "receipt.recorded", "return.received"]),
                rng.randrange(1, 9),
                occurred_at=hour(rng.randrange(0, 70)),
            )
            for _ in range(20)
        ]
        posted(
            minutes,
            *facts,
            event("stock.counted", rng.randrange(40), occurred_at=hour(35)),
        )
        look(minutes)
        look(minutes)
    look_until_complete(minutes)
    posted(minutes, event("sale.recorded", 3, occurred_at=hour(20)))

    assert LedgerDay.objects.count() > 4
    for moment in [*(hour(n) + timedelta(minutes=7) for n in range(-2, 74, 3)), hour(24), hour(48)]:
        found = position_as_of(made.pk, place.pk, moment)
        wanted = straight(made.pk, place.pk, moment)
        assert {k: v for k, v in found.items() if v} == {k: v for k, v in wanted.items() if v}


@pytest.mark.req("LED-22")
def test_a_look_takes_in_only_what_is_complete_and_everything_once(committed, minutes):
    item()
    node()
    posted(minutes, event("receipt.recorded", 10, occurred_at=hour(1)))

    look(minutes)
    assert LedgerDay.objects.count() == 0
    look_until_complete(minutes)
    assert LedgerDay.objects.get(state="sellable").quantity == 10
    look(minutes)
    posted(minutes, event("sale.recorded", 4, occurred_at=hour(2)))
    look(minutes)
    posted(minutes, event("sale.recorded", 1, occurred_at=hour(2)))
    look_until_complete(minutes)

    assert LedgerDay.objects.get(state="sellable").quantity == 5
    total = sum(LedgerEntry.objects.values_list("quantity", flat=True))
    assert sum(LedgerDay.objects.values_list("quantity", flat=True)) == total == 0


@pytest.mark.req("LED-22")
def test_what_an_open_transaction_posts_is_not_missed(committed, minutes, django_db_blocker):
    made, place = item(), node()
    posted(minutes, event("receipt.recorded", 10, occurred_at=hour(1)))
    is_posted, may_end, at = threading.Event(), threading.Event(), next(minutes)

    def post_slowly() -> None:
        with django_db_blocker.unblock():
            with in_tenant(committed), clock.frozen_at(at), transaction.atomic():
                outcomes(event("receipt.recorded", 5, occurred_at=hour(1)))
                is_posted.set()
                may_end.wait(120)
            connections.close_all()

    slow = threading.Thread(target=post_slowly)
    slow.start()
    assert is_posted.wait(60)
    assert {look(minutes) for _ in range(4)} == {None}
    may_end.set()
    slow.join()
    look_until_complete(minutes)

    assert LedgerDay.objects.get(state="sellable").quantity == 15
    assert position_as_of(made.pk, place.pk, hour(30))["sellable"] == 15
