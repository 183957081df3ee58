"""Commands on timers: set, cancel, fire."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from django.db import transaction

from inventory_control.audit.services import advance, advance_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import DomainError
from inventory_control.core.telemetry import log
from inventory_control.timers.models import Timer
from inventory_control.timers.states import TimerStatus

LAST_ATTEMPT = 5
Handler = Callable[[str], None]
_logger = log(__name__)


@transaction.atomic
def set_timer(*, kind: str, subject_id: str, key: str, due_at: datetime) -> Timer:
    """Set a timer once; the same key again returns the one there is, fired or not."""
    timer, _ = Timer.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "subject_id": subject_id,
            "due_at": due_at,
            "set_at": clock.now(),
        },
    )
    ring("timers")
    return timer


@transaction.atomic
def set_timers(*, kind: str, due: Mapping[str, datetime]) -> None:
    """Set one timer per subject; the same subject and moment again stays the one it was.

    A subject whose moment moved has a second timer: the first fires too, and finds nothing to do.
    """
    if not due:
        return
    now = clock.now()
    Timer.objects.bulk_create(
        (
            Timer(
                kind=kind,
                subject_id=subject,
                key=f"{kind}:{subject}:{due_at.timestamp():.0f}",
                due_at=due_at,
                set_at=now,
            )
            for subject, due_at in due.items()
        ),
        ignore_conflicts=True,
    )
    ring("timers")


def cancel_timers(*, kind: str, subjects: Collection[str], by: Actor) -> None:
    """Cancel what is still set of a kind for some subjects: their moment will mean nothing."""
    if not subjects:
        return
    still_set = Timer.objects.filter(kind=kind, subject_id__in=subjects, status=TimerStatus.SET)
    advance_all(list(still_set), TimerStatus.CANCELLED, by=by, verb="timer.cancelled")


def fire_due(handlers: Mapping[str, Handler], *, by: Actor) -> int:
    """Fire every timer that is due, oldest first, each in a transaction of its own.

    The handler's work and the mark commit together: a killed worker leaves the timer set, a
    second worker skips the locked row, so each fires exactly once and never early. A handler's
    refusal counts as an attempt; the fifth ends the timer. Returns how many fired.
    """
    fired = 0
    while (timer_id := _next_due()) is not None:
        fired += _fire(timer_id, handlers, by)
    return fired


def _next_due() -> int | None:
    return (
        Timer.objects.filter(
            status=TimerStatus.SET, due_at__lte=clock.now(), attempts__lt=LAST_ATTEMPT
        )
        .order_by("due_at", "id")
        .values_list("pk", flat=True)
        .first()
    )


def _fire(timer_id: int, handlers: Mapping[str, Handler], by: Actor) -> int:
    try:
        with transaction.atomic():
            timer = (
                Timer.objects.select_for_update()
                .filter(pk=timer_id, status=TimerStatus.SET)
                .first()
            )
            if timer is None:
                return 0
            handlers[timer.kind](timer.subject_id)
            advance(timer, TimerStatus.FIRED, by=by, verb="timer.fired", fired_at=clock.now())
        return 1
    except DomainError as error:
        _note_failure(timer_id, error, by)
        return 0


@transaction.atomic
def _note_failure(timer_id: int, error: DomainError, by: Actor) -> None:
    timer = Timer.objects.select_for_update().get(pk=timer_id)
    timer.attempts += 1
    timer.error = error.detail
    timer.save(update_fields=["attempts", "error"])
    _logger.warning("timer.failed", timer=timer.key, error=error.detail)
    if timer.attempts >= LAST_ATTEMPT:
        advance(timer, TimerStatus.DEAD, by=by, verb="timer.died")
