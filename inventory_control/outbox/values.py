"""What passes between the outbox and whoever delivers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SUBSCRIPTION = "subscription"
"""The kind of subject of a look for what a subscriber is to be told."""
NOTIFY = "subscriber.notify"
"""Sends for a subscriber to be told what is noted for it."""


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
