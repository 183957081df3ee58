"""Adding up days: the ledger's lines become sums per account and day, exactly once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.db import connection, transaction

from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.permissions import require
from inventory_control.core.sql import named_statements
from inventory_control.stock import permissions
from inventory_control.stock.models import LedgerWatermark

SKEW_MARGIN = timedelta(seconds=10)
"""How far the clocks of two servers may be apart."""
_SQL = named_statements(Path(__file__).parents[1] / "days.sql")


@transaction.atomic
def add_up_days(*, by: Actor) -> int:
    """Add what was posted since the last time to the days it happened on; returns the days touched.

    A line's place in the order of posting says nothing about when its transaction ends, so a look
    only takes in what was posted before the look before it, and only when every transaction of
    that time has ended. Nothing is taken in twice and nothing is missed.
    """
    require(by, permissions.READ)
    LedgerWatermark.objects.bulk_create([LedgerWatermark(pk=1)], ignore_conflicts=True)
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_SQL["look"])
        posted_until, candidate_at, is_complete, xid = cursor.fetchone()
        touched = 0
        if is_complete:
            until = candidate_at - SKEW_MARGIN
            if posted_until is None or until > posted_until:
                cursor.execute(_SQL["add"], {"after": posted_until, "until": until})
                touched, posted_until = int(cursor.rowcount), until
        if is_complete or candidate_at is None:
            LedgerWatermark.objects.update(
                posted_until=posted_until, candidate_at=now, candidate_xid=xid
            )
    return touched
