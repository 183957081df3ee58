"""What passes between the outbox and whoever delivers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOTIFY = "subscriber.notify"
"""Sends for a subscriber to be told what is noted for it."""
MARKDOWN = "price.markdown"
"""Tells the pricing system a price that was agreed to."""
AWAITED = frozenset({MARKDOWN})
"""What a workflow waits for: its acknowledgement is the effect."""


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
