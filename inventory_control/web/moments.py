"""Moments in a query or a form: ISO 8601 with an offset, or refused by the name of the field."""

from __future__ import annotations

from datetime import datetime

from inventory_control.core.errors import Refused


def read_moment(text: str, field: str) -> datetime | None:
    """The moment a text names, None when it is empty; raises `Refused` for anything else."""
    stripped = text.strip()
    if not stripped:
        return None
    try:
        moment = datetime.fromisoformat(stripped)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused(
            f"{field} is a moment with its offset, such as 2026-03-01T10:00:00Z.", field=field
        )
    return moment
