"""Rolling up demand: what was sold and lost per item, node and day, from events and ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from django.db import connection

from inventory_control.core import clock
from inventory_control.core.doorbell import ring
from inventory_control.core.sql import named_statements

_SQL = named_statements(Path(__file__).parents[1] / "demand.sql")


def take_marks(limit: int) -> tuple[int, list[tuple[int, int]], list[tuple[int, int, date]]]:
    """Take up to `limit` marks: how many, the places that changed, the days of demand to roll up.

    Marks of transactions still open stay for the next call. Runs in the caller's transaction,
    so a failure leaves the marks where they were.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SQL["take_marks"], [limit])
        taken = cursor.fetchall()
    places = sorted({(item, node) for item, node, _ in taken})
    days = sorted({(item, node, day) for item, node, day in taken if day is not None})
    return len(taken), places, days


def roll_up_demand(days: Sequence[tuple[int, int, date]]) -> None:
    """Recompute demand of some item-node-days from what is posted; late events included."""
    if not days:
        return
    items, nodes, dates = (list(column) for column in zip(*days, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(_SQL["roll_up"], {"items": items, "nodes": nodes, "days": dates})


def mark_again(places: Iterable[tuple[int, int]]) -> None:
    """Have some places looked at again although nothing moved there: a document of theirs changed."""
    asked = sorted(set(places))
    if not asked:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["mark_again"],
            {
                "items": [item for item, _ in asked],
                "nodes": [node for _, node in asked],
                "now": clock.now(),
            },
        )
    ring("availability")


def mark_places(*, item_ids: Sequence[int] = (), node_ids: Sequence[int] = ()) -> int:
    """Have what may be sold worked out anew for some items or nodes, after a policy of theirs
    changed; returns the places marked.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["mark_places"],
            {"items": list(item_ids), "nodes": list(node_ids), "now": clock.now()},
        )
        marked = int(cursor.rowcount)
    if marked:
        ring("availability")
    return marked
