"""Posting: idempotent, set-based, replayable; the only way stock changes.

A batch is one statement (`posting.sql`), one audit entry and the bells it rings, in one
transaction. The order in which events arrive never matters: see `rules.judge` and `folding`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

from inventory_control.audit.merkle import root_of
from inventory_control.audit.services import record
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import DomainError
from inventory_control.core.permissions import require
from inventory_control.core.sql import blobs, hot, numbers, pipelined, probe_only, texts, times
from inventory_control.core.telemetry import correlation_id, events_posted, tenant_label
from inventory_control.events import permissions
from inventory_control.events.rules import utc_day
from inventory_control.events.selectors import (
    SUBSCRIBERS,
    gate_in_force,
    route_of,
    subscribed_types,
)
from inventory_control.events.services import (
    Reading,
    draft_events,
    hand_over,
    hold,
    hold_suspects,
    note_redeliveries,
    park,
    read_rows,
    take_held,
)
from inventory_control.events.states import Kind, Outcome
from inventory_control.events.values import EventDraft, Posted, Refusal
from inventory_control.stock.errors import ContentionError
from inventory_control.stock.rules import claim_of, entries_for
from inventory_control.stock.services.correcting import (
    Correction,
    corrections_of,
    keep_corrections,
)
from inventory_control.stock.services.folding import refold
from inventory_control.stock.states import State
from inventory_control.stock.values import ClaimChange, Leg

_T = TypeVar("_T")
TRIES = 5
_STATEMENT = (Path(__file__).parents[1] / "posting.sql").read_text(encoding="utf-8")
_LOST = "demand.lost"
_DEMAND_TYPES = frozenset({"sale.recorded", "order.shipped", _LOST})
_NODE_STATES = frozenset(State)


class _KeyRaceError(Exception):
    """Another transaction took one of an event's two keys meanwhile; the batch starts again."""


@dataclass(slots=True)
class _Line:
    """One draft on its way: what it will write, and what became of it."""

    draft: EventDraft
    legs: tuple[Leg, ...] = ()
    claim: ClaimChange | None = None
    correction: Correction | None = None
    posted: Posted | None = None
    is_late: bool = False
    is_awaited: bool = False
    refusal: Refusal | None = field(default=None)

    @property
    def changes_stock(self) -> bool:
        """Whether it moves, claims, counts or recounts anything."""
        is_restated = self.correction is not None and self.correction.restates is not None
        is_count = self.draft.kind == Kind.ASSERT
        return bool(self.legs) or self.claim is not None or is_count or is_restated


def post_events(drafts: Sequence[EventDraft], *, by: Actor) -> list[Posted]:
    """Post a batch of drafts, each exactly once; one event is a batch of one.

    Answers one `Posted` per draft, in order: posted, noted (a signal), held (a correction whose
    original has not come), duplicate, conflict (same id, other content; the body is kept),
    quarantined (the ledger has no such move, or the day is locked; the body is kept). Deadlocks
    and serialisation failures repeat the whole batch, at most five times; then `ContentionError`
    and nothing is written.
    """
    require(by, permissions.WRITE)
    return in_one_transaction(lambda: drafts_posted(drafts, by=by))


def post_rows(
    rows: Sequence[bytes],
    *,
    received_from: str,
    may_speak_for: Callable[[str], bool],
    by: Actor,
    is_ours: bool = False,
) -> list[Posted | Refusal]:
    """Decode, validate and post a batch of raw JSON rows; keep those that are refused.

    Everything a road in needs, in one transaction with few waits: `draft_events`,
    `hold_suspects`, `park` and `post_events`, whose refusals and repeats it shares. One answer
    per row, in order. `is_ours` is for rows the product itself has written, in its version.
    """
    return in_one_transaction(
        lambda: rows_posted(
            read_rows(rows),
            received_from=received_from,
            may_speak_for=may_speak_for,
            by=by,
            is_ours=is_ours,
        )
    )


def rows_posted(
    reading: Reading,
    *,
    received_from: str,
    may_speak_for: Callable[[str], bool],
    by: Actor,
    correlations: Sequence[str] | None = None,
    is_ours: bool = False,
) -> list[Posted | Refusal]:
    """What `post_rows` does, inside the caller's `in_one_transaction`.

    `correlations` gives each row its own correlation id where they came by different requests.
    """
    require(by, permissions.WRITE)
    drafts = draft_events(
        reading,
        received_from=received_from,
        may_speak_for=may_speak_for,
        by=by,
        correlations=correlations,
        is_ours=is_ours,
    )
    drafts = hold_suspects(drafts, reading.gate())
    park([one for one in drafts if isinstance(one, Refusal)], received_from=received_from)
    posted = iter(drafts_posted([one for one in drafts if isinstance(one, EventDraft)], by=by))
    return [one if isinstance(one, Refusal) else next(posted) for one in drafts]


def in_one_transaction(post: Callable[[], list[_T]]) -> list[_T]:
    """Run a batch, again as a whole after what another transaction caused."""
    for _ in range(TRIES):
        try:
            is_whole = not connection.in_atomic_block
            with transaction.atomic(), pipelined(commits=is_whole):
                probe_only()
                return post()
        except _KeyRaceError:
            continue
        except OperationalError as error:
            if isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
                continue
            raise
    raise ContentionError


def drafts_posted(drafts: Sequence[EventDraft], *, by: Actor) -> list[Posted]:
    """What `post_events` does, inside the caller's `in_one_transaction`."""
    lines = [_lined(draft) for draft in drafts]
    if lines:
        _post(lines, by)
    return [_outcome(line) for line in lines]


def _lined(draft: EventDraft) -> _Line:
    try:
        return _Line(draft, legs=entries_for(draft), claim=claim_of(draft))
    except DomainError as error:
        return _Line(draft, refusal=_refusal(draft, Outcome.QUARANTINED, error.code, error))


def _post(lines: list[_Line], by: Actor) -> None:
    open_lines = [line for line in lines if line.refusal is None and not line.draft.is_settled]
    corrections = [line for line in open_lines if line.draft.kind == Kind.CORRECT]
    wanted = subscribed_types()
    _post_lines([line for line in open_lines if line.draft.kind != Kind.CORRECT])
    if corrections:
        _post_corrections(corrections)
    _explain_absent([line for line in lines if line.refusal is None and line.posted is None])
    _keep_refused(lines)
    if known := [
        (line.draft.source, line.draft.received_from) for line in lines if _is_known(line)
    ]:
        note_redeliveries(known)

    fresh = [line for line in lines if line.posted and line.posted.outcome in _FRESH]
    if not fresh:
        return
    refold(
        asserted=[
            (line.draft, line.posted.event_id)
            for line in fresh
            if line.draft.kind == Kind.ASSERT and line.posted and line.posted.event_id
        ],
        late=[_late(line) for line in fresh if line.is_late],
        restated={
            line.correction.fact_id: line.correction.restates[0]
            for line in fresh
            if line.correction is not None and line.correction.restates is not None
        },
    )
    hand_over(_routed(fresh, {name for (name,) in wanted.rows()}))
    _record(fresh, by)
    if any(line.changes_stock or _demand(line) for line in fresh):
        ring("availability")
    _release_held(fresh, by)


_FRESH = frozenset({Outcome.POSTED, Outcome.NOTED})


def _post_lines(lines: Sequence[_Line]) -> None:
    """Run the posting statement over lines whose keys are distinct, and note what is new."""
    first: dict[tuple[str, str], _Line] = {}
    for line in lines:
        first.setdefault(line.draft.key, line)
    batch = list(first.values())
    if not batch:
        return
    for n, event_id, is_late, is_awaited in hot(_STATEMENT, _parameters(batch)):
        line = batch[n]
        line.posted = Posted(Outcome.POSTED if line.changes_stock else Outcome.NOTED, event_id)
        line.is_late, line.is_awaited = is_late, is_awaited


def _parameters(batch: Sequence[_Line]) -> dict[str, Any]:
    drafts = [line.draft for line in batch]
    events = [draft.event for draft in drafts]
    legs = [(n, leg, _fold_time(line)) for n, line in enumerate(batch) for leg in line.legs]
    claims = [(n, line.claim) for n, line in enumerate(batch) if line.claim is not None]
    demand = [_demand(line) or _NO_DEMAND for line in batch]
    return {
        "now": clock.now(),
        "correlation_id": texts(draft.correlation_id for draft in drafts),
        "n": numbers(range(len(batch))),
        "source": texts(draft.source for draft in drafts),
        "source_id": texts(event.source_id for event in events),
        "business_key": texts(event.business_key for event in events),
        "type": texts(event.type for event in events),
        "kind": texts(draft.kind for draft in drafts),
        "occurred_at": times(event.occurred_at for event in events),
        "item_id": numbers((line.correction or line.draft).item_id for line in batch),
        "node_id": numbers((line.correction or line.draft).node_id for line in batch),
        "quantity": numbers(event.quantity for event in events),
        "details": texts(draft.details.decode() for draft in drafts),
        "raw": blobs(draft.raw for draft in drafts),
        "content": blobs(draft.content for draft in drafts),
        "received_from": texts(draft.received_from for draft in drafts),
        "flags": texts(" ".join(draft.flags) for draft in drafts),
        "corrects": numbers(line.correction.fact_id if line.correction else None for line in batch),
        "demand_day": times(day for day, _, _, _ in demand),
        "sold": numbers(sold for _, sold, _, _ in demand),
        "lost": numbers(lost for _, _, lost, _ in demand),
        "lines": numbers(lines for _, _, _, lines in demand),
        "schema_version": numbers(draft.version for draft in drafts),
        "leg_n": numbers(n for n, _, _ in legs),
        "leg_item": numbers(leg.item_id for _, leg, _ in legs),
        "leg_node": numbers(leg.node_id for _, leg, _ in legs),
        "leg_state": texts(leg.state for _, leg, _ in legs),
        "leg_lot": texts(leg.lot for _, leg, _ in legs),
        "leg_quantity": numbers(leg.quantity for _, leg, _ in legs),
        "leg_at": times(at for _, _, at in legs),
        "claim_n": numbers(n for n, _ in claims),
        "claim_key": texts(claim.key for _, claim in claims),
        "claim_item": numbers(claim.item_id for _, claim in claims),
        "claim_node": numbers(claim.node_id for _, claim in claims),
        "claim_channel": texts(claim.channel for _, claim in claims),
        "claim_committed": numbers(claim.committed for _, claim in claims),
        "claim_confirmed": numbers(claim.confirmed for _, claim in claims),
        "claim_shipped": numbers(claim.shipped for _, claim in claims),
        "claim_released": numbers(claim.released for _, claim in claims),
    }


def _post_corrections(lines: list[_Line]) -> None:
    """Post corrections with what they make of their facts; hold those that wait for one."""
    found = corrections_of([line.draft for line in lines], gate_in_force())
    ready: list[_Line] = []
    for line, correction in zip(lines, found, strict=True):
        if correction is None:
            hold(line.draft)
            line.posted = Posted(Outcome.HELD, None, "Held until the event it corrects arrives.")
        elif correction.is_locked:
            line.refusal = _locked(line.draft, "corrects")
        else:
            line.correction = correction
            line.legs, line.claim = correction.legs, correction.claim
            ready.append(line)
    _post_lines(ready)
    posted = []
    for line in ready:
        done, answer = line.correction, line.posted
        if done is None or done.is_known:
            continue
        if answer is None or answer.event_id is None:
            # Those behind it in the batch were worked out as if it had been posted.
            raise _KeyRaceError
        posted.append((line.draft, done, answer.event_id))
    keep_corrections(posted)


def _explain_absent(lines: Sequence[_Line]) -> None:
    """Say of rows the statement left out whether they repeat an event or contradict one."""
    if not lines:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT n, s.event_id, s.content, b.event_id, e.id
              FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[])
                AS asked (n, source, source_id, business_key)
              LEFT JOIN events_sourcekey s USING (source, source_id)
              LEFT JOIN events_businesskey b ON b.key = asked.business_key
              LEFT JOIN events_inventoryevent e ON e.id = b.event_id
            """,
            [
                list(range(len(lines))),
                [line.draft.source for line in lines],
                [line.draft.event.source_id for line in lines],
                [line.draft.event.business_key for line in lines],
            ],
        )
        known = cursor.fetchall()
    for n, by_source, content, by_business, business_event in known:
        line = lines[n]
        if by_source is not None and bytes(content) != line.draft.content:
            line.refusal = _refusal(
                line.draft,
                Outcome.CONFLICT,
                "content_conflict",
                f"Event id {line.draft.event.source_id} was used before with other content.",
            )
            line.posted = Posted(
                Outcome.CONFLICT, by_source, line.refusal.reason, line.refusal.code, "source_id"
            )
        elif by_source is not None:
            line.posted = Posted(Outcome.DUPLICATE, by_source)
        elif business_event is not None:
            line.posted = Posted(Outcome.DUPLICATE, by_business, "Known by its business key.")
        elif line.draft.is_settled:
            line.refusal = _locked(line.draft, "occurred_at")
        else:
            raise _KeyRaceError


def _is_known(line: _Line) -> bool:
    return line.posted is not None and line.posted.outcome == Outcome.DUPLICATE


def _keep_refused(lines: Sequence[_Line]) -> None:
    refused: dict[str, list[Refusal]] = {}
    for line in lines:
        if line.refusal is not None:
            refused.setdefault(line.draft.received_from, []).append(line.refusal)
    for received_from, refusals in refused.items():
        park(refusals, received_from=received_from)


def _late(line: _Line) -> tuple[tuple[Leg, ...], object, str, str]:
    """What the fold needs of a late move: its legs and the key it stands at."""
    if line.correction is not None:
        at, source, source_id = line.correction.stands_at
        return line.legs, at, source, source_id
    return line.legs, line.draft.event.occurred_at, *line.draft.key


def _fold_time(line: _Line) -> datetime | None:
    """When a correction stands; None for an event, which stands when it occurred."""
    return None if line.correction is None else line.correction.stands_at[0]


_NO_DEMAND = (None, 0, 0, 0)


def _demand(line: _Line) -> tuple[date, int, int, int] | None:
    """What a line adds to the demand of a day: the day, units sold, units lost, order lines.

    A correction adds what it changes, so that no day has to be added up anew.
    """
    done = line.correction
    if done is None:
        event = line.draft.event
        told, day, units = event.type, utc_day(event.occurred_at), event.quantity or 0
        lines = int(units > 0)
    else:
        told, day, units = done.fact_type, utc_day(done.stands_at[0]), done.change
        lines = int(done.stands > 0) - int(done.stands - units > 0)
    if told not in _DEMAND_TYPES:
        return None
    return (day, 0, units, lines) if told == _LOST else (day, units, 0, lines)


def _routed(fresh: Sequence[_Line], subscribed: Collection[str]) -> list[tuple[str, int]]:
    """Which consumer deals with which event; a correction goes where its original went."""
    told = [
        (SUBSCRIBERS, line.posted.event_id)
        for line in fresh
        if line.draft.event.type in subscribed
        and line.posted is not None
        and line.posted.event_id is not None
    ]
    return told + [
        (consumer, line.posted.event_id)
        for line in fresh
        for consumer in route_of(
            line.correction.fact_type if line.correction else line.draft.event.type,
            # What a correction is about may name a serial that it does not repeat itself.
            has_serial=line.draft.event.serial is not None or line.correction is not None,
        )
        if line.posted is not None and line.posted.event_id is not None
    ]


def _record(fresh: Sequence[_Line], by: Actor) -> None:
    """One audit entry for the batch, with the root over its event ids and contents (D8)."""
    events = [
        (line.posted.event_id, line.draft.content) for line in fresh if line.posted is not None
    ]
    ids = [event_id for event_id, _ in events if event_id is not None]
    root = root_of([f"{event_id}:".encode() + content for event_id, content in events])
    data: dict[str, object] = {
        "count": len(ids),
        "first": min(ids),
        "last": max(ids),
        "root": root.hex(),
    }
    correlations = list(dict.fromkeys(line.draft.correlation_id for line in fresh))
    if correlations != [correlation_id()]:
        data["correlation_ids"] = correlations
    record("events.posted", subject=("batch", str(min(ids))), by=by, data=data)
    events_posted.labels(tenant=tenant_label()).inc(len(ids))


def _release_held(fresh: Sequence[_Line], by: Actor) -> None:
    """Post the corrections that waited for events of this batch."""
    keys = [line.draft for line in fresh if line.is_awaited]
    if not keys:
        return
    for received_from, rows in take_held(keys).items():
        drafts = draft_events(
            read_rows(rows),
            received_from=received_from,
            may_speak_for=lambda _source: True,
            by=by,
            is_ours=True,
        )
        park([one for one in drafts if isinstance(one, Refusal)], received_from=received_from)
        post_events([draft for draft in drafts if isinstance(draft, EventDraft)], by=by)


def _refusal(draft: EventDraft, outcome: str, code: str, reason: DomainError | str) -> Refusal:
    field_name = reason.field if isinstance(reason, DomainError) else "source_id"
    return Refusal(
        outcome=outcome,
        code=code,
        field=field_name or "",
        reason=str(reason),
        body=draft.raw,
        source=draft.source,
        source_id=draft.event.source_id,
    )


def _locked(draft: EventDraft, field_name: str) -> Refusal:
    return Refusal(
        outcome=Outcome.QUARANTINED,
        code="period_locked",
        field=field_name,
        reason="It would change stock of a locked period. Move the lock, then retry.",
        body=draft.raw,
        source=draft.source,
        source_id=draft.event.source_id,
    )


def _outcome(line: _Line) -> Posted:
    if line.posted is not None:
        return line.posted
    if line.refusal is not None:
        told = line.refusal
        return Posted(told.outcome, None, told.reason, told.code, told.field)
    raise AssertionError(f"row {line.draft.key} has no outcome")
