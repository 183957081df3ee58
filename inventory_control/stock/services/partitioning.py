"""Partitioning: a ledger that has grown is split by date, without moving a row."""

from __future__ import annotations

from django.conf import settings
from django.db import connection

from inventory_control.audit.services import record
from inventory_control.core.actors import Actor
from inventory_control.core.permissions import require
from inventory_control.stock import permissions


def split_ledger(*, by: Actor, most: int | None = None) -> bool:
    """Split the tenant's ledger when its newest part holds more than `most` entries, by default
    LEDGER_PARTITION_ENTRIES; says whether it was split.

    The default partition takes every entry no dated one claims, so a split that does not happen is
    never an error: it happens at the next look. The owner of the tables does it, through a
    function that knows only the caller's own ledger.
    """
    require(by, permissions.ADJUST)
    limit = settings.LEDGER_PARTITION_ENTRIES if most is None else most
    with connection.cursor() as cursor:
        cursor.execute("SELECT ic_sys.split_ledger(%s)", [limit])
        (is_split,) = cursor.fetchone()
    if is_split:
        record("ledger.split", subject=("ledger", "partitions"), by=by, data={"most": limit})
    return bool(is_split)
