"""Noting which places changed, for detection to look at."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from inventory_control.core.places import Place, Places
from inventory_control.core.sql import hot, hot_write, named_statements

_SQL = named_statements(Path(__file__).parents[1] / "recalculate.sql")


def note_changed_places(places: Iterable[Place], at: datetime) -> None:
    """Have detection look at some places, in the caller's transaction."""
    hot_write(_SQL["note_changed"], {**Places.of(places).arrays, "now": at})


def take_changed_places(limit: int) -> set[Place]:
    """Take up to `limit` places, those noted first, with every note of them, in the caller's transaction.

    Whoever calls lets nobody else take meanwhile.
    """
    return {(item_id, node_id) for item_id, node_id in hot(_SQL["take_changed"], [limit])}
