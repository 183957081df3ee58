"""Rereading: kept messages and dead letters become drafts once more; nothing is posted here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from connectors.adapters import ADAPTERS
from connectors.errors import LegalHoldError
from connectors.models import Connector, LegalHold
from connectors.rules import covering
from connectors.selectors import connectors, hold_on_events, standing_holds
from connectors.services.configuring import peer_of
from connectors.values import ReplayScope, TakenRow
from inventory_control.core.actors import Actor, ActorKind
from inventory_control.core.errors import DomainError
from inventory_control.events import permissions
from inventory_control.events.models import DeadLetter, InboundMessage
from inventory_control.events.selectors import known_keys
from inventory_control.events.services import draft_events, read_rows
from inventory_control.events.values import CanonicalEventV1, EventDraft, Refusal

READER = Actor(
    kind=ActorKind.SYSTEM,
    id="replay",
    name="replay",
    permissions=frozenset({permissions.WRITE}),
)
"""Whose rights a row is judged by: those every sender has. Opening balances need more."""


def rows_of_messages(messages: Iterable[InboundMessage], scope: ReplayScope) -> list[TakenRow]:
    """The rows of some messages as their adapters read them now; only those of the scope's type.

    A message nobody can read is one row without a draft.
    """
    known = connectors()
    rows: list[TakenRow] = []
    raws: dict[str, list[tuple[InboundMessage, bytes]]] = {}
    for message in messages:
        try:
            parsed = _parsed(message, known.get(message.connector))
        except DomainError:
            rows.append(
                TakenRow(
                    received_from=message.connector,
                    raw=bytes(message.body),
                    sources=frozenset({message.connector}),
                    moments=(message.received_at,),
                )
            )
            continue
        raws.setdefault(message.connector, []).extend((message, raw) for raw in parsed)
    for code, mine in raws.items():
        reading = read_rows([raw for _, raw in mine])
        drafts = draft_events(reading, received_from=code, may_speak_for=code.__eq__, by=READER)
        for (message, raw), event, draft in zip(mine, reading.events, drafts, strict=True):
            if _is_of_type(event, scope.type):
                rows.append(_row(code, raw, event, draft, message.received_at))
    return rows


def rows_of_letters(letters: Sequence[DeadLetter], scope: ReplayScope) -> list[TakenRow]:
    """Dead letters read again; each speaks for the source it spoke for when it was refused."""
    rows: list[TakenRow] = []
    groups: dict[tuple[str, str], list[DeadLetter]] = {}
    for letter in letters:
        source = letter.source or letter.received_from
        groups.setdefault((letter.received_from, source), []).append(letter)
    for (received_from, source), mine in groups.items():
        reading = read_rows([bytes(letter.body) for letter in mine])
        drafts = draft_events(
            reading, received_from=received_from, may_speak_for=source.__eq__, by=READER
        )
        for letter, event, draft in zip(mine, reading.events, drafts, strict=True):
            if _is_of_type(event, scope.type):
                row = _row(received_from, bytes(letter.body), event, draft, letter.received_at)
                rows.append(replace(row, letter_id=letter.pk, sources=row.sources | {source}))
    return rows


def fresh_in(rows: Sequence[TakenRow]) -> int:
    """How many of the rows would become new events: valid ones that nobody has sent before."""
    keys = {row.draft.key for row in rows if isinstance(row.draft, EventDraft)}
    return len(keys - known_keys(sorted(keys)))


def refuse_held_rows(rows: Sequence[TakenRow]) -> None:
    """Raise `LegalHoldError` when a standing hold covers any of the rows."""
    hold = covering(standing_holds(), rows)
    if hold is not None:
        _refuse(hold.id, hold.reason)


def refuse_held_events(scope: ReplayScope, *, after: int, last: int) -> None:
    """Raise `LegalHoldError` when a standing hold covers any event of a scope."""
    hold_id = hold_on_events(scope, after=after, last=last)
    if hold_id is not None:
        _refuse(hold_id, LegalHold.objects.get(pk=hold_id).reason)


def _refuse(hold_id: int, reason: str) -> None:
    raise LegalHoldError(
        f"Legal hold {hold_id} covers part of this: {reason}. Narrow the replay, or have the hold "
        "lifted.",
        extra={"hold": hold_id},
    )


def _parsed(message: InboundMessage, connector: Connector | None) -> Sequence[bytes]:
    if connector is None:
        raise DomainError(f"No connector is called {message.connector}.")
    return ADAPTERS.get(connector.adapter).parse(peer_of(connector), bytes(message.body))


def _is_of_type(event: CanonicalEventV1 | Refusal, wanted: str) -> bool:
    """Whether a row is of a type; one that cannot be read may be of any."""
    return not wanted or isinstance(event, Refusal) or event.type == wanted


def _row(
    received_from: str,
    raw: bytes,
    event: CanonicalEventV1 | Refusal,
    draft: EventDraft | Refusal,
    received_at: datetime,
) -> TakenRow:
    moments = (received_at,) if isinstance(event, Refusal) else (received_at, event.occurred_at)
    sources = {received_from}
    if not isinstance(event, Refusal) and event.source:
        sources.add(event.source)
    return TakenRow(
        received_from=received_from,
        raw=raw,
        sources=frozenset(sources),
        moments=moments,
        draft=draft,
    )
