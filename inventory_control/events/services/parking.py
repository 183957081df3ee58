"""Parking: what could not become an event is kept with its reason, until a person decides."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from django.db import connection

from inventory_control.audit.services import advance
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import events_refused, tenant_label
from inventory_control.events import permissions
from inventory_control.events.models import DeadLetter
from inventory_control.events.states import DeadLetterStatus
from inventory_control.events.values import Refusal


def park(refusals: Sequence[Refusal], *, received_from: str) -> None:
    """Keep refused rows as dead letters; the same body again only counts up. One statement."""
    if not refusals:
        return
    for refusal in refusals:
        events_refused.labels(tenant=tenant_label(), code=refusal.code).inc()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO events_deadletter (
                source, source_id, received_from, received_at, outcome, code, field, reason,
                body, content, seen, status, decided_reason
            )
            SELECT source, source_id, %s, %s, outcome, code, field, reason, body, content,
                   count(*), %s, ''
              FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                          %s::text[], %s::bytea[], %s::bytea[])
                AS r (source, source_id, outcome, code, field, reason, body, content)
             GROUP BY 1, 2, 5, 6, 7, 8, 9, 10
             ORDER BY content
            ON CONFLICT (received_from, content) DO UPDATE
                SET seen = events_deadletter.seen + excluded.seen
            """,
            [
                received_from,
                clock.now(),
                DeadLetterStatus.OPEN,
                [r.source for r in refusals],
                [r.source_id for r in refusals],
                [r.outcome for r in refusals],
                [r.code for r in refusals],
                [r.field[:120] for r in refusals],
                [r.reason for r in refusals],
                [r.body for r in refusals],
                [hashlib.sha256(r.code.encode() + b"\0" + r.body).digest() for r in refusals],
            ],
        )
    ring("sources")


def discard(letter: DeadLetter, *, reason: str, by: Actor) -> DeadLetter:
    """Give up on a dead letter, for a reason that is kept."""
    require(by, permissions.RETRY, letter)
    return advance(
        letter,
        DeadLetterStatus.DISCARDED,
        by=by,
        verb="dead_letter.discarded",
        decided_reason=reason,
    )


def mark_retried(letter: DeadLetter, *, by: Actor) -> DeadLetter:
    """Close a dead letter whose row was accepted on a second try."""
    require(by, permissions.RETRY, letter)
    return advance(letter, DeadLetterStatus.RETRIED, by=by, verb="dead_letter.retried")
