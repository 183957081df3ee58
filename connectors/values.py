"""What passes between connectors and their adapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inventory_control.events.values import EventDraft, Refusal


@dataclass(frozen=True, slots=True)
class Peer:
    """The other side as an adapter sees it: where it is, its secret, its own settings."""

    code: str
    url: str
    secret: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sending:
    """One instruction to push; `key` is what the other side recognises a repeat by."""

    kind: str
    key: str
    payload: Mapping[str, Any]
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What the other side acknowledged with."""

    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A verified webhook: the sender's id of the delivery, by which a redelivery is known."""

    delivery_id: str


@dataclass(frozen=True, slots=True)
class ReplayScope:
    """What to take in again: by source, type, window of receipt, or one event; all when empty."""

    source: str = ""
    type: str = ""
    since: datetime | None = None
    until: datetime | None = None
    event_id: int | None = None


@dataclass(frozen=True, slots=True)
class HeldScope:
    """What one standing legal hold covers."""

    id: int
    source: str
    item_id: int | None
    since: datetime | None
    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class TakenRow:
    """A row of a kept message or a dead letter on its way in again, read but not posted.

    `draft` is None when it cannot be read any further; `letter_id` is that of its dead letter, if
    it has one. `moments` are when it happened, as far as it says so, and when it was received.
    """

    received_from: str
    raw: bytes
    sources: frozenset[str]
    moments: tuple[datetime, ...]
    draft: EventDraft | Refusal | None = None
    letter_id: int | None = None

    @property
    def is_readable(self) -> bool:
        """Whether it says which item it is about."""
        return isinstance(self.draft, EventDraft)

    @property
    def item_id(self) -> int | None:
        """The item it is about."""
        return self.draft.item_id if isinstance(self.draft, EventDraft) else None
