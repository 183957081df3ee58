"""Questions about how far behind the stages are."""

from __future__ import annotations

from django.db import connection

from inventory_control.core import clock

_OLDEST = """
    SELECT extract(epoch FROM greatest(
        %(now)s - (SELECT min(posted_at) FROM stock_stockmark),
        %(now)s - (SELECT min(noted_at) FROM availability_changedplace),
        %(now)s - (SELECT min(noted_at) FROM events_eventwork WHERE attempts < 5),
        %(now)s - (SELECT min(received_at) FROM events_inboundmessage WHERE status = 'due'),
        %(now)s - (SELECT min(queued_at) FROM outbox_outboundcommand WHERE status = 'due'),
        interval '0'
    ))::int
"""


def oldest_due_seconds() -> int:
    """Age of the oldest row any stage still has to do, in seconds of product time."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST, {"now": clock.now()})
        (seconds,) = cursor.fetchone()
    return int(seconds)


def is_count_due() -> bool:
    """Counting keeps no rows of its own: a ring is all there is to it."""
    return False
