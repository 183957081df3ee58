"""Questions about how far behind the stages are."""

from __future__ import annotations

from django.db import connection

from inventory_control.audit.selectors import oldest_unsealed_at
from inventory_control.core import clock
from inventory_control.kpi.values import Backlog

POSTING = ("intake",)
"""The stages between receiving a message and posting it."""

_BACKLOGS = """
    WITH due (stage, since) AS (
        SELECT 'intake', received_at FROM events_inboundmessage WHERE status = 'due'
        UNION ALL
        SELECT consumer, noted_at FROM events_eventwork WHERE attempts < 5
        UNION ALL
        SELECT 'availability', posted_at FROM stock_stockmark
        UNION ALL
        SELECT 'detect', noted_at FROM availability_changednote
        UNION ALL
        SELECT 'workflows', started_at FROM workflows_workflowrun WHERE status = 'running'
        UNION ALL
        SELECT 'timers', due_at FROM timers_timer
         WHERE status = 'set' AND attempts < 5 AND due_at <= %(now)s
        UNION ALL
        SELECT 'deliver', queued_at FROM outbox_outboundcommand WHERE status = 'due'
    )
    SELECT stage, count(due.since),
           coalesce(extract(epoch FROM greatest(%(now)s - min(due.since), interval '0')), 0)
      FROM unnest(%(stages)s::text[]) AS known (stage) LEFT JOIN due USING (stage)
     GROUP BY stage
     ORDER BY stage
"""
_STAGES = ["intake", "orders", "availability", "detect", "workflows", "timers", "deliver"]


def backlogs() -> list[Backlog]:
    """What each stage of the current tenant still has to do; ages in product time."""
    with connection.cursor() as cursor:
        cursor.execute(_BACKLOGS, {"now": clock.now(), "stages": _STAGES})
        return [Backlog(stage, waiting, float(age)) for stage, waiting, age in cursor.fetchall()]


def oldest_due_seconds() -> int:
    """Age of the oldest row any stage still has to do, in seconds of product time."""
    return int(max(one.oldest_seconds for one in backlogs()))


def event_lag_seconds(found: list[Backlog]) -> float:
    """Age of the oldest message that was received and is not posted yet."""
    return max(one.oldest_seconds for one in found if one.stage in POSTING)


def oldest_unsealed_seconds() -> float:
    """Age of the oldest audit entry no sealed leaf covers, in seconds of real time."""
    since = oldest_unsealed_at()
    return 0.0 if since is None else max(0.0, (clock.real_now() - since).total_seconds())


def is_count_due() -> bool:
    """Counting keeps no rows of its own: a ring is all there is to it."""
    return False
