"""Replaying: what was taken in before passes the same door again, a batch a transaction.

Known events are recognised by their keys and change nothing; what is new is posted as if it had
come today. How far a replay is moves in the transaction that posts, so a killed worker repeats
nothing and leaves nothing out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec
from django.db import transaction

from connectors.models import Replay
from connectors.selectors import letters_within, messages_within, next_events, scope_of
from connectors.services.rereading import (
    refuse_held_events,
    refuse_held_rows,
    rows_of_letters,
    rows_of_messages,
)
from connectors.states import ReplayStatus
from connectors.values import TakenRow
from inventory_control.audit.services import advance, advance_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor, ActorKind
from inventory_control.core.errors import DomainError
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import correlated
from inventory_control.events import permissions
from inventory_control.events.models import DeadLetter, InboundMessage
from inventory_control.events.selectors import known_keys
from inventory_control.events.services import draft_events, park, read_rows
from inventory_control.events.states import DeadLetterStatus, MessageStatus, Outcome
from inventory_control.events.values import EventDraft, Posted, Refusal
from inventory_control.stock.services import post_events

EVENTS_AT_ONCE = 500
BODIES_AT_ONCE = 50
UNREADABLE = "unreadable"
_ACCEPTED = frozenset({Outcome.POSTED, Outcome.NOTED, Outcome.DUPLICATE, Outcome.HELD})


def replay_due(*, by: Actor) -> int:
    """Carry every running replay on to its end; returns the bodies taken in again.

    A replay that meets a legal hold, or a refusal, stops there with the reason.
    """
    require(by, permissions.REPLAY)
    done = 0
    for replay_id in Replay.objects.filter(status=ReplayStatus.RUNNING).values_list(
        "pk", flat=True
    ):
        while (taken := _next_batch(replay_id, by)) is not None:
            done += taken
    return done


def _next_batch(replay_id: int, by: Actor) -> int | None:
    """One batch; None when the replay is through, stopped, or in other hands."""
    try:
        return _batch(replay_id, by)
    except DomainError as error:
        _stop(replay_id, str(error), by)
        return None


@transaction.atomic
def _batch(replay_id: int, by: Actor) -> int | None:
    replay = (
        Replay.objects.select_for_update(skip_locked=True)
        .filter(pk=replay_id, status=ReplayStatus.RUNNING)
        .first()
    )
    if replay is None:
        return None
    road = _ROADS[replay.road]
    with correlated(replay.correlation_id):
        reached, taken, outcomes = road(replay)
    if reached is None:
        following = _AFTER[replay.road]
        if following is None:
            advance(
                replay,
                ReplayStatus.DONE,
                by=by,
                verb="replay.finished",
                finished_at=clock.now(),
                outcomes=replay.outcomes,
            )
            return None
        replay.road, replay.reached = following, 0
    else:
        replay.reached = reached
        replay.done += taken
        replay.outcomes = dict(Counter(replay.outcomes) + outcomes)
    replay.save(update_fields=["road", "reached", "done", "outcomes"])
    return taken


@transaction.atomic
def _stop(replay_id: int, error: str, by: Actor) -> None:
    replay = Replay.objects.get(pk=replay_id)
    advance(
        replay,
        ReplayStatus.STOPPED,
        by=by,
        verb="replay.stopped",
        finished_at=clock.now(),
        error=error[:500],
        outcomes=replay.outcomes,
    )


Taken = tuple[int | None, int, Counter[str]]
"""The last id of a batch (None: there was none), the bodies in it, what became of their rows."""


def _events_again(replay: Replay) -> Taken:
    scope = scope_of(replay)
    events = next_events(scope, after=replay.reached, last=replay.last_event, limit=EVENTS_AT_ONCE)
    if not events:
        return None, 0, Counter()
    refuse_held_events(scope, after=replay.reached, last=events[-1][0])
    by = _sender(replay, permissions.WRITE, permissions.OPEN_STOCK)
    rows: list[TakenRow] = []
    for sender in sorted({sender for _, sender, _, _ in events}):
        mine = [(source, raw) for _, name, source, raw in events if name == sender]
        spoken_for = {source for source, _ in mine}
        drafts = draft_events(
            read_rows([raw for _, raw in mine]),
            received_from=sender,
            may_speak_for=spoken_for.__contains__,
            by=by,
        )
        rows += [
            TakenRow(sender, raw, frozenset({source}), (), draft)
            for (source, raw), draft in zip(mine, drafts, strict=True)
        ]
    return events[-1][0], len(events), Counter(_posted(rows, replay, by))


def _messages_again(replay: Replay) -> Taken:
    scope = scope_of(replay)
    messages = list(
        messages_within(scope, after=replay.reached, last=replay.last_message)[:BODIES_AT_ONCE]
    )
    if not messages:
        return None, 0, Counter()
    by = _sender(replay, permissions.WRITE)
    rows = rows_of_messages(messages, scope)
    refuse_held_rows(rows)
    _park(rows)
    outcomes = Counter(_posted(rows, replay, by))
    unread = {(row.received_from, row.raw) for row in rows if row.draft is None}
    _close_dead(
        [
            message
            for message in messages
            if message.status == MessageStatus.DEAD
            and (message.connector, bytes(message.body)) not in unread
        ],
        by,
    )
    return messages[-1].pk, len(messages), outcomes


def _letters_again(replay: Replay) -> Taken:
    scope = scope_of(replay)
    letters = list(
        letters_within(scope, after=replay.reached, last=replay.last_letter).select_for_update()[
            :BODIES_AT_ONCE
        ]
    )
    if not letters:
        return None, 0, Counter()
    by = _sender(replay, permissions.WRITE)
    rows = rows_of_letters(letters, scope)
    refuse_held_rows(rows)
    outcomes = _posted(rows, replay, by)
    accepted = {
        row.letter_id for row, outcome in zip(rows, outcomes, strict=True) if outcome in _ACCEPTED
    }
    advance_all(
        [letter for letter in letters if letter.pk in accepted],
        DeadLetterStatus.RETRIED,
        by=by,
        verb="dead_letter.retried",
    )
    return letters[-1].pk, len(rows), Counter(outcomes)


_ROADS: dict[str, Callable[[Replay], Taken]] = {
    "events": _events_again,
    "messages": _messages_again,
    "letters": _letters_again,
}
_AFTER: dict[str, str | None] = {"events": "messages", "messages": "letters", "letters": None}


def _posted(rows: Sequence[TakenRow], replay: Replay, by: Actor) -> list[str]:
    """Post what can be posted; one outcome per row, in order.

    What is known is delivered again by the replay, not by its source, and counted so.
    """
    drafts = [row.draft for row in rows if isinstance(row.draft, EventDraft)]
    known = known_keys([draft.key for draft in drafts])
    sent = [
        msgspec.structs.replace(draft, received_from=f"replay {replay.pk}")
        if draft.key in known
        else draft
        for draft in drafts
    ]
    posted = iter(post_events(sent, by=by))
    return [_outcome(row, posted) for row in rows]


def _outcome(row: TakenRow, posted: Iterator[Posted]) -> str:
    if row.draft is None:
        return UNREADABLE
    if isinstance(row.draft, Refusal):
        return str(row.draft.outcome)
    return str(next(posted).outcome)


def _park(rows: Sequence[TakenRow]) -> None:
    """Keep the refused rows of a message that could not even be read before."""
    for sender in sorted({row.received_from for row in rows}):
        mine = [row.draft for row in rows if row.received_from == sender]
        park([one for one in mine if isinstance(one, Refusal)], received_from=sender)


def _close_dead(messages: Sequence[InboundMessage], by: Actor) -> None:
    """Messages that were given up and could be read now are done, and so are their letters."""
    if not messages:
        return
    InboundMessage.objects.filter(pk__in=[message.pk for message in messages]).update(
        status=MessageStatus.DONE, error=""
    )
    letters = DeadLetter.objects.filter(
        status=DeadLetterStatus.OPEN,
        code="unreadable_message",
        received_from__in={message.connector for message in messages},
        source_id__in={message.delivery_id for message in messages},
    )
    advance_all(list(letters), DeadLetterStatus.RETRIED, by=by, verb="dead_letter.retried")


def _sender(replay: Replay, *granted: str) -> Actor:
    """Who posts: the replay, for whoever started it, with no right the first sender lacked."""
    return Actor(
        kind=ActorKind.SYSTEM,
        id=f"replay {replay.pk} for {replay.started_by}",
        name=f"replay {replay.pk}",
        permissions=frozenset(granted),
    )
