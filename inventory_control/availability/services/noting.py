"""Noting which places changed, for detection to look at."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from inventory_control.core.places import Place, Places
from inventory_control.core.sql import hot, hot_write, named_statements

PLACES_OF_A_NOTE = 1_000
_SQL = named_statements(Path(__file__).parents[1] / "recalculate.sql")


def note_changed_places(places: Iterable[Place], at: datetime) -> None:
    """Have detection look at some places, in the caller's transaction."""
    hot_write(
        _SQL["note_changed"], {**Places.of(places).arrays, "most": PLACES_OF_A_NOTE, "now": at}
    )


def take_changed_places(limit: int) -> set[Place]:
    """Take the places noted first, in the caller's transaction: all notes until they name `limit` places
    or more, so at most `PLACES_OF_A_NOTE` too many.

    Whoever calls lets nobody else take meanwhile.
    """
    return {(item_id, node_id) for item_id, node_id in hot(_SQL["take_changed"], [limit])}
