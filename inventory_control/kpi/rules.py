"""How a tenant is doing, in one word."""

from __future__ import annotations

STUCK_AFTER_S = 300
"""A due row older than this means a stage does not get on."""


def health_of(*, past_due: int, dead_letters: int, oldest_due_seconds: int) -> str:
    """`stuck` when work lies, `attention` when people are needed, else `good`."""
    if oldest_due_seconds > STUCK_AFTER_S:
        return "stuck"
    return "attention" if past_due or dead_letters else "good"
