"""Noting which places changed, for detection to look at."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from django.db import connection

from inventory_control.core.sql import named_statements

_SQL = named_statements(Path(__file__).parents[1] / "recalculate.sql")
Place = tuple[int, int]


def note_changed_places(places: Iterable[Place], at: datetime) -> None:
    """Have detection look at some places, in the caller's transaction."""
    noted = sorted(places)
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["note_changed"],
            {
                "items": [item for item, _ in noted],
                "nodes": [node for _, node in noted],
                "now": at,
            },
        )


def take_changed_places(limit: int) -> set[Place]:
    """Take up to `limit` places, those noted first, with every note of them, in the caller's transaction.

    Whoever calls lets nobody else take meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SQL["take_changed"], [limit])
        return set(cursor.fetchall())
