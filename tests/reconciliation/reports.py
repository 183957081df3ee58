"""Bodies of events about LAMP at S1."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.factories import event


def about(kind: str, quantity: int | None, at: datetime, **fields: Any) -> dict[str, Any]:
    """An event about LAMP at S1."""
    return event(kind, quantity, **{"occurred_at": at, "item": "LAMP", **fields})


def says(system: str, quantity: int, at: datetime, **fields: Any) -> dict[str, Any]:
    """A system's word on LAMP at S1."""
    return about("position.reported", quantity, at, system=system, **fields)
