"""Previewing: a replay is counted before it may start, and starts on the number counted."""

from __future__ import annotations

from django.db import transaction

from connectors.errors import PreviewMismatchError, StalePreviewError
from connectors.models import Replay
from connectors.rules import is_fresh_preview, scope_fault
from connectors.selectors import (
    ceilings,
    count_events,
    letters_within,
    messages_within,
    replay_of,
    scope_of,
)
from connectors.services.rereading import (
    fresh_in,
    refuse_held_events,
    refuse_held_rows,
    rows_of_letters,
    rows_of_messages,
)
from connectors.states import ReplayStatus
from connectors.values import ReplayScope
from inventory_control.audit.services import advance, record
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import correlation_id
from inventory_control.events import permissions
from inventory_control.events.models import InventoryEvent
from inventory_control.events.rules import EVENT_TYPES

CHUNK = 200
MOST_BODIES = 10_000
"""Messages and dead letters a preview reads; each is decoded to see what it would become."""


@transaction.atomic
def preview_replay(scope: ReplayScope, *, reason: str, by: Actor) -> Replay:
    """Count what a replay would take in, and how much of it would be new; nothing is posted.

    What it will cover is fixed here. Raises `LegalHoldError` when a hold covers any of it.
    """
    require(by, permissions.REPLAY)
    words = _checked(scope, reason)
    last_event, last_message, last_letter = ceilings()
    refuse_held_events(scope, after=0, last=last_event)
    events, first_event, last_event = count_events(scope, last=last_event)
    messages, fresh_of_messages = _count_messages(scope, last_message)
    letters, fresh_of_letters = _count_letters(scope, last_letter)
    replay: Replay = Replay.objects.create(
        source=scope.source,
        type=scope.type,
        since=scope.since,
        until=scope.until,
        event_id=scope.event_id,
        reason=words,
        last_event=last_event,
        last_message=last_message,
        last_letter=last_letter,
        events=events,
        reached=max(0, first_event - 1),
        messages=messages,
        letters=letters,
        fresh=fresh_of_messages + fresh_of_letters,
        previewed_at=clock.now(),
        previewed_by=by.id,
        correlation_id=correlation_id(),
    )
    record(
        "replay.previewed",
        subject=("replay", str(replay.pk)),
        by=by,
        data={
            "source": scope.source,
            "type": scope.type,
            "since": scope.since,
            "until": scope.until,
            "event": scope.event_id,
            "reason": words,
            "count": replay.total,
            "fresh": replay.fresh,
        },
    )
    return replay


@transaction.atomic
def start_replay(replay_id: int, *, confirmed: int, by: Actor) -> Replay:
    """Start what was previewed; `confirmed` is the number the preview counted.

    Raises `PreviewMismatchError`, `StalePreviewError`, `LegalHoldError` for a hold placed since,
    `IllegalMove` when it was started or stopped before.
    """
    require(by, permissions.REPLAY)
    replay = replay_of(replay_id)
    if confirmed != replay.total:
        raise PreviewMismatchError(
            f"The preview counted {replay.total:,}, not {confirmed:,}.", field="confirmed"
        )
    if not is_fresh_preview(replay.previewed_at, clock.now()):
        raise StalePreviewError
    _refuse_held(replay)
    started = advance(
        replay,
        ReplayStatus.RUNNING,
        by=by,
        verb="replay.started",
        started_at=clock.now(),
        started_by=by.id,
    )
    ring("replay")
    return started


def stop_replay(replay_id: int, *, reason: str, by: Actor) -> Replay:
    """Stop a replay, or throw a preview away; what was taken in again stays."""
    require(by, permissions.REPLAY)
    if not reason.strip():
        raise Refused("Say why in reason.", field="reason")
    return advance(
        replay_of(replay_id),
        ReplayStatus.STOPPED,
        by=by,
        verb="replay.stopped",
        finished_at=clock.now(),
        error=reason.strip()[:500],
    )


def _checked(scope: ReplayScope, reason: str) -> str:
    fault = scope_fault(scope, EVENT_TYPES)
    if fault is not None:
        raise Refused(fault[1], field=fault[0])
    if scope.event_id is not None and not InventoryEvent.objects.filter(pk=scope.event_id).exists():
        raise Refused(f"There is no event {scope.event_id}.", field="event_id")
    words = reason.strip()
    if not words or len(words) > 300:
        raise Refused("Say why in reason, in at most 300 characters.", field="reason")
    return words


def _refuse_held(replay: Replay) -> None:
    scope = scope_of(replay)
    refuse_held_events(scope, after=0, last=replay.last_event)
    _count_messages(scope, replay.last_message)
    _count_letters(scope, replay.last_letter)


def _count_messages(scope: ReplayScope, last: int) -> tuple[int, int]:
    """How many messages a scope holds and how many new events they would make."""
    count, fresh, after = 0, 0, 0
    while chunk := list(messages_within(scope, after=after, last=last)[:CHUNK]):
        after, count = chunk[-1].pk, count + len(chunk)
        _refuse_many(count)
        rows = rows_of_messages(chunk, scope)
        refuse_held_rows(rows)
        fresh += fresh_in(rows)
    return count, fresh


def _count_letters(scope: ReplayScope, last: int) -> tuple[int, int]:
    """How many dead letters a scope holds and how many would now become events."""
    count, fresh, after = 0, 0, 0
    while chunk := list(letters_within(scope, after=after, last=last)[:CHUNK]):
        after = chunk[-1].pk
        rows = rows_of_letters(chunk, scope)
        count += len(rows)
        _refuse_many(count)
        refuse_held_rows(rows)
        fresh += fresh_in(rows)
    return count, fresh


def _refuse_many(count: int) -> None:
    if count > MOST_BODIES:
        raise Refused(
            f"More than {MOST_BODIES:,} messages or dead letters; narrow the window or the source.",
            field="since",
        )
