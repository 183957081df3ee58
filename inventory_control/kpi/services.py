"""Counting: the few figures of a tenant that its partner may see."""

from __future__ import annotations

from django.db import connection, transaction

from exceptions.selectors import counters
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.permissions import require
from inventory_control.events.selectors import dead_letter_count
from inventory_control.kpi import permissions
from inventory_control.kpi.rules import health_of
from inventory_control.kpi.selectors import oldest_due_seconds
from workflows.selectors import waiting_total


@transaction.atomic
def count_tenant(*, by: Actor) -> int:
    """Write the tenant's row of `TenantCounters` through the one function that may; returns 1.

    Counted at real time: a partner watches many tenants by one clock.
    """
    require(by, permissions.COUNT)
    counted = counters()
    dead, oldest = dead_letter_count(), oldest_due_seconds()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ic_sys.put_counters(%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                clock.real_now(),
                counted.open,
                counted.past_due,
                counted.at_stake,
                waiting_total(),
                dead,
                oldest,
                health_of(past_due=counted.past_due, dead_letters=dead, oldest_due_seconds=oldest),
            ],
        )
    return 1
