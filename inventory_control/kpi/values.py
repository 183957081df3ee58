"""What the figures about a tenant are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a stage still has to do: due rows, and the age of the oldest in seconds."""

    stage: str
    waiting: int
    oldest_seconds: float
