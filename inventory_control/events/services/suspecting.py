"""Suspecting: one business message that comes again under another id waits for a person (EVT-08)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from inventory_control.core.sql import hot, hot_later, numbers, texts, times
from inventory_control.events.rules import message_of
from inventory_control.events.states import SUSPECTABLE, Outcome
from inventory_control.events.values import EventDraft, Gate, Refusal

CODE = "suspected_duplicate"
_Message = tuple[object, ...]

# Two twins of one moment would not see each other: whoever asks about a message holds it first.
_HOLD = """
    SELECT pg_advisory_xact_lock(message)
      FROM (SELECT unnest(%s::bigint[]) AS message ORDER BY 1) AS asked
"""
# LIMIT makes each look an index probe, whatever the planner expects; an EXISTS could be hashed.
_TWINS = """
    SELECT asked.n,
           (
               SELECT true FROM events_sourcekey k
                WHERE k.source = asked.source AND k.source_id = asked.source_id
                LIMIT 1
           ) IS NOT NULL,
           (
               SELECT e.source_id
                 FROM events_inventoryevent e
                WHERE e.type IN (:types)
                  AND e.details ->> 'document' = asked.document
                  AND e.item_id = asked.item_id
                  AND e.node_id = asked.node_id
                  AND e.type = asked.type
                  AND e.source = asked.source
                  AND e.source_id <> asked.source_id
                  AND e.quantity = asked.quantity
                  AND e.occurred_at BETWEEN asked.since AND asked.until
                  AND (e.details -> 'to_node') IS NOT DISTINCT FROM (asked.details -> 'to_node')
                  AND (e.details -> 'order') IS NOT DISTINCT FROM (asked.details -> 'order')
                  AND (e.details -> 'line') IS NOT DISTINCT FROM (asked.details -> 'line')
                  AND (e.details -> 'lot') IS NOT DISTINCT FROM (asked.details -> 'lot')
                  AND (e.details -> 'serial') IS NOT DISTINCT FROM (asked.details -> 'serial')
                  AND (e.details #> '{attributes,delivery}')
                      IS NOT DISTINCT FROM (asked.details #> '{attributes,delivery}')
                  AND (
                          SELECT true FROM events_correction c
                           WHERE c.fact_id = e.id AND c.is_standing
                           LIMIT 1
                      ) IS NULL
                LIMIT 1
           )
      FROM unnest(
               %(n)s::int[], %(source)s::text[], %(source_id)s::text[], %(type)s::text[],
               %(document)s::text[], %(item_id)s::bigint[], %(node_id)s::bigint[],
               %(quantity)s::bigint[], %(since)s::timestamptz[], %(until)s::timestamptz[],
               %(details)s::jsonb[]
           ) AS asked (
               n, source, source_id, type, document, item_id, node_id, quantity, since, until,
               details
           )
     ORDER BY asked.n
""".replace(":types", ", ".join(f"'{one}'" for one in SUSPECTABLE))


def hold_suspects(
    drafts: Sequence[EventDraft | Refusal], gate: Gate | None
) -> list[EventDraft | Refusal]:
    """Turn drafts that repeat a business message under another id into held rows.

    Costs one exchange with the server, and only for batches with events of the types that policy
    names. What comes again under its own id is no suspect: posting answers it as a duplicate.
    """
    messages = _messages(drafts, gate)
    if gate is None or not messages:
        return list(drafts)
    asked = [(place, draft) for place, (draft, _) in messages.items()]
    hot_later(_HOLD, [numbers(sorted({_lock_of(message) for _, message in messages.values()}))])
    answer = list(drafts)
    first: dict[_Message, EventDraft] = {}
    for n, is_known, twin in hot(_TWINS, _parameters(asked, gate.suspect_within)):
        draft, message = messages[n]
        before = first.setdefault(message, draft)
        if is_known:
            continue
        if twin is None and _is_twin(before, draft, gate.suspect_within):
            twin = before.event.source_id
        if twin is not None:
            answer[n] = _held(draft, twin)
    return answer


def _messages(
    drafts: Sequence[EventDraft | Refusal], gate: Gate | None
) -> dict[int, tuple[EventDraft, _Message]]:
    """The business messages among drafts, by their places."""
    if gate is None or not gate.suspect_types:
        return {}
    return {
        place: (draft, message)
        for place, draft in enumerate(drafts)
        if isinstance(draft, EventDraft)
        and draft.event.type in gate.suspect_types
        and (message := message_of(draft)) is not None
    }


def _is_twin(before: EventDraft, draft: EventDraft, within: timedelta) -> bool:
    return (
        before.event.source_id != draft.event.source_id
        and abs(before.event.occurred_at - draft.event.occurred_at) <= within
    )


def _parameters(asked: Sequence[tuple[int, EventDraft]], within: timedelta) -> dict[str, str]:
    drafts = [draft for _, draft in asked]
    return {
        "n": numbers(place for place, _ in asked),
        "source": texts(draft.source for draft in drafts),
        "source_id": texts(draft.event.source_id for draft in drafts),
        "type": texts(draft.event.type for draft in drafts),
        "document": texts(draft.event.document for draft in drafts),
        "item_id": numbers(draft.item_id for draft in drafts),
        "node_id": numbers(draft.node_id for draft in drafts),
        "quantity": numbers(draft.event.quantity for draft in drafts),
        "since": times(draft.event.occurred_at - within for draft in drafts),
        "until": times(draft.event.occurred_at + within for draft in drafts),
        "details": texts(draft.details.decode() for draft in drafts),
    }


def _lock_of(message: _Message) -> int:
    """A number to lock a message by; that two share one costs a wait and nothing else."""
    digest = hashlib.sha256(repr(message).encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def _held(draft: EventDraft, twin: str) -> Refusal:
    return Refusal(
        outcome=Outcome.HELD,
        code=CODE,
        field="source_id",
        reason=f"Says the same as event {twin} of {draft.source}. Release it if it happened twice, "
        "reject it if it was sent twice.",
        body=draft.raw,
        source=draft.source,
        source_id=draft.event.source_id,
    )
