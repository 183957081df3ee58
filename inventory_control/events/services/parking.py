"""Parking: what could not become an event is kept with its reason, until a person decides."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from django.db import connection, transaction

from inventory_control.audit.services import advance, advance_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import events_refused, tenant_label
from inventory_control.events import permissions
from inventory_control.events.models import DeadLetter
from inventory_control.events.states import DeadLetterStatus
from inventory_control.events.values import Refusal

_PARK = """
    INSERT INTO events_deadletter AS mine (
        source, source_id, received_from, received_at, outcome, code, field, reason, body,
        content, seen, status, decided_reason, waits_noun, waits_name, is_told
    )
    SELECT source, source_id, %s, %s, outcome, code, field, reason, body, content, seen, %s, '',
           waits_noun, waits_name, false
      FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                  %s::bytea[], %s::bytea[], %s::int[], %s::text[], %s::text[])
        AS r (source, source_id, outcome, code, field, reason, body, content, seen, waits_noun,
              waits_name)
     ORDER BY content
    ON CONFLICT (received_from, content) DO UPDATE SET
        seen = mine.seen + excluded.seen,
        outcome = CASE mine.status WHEN 'open' THEN excluded.outcome ELSE mine.outcome END,
        code = CASE mine.status WHEN 'open' THEN excluded.code ELSE mine.code END,
        field = CASE mine.status WHEN 'open' THEN excluded.field ELSE mine.field END,
        reason = CASE mine.status WHEN 'open' THEN excluded.reason ELSE mine.reason END,
        waits_noun = CASE mine.status WHEN 'open' THEN excluded.waits_noun ELSE mine.waits_noun END,
        waits_name = CASE mine.status WHEN 'open' THEN excluded.waits_name ELSE mine.waits_name END,
        is_told = mine.is_told AND mine.waits_noun = excluded.waits_noun
              AND mine.waits_name = excluded.waits_name
"""


def park(refusals: Sequence[Refusal], *, received_from: str) -> None:
    """Keep refused rows as dead letters; the same body again only counts up. One statement.

    A row that is still open takes the latest reason. Rows that wait for a name ring for it: it
    may have become known in the meantime.
    """
    if not refusals:
        return
    for refusal in refusals:
        events_refused.labels(tenant=tenant_label(), code=refusal.code).inc()
    contents = [hashlib.sha256(refusal.body).digest() for refusal in refusals]
    seen = Counter(contents)
    kept = dict(zip(contents, refusals, strict=True))
    waits = [refusal.waits_for or ("", "") for refusal in kept.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            _PARK,
            [
                received_from,
                clock.now(),
                DeadLetterStatus.OPEN,
                [r.source for r in kept.values()],
                [r.source_id for r in kept.values()],
                [r.outcome for r in kept.values()],
                [r.code for r in kept.values()],
                [r.field[:120] for r in kept.values()],
                [r.reason for r in kept.values()],
                [r.body for r in kept.values()],
                list(kept),
                [seen[content] for content in kept],
                [noun for noun, _ in waits],
                [name for _, name in waits],
            ],
        )
    if any(noun for noun, _ in waits):
        ring("names")
        ring("detect")
    ring("sources")


@transaction.atomic
def discard(letter: DeadLetter, *, reason: str, by: Actor) -> DeadLetter:
    """Give up on a dead letter, for a reason that is kept; a held row is rejected by it."""
    require(by, permissions.RETRY, letter)
    if not reason.strip():
        raise Refused("Say why this row is given up.", field="reason")
    discarded = advance(
        letter,
        DeadLetterStatus.DISCARDED,
        by=by,
        verb="dead_letter.discarded",
        decided_reason=reason,
    )
    if discarded.waits_noun:
        ring("detect")
    return discarded


def mark_retried(letters: Sequence[DeadLetter], *, by: Actor) -> None:
    """Close dead letters whose rows were accepted on a second try."""
    require(by, permissions.RETRY)
    advance_all(letters, DeadLetterStatus.RETRIED, by=by, verb="dead_letter.retried")
    if any(letter.waits_noun for letter in letters):
        ring("detect")


def mark_released(letter: DeadLetter, *, reason: str, by: Actor) -> None:
    """Close a held row that a person let post, for a reason that is kept."""
    require(by, permissions.RETRY, letter)
    advance(
        letter,
        DeadLetterStatus.RETRIED,
        by=by,
        verb="dead_letter.released",
        decided_reason=reason,
    )


@transaction.atomic
def note_refusals(refused: Mapping[int, Refusal]) -> None:
    """Give dead letters, by id, the reason they were refused for this time."""
    if not refused:
        return
    waits = [refusal.waits_for or ("", "") for refusal in refused.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE events_deadletter d
               SET outcome = r.outcome, code = r.code, field = r.field, reason = r.reason,
                   waits_noun = r.waits_noun, waits_name = r.waits_name, is_told = false
              FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[],
                          %s::text[], %s::text[])
                AS r (id, outcome, code, field, reason, waits_noun, waits_name)
             WHERE d.id = r.id
            """,
            [
                list(refused),
                [r.outcome for r in refused.values()],
                [r.code for r in refused.values()],
                [r.field[:120] for r in refused.values()],
                [r.reason for r in refused.values()],
                [noun for noun, _ in waits],
                [name for _, name in waits],
            ],
        )
    ring("detect")
