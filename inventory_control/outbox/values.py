"""What passes between the outbox and whoever delivers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
