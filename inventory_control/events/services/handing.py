"""Handing over: each consumer of an event has work of its own, so that one failing stops no other.

A consumer is a name in `selectors.ROUTES` and a stage that calls `work_through`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import DatabaseError, connection, transaction

from inventory_control.audit.services import record_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import DomainError
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import log
from inventory_control.events import permissions
from inventory_control.events.errors import UnknownWorkError
from inventory_control.events.models import EventWork
from inventory_control.events.selectors import LAST_ATTEMPT

BATCH = 1_000
_CLAIM = """
    UPDATE events_eventwork SET attempts = attempts + 1
     WHERE id IN (
               SELECT id FROM events_eventwork
                WHERE consumer = %s AND attempts < %s AND id > %s
                ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
           )
    RETURNING id, event_id
"""
_logger = log(__name__)


def hand_over(work: Sequence[tuple[str, int]]) -> None:
    """Leave (consumer, event id) rows for the consumers of freshly posted events, and ring."""
    if not work:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO events_eventwork (consumer, event_id, noted_at, attempts, error)
            SELECT consumer, event_id, %s, 0, ''
              FROM unnest(%s::text[], %s::bigint[]) AS told (consumer, event_id)
            """,
            [clock.now(), [consumer for consumer, _ in work], [event for _, event in work]],
        )
    for consumer in sorted({consumer for consumer, _ in work}):
        ring(consumer)


def work_through(consumer: str, do: Callable[[Sequence[int]], None]) -> int:
    """Have a consumer deal with every event left for it; returns the events dealt with.

    `do` takes the ids of some events and runs in the transaction that takes their work away. The
    attempt is counted before the try, in a transaction of its own; a batch that fails is tried
    again event by event, so that one bad event stops no other. The fifth failure leaves the work
    where it is, dead, with its error.
    """
    done, last = 0, 0
    while claimed := _claim(consumer, last):
        last = claimed[-1][0]
        try:
            done += _dealt_with(claimed, do)
        except (DomainError, DatabaseError):
            done += sum(_dealt_with_alone(one, do, consumer) for one in claimed)
    return done


@transaction.atomic
def retry_work(work_ids: Sequence[int], *, by: Actor) -> int:
    """Have consumers try again what they gave up on, once its cause is mended; returns how many.

    All of them or none: raises `UnknownWorkError` for work that is not dead.
    """
    require(by, permissions.RETRY)
    wanted = sorted(set(work_ids))
    dead = list(
        EventWork.objects.select_for_update()
        .filter(pk__in=wanted, attempts__gte=LAST_ATTEMPT)
        .order_by("pk")
    )
    if missing := set(wanted) - {work.pk for work in dead}:
        raise UnknownWorkError(f"No consumer gave up on work {min(missing)}.", field="work")
    EventWork.objects.filter(pk__in=wanted).update(attempts=0, error="")
    told = {
        str(work.pk): {"consumer": work.consumer, "event": work.event_id, "error": work.error}
        for work in dead
    }
    record_all("event_work.retried", kind="eventwork", subjects=told, by=by)
    for consumer in sorted({work.consumer for work in dead}):
        ring(consumer)
    return len(dead)


@transaction.atomic
def _claim(consumer: str, last: int) -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [consumer, LAST_ATTEMPT, last, BATCH])
        return sorted(cursor.fetchall())


@transaction.atomic
def _dealt_with(claimed: Sequence[tuple[int, int]], do: Callable[[Sequence[int]], None]) -> int:
    """Do the work and take it away; what another worker dealt with meanwhile is not counted."""
    do([event_id for _, event_id in claimed])
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM events_eventwork WHERE id = ANY(%s)", [[pk for pk, _ in claimed]]
        )
        return int(cursor.rowcount)


def _dealt_with_alone(
    one: tuple[int, int], do: Callable[[Sequence[int]], None], consumer: str
) -> int:
    try:
        return _dealt_with([one], do)
    except (DomainError, DatabaseError) as error:
        EventWork.objects.filter(pk=one[0]).update(error=str(error)[:500])
        _logger.warning("event.not_consumed", consumer=consumer, event_id=one[1], error=str(error))
        return 0
