"""Demand per item, node and day, and the marks that tell of it and of places that changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from django.db import connection, transaction

from inventory_control.core import clock
from inventory_control.core.doorbell import ring
from inventory_control.core.places import Place, Places
from inventory_control.core.sql import hot, named_statements

_SQL = named_statements(Path(__file__).parents[1] / "demand.sql")


def take_marks(limit: int) -> tuple[int, list[Place]]:
    """Take up to `limit` marks and add the demand they tell of to its days; returns how many marks
    there were, and the places that changed.

    Marks of transactions still open stay for the next call. Runs in the caller's transaction,
    so a failure leaves the marks where they were. Of two callers the second waits for the first.
    """
    taken = hot(_SQL["take_marks"], [limit])
    return sum(marks for _, _, marks in taken), [(item, node) for item, node, _ in taken]


@transaction.atomic
def roll_up_demand() -> int:
    """Work out every day's demand from the events themselves and put right what says otherwise.

    Returns the days put right; the answer to expect is 0. For a person who doubts the figures:
    reads every event.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SQL["hold_demand"])
        cursor.execute(_SQL["roll_up"])
        return int(cursor.rowcount)


def mark_again(places: Iterable[Place]) -> None:
    """Have some places looked at again although nothing moved there: a document of theirs changed."""
    asked = Places.of(places)
    if not asked:
        return
    with connection.cursor() as cursor:
        cursor.execute(_SQL["mark_again"], {**asked.arrays, "now": clock.now()})
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
