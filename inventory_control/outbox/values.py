"""What passes between the outbox and whoever delivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

SUBSCRIPTION = "subscription"
"""The kind of subject of a look for what a subscriber is to be told."""
NOTIFY = "subscriber.notify"
"""Sends for a subscriber to be told what is noted for it."""
MARKDOWN = "price.markdown"
"""Tells the pricing system a price that was agreed to."""
AWAITED = frozenset({MARKDOWN})
"""What a workflow waits for: its acknowledgement is the effect."""


@dataclass(frozen=True, slots=True)
class RetryTerms:
    """How often a target is tried: after each failed attempt it waits the next of `waits`; the
    attempt after the last of them is the last.
    """

    waits: tuple[timedelta, ...]

    @property
    def attempts(self) -> int:
        """How often it is tried at most."""
        return len(self.waits) + 1


USUAL_RETRIES = RetryTerms(
    (
        timedelta(seconds=1),
        timedelta(seconds=5),
        timedelta(seconds=30),
        timedelta(minutes=5),
    )
)
"""For a connector that says nothing else."""


@dataclass(frozen=True, slots=True)
class FailedTarget:
    """A target that instructions could not be delivered to, for good: how many, of which kinds,
    since when, what it said last; `connector` is empty where none serves it.
    """

    target: str
    connector: str
    dead: int
    kinds: Sequence[str]
    attempts: int
    since: datetime
    error: str
    commands: Sequence[int]


@dataclass(frozen=True, slots=True)
class CommandDraft:
    """An instruction about to be queued; see `OutboundCommand` for the fields."""

    kind: str
    target: str
    idempotency_key: str
    payload: Mapping[str, Any]
    subject: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class ClaimedCommand:
    """A command one deliverer holds until `mark_delivered` or `mark_failed`."""

    id: int
    kind: str
    target: str
    idempotency_key: str
    payload: dict[str, Any]
    attempts: int
    correlation_id: str
