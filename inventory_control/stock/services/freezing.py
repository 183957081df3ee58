"""Freezing: an item is not sold from a node until somebody is sure of it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from django.db import connection, transaction

from inventory_control.audit.services import record_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.sql import named_statements

_SQL = named_statements(Path(__file__).parents[1] / "freezing.sql")
Place = tuple[int, int]


@transaction.atomic
def freeze_places(places: Sequence[Place], *, reason: str, by: Actor) -> int:
    """Stop selling some items from some nodes; each freeze is taken away by one thaw.

    The caller has asked whether this actor may. Returns how many places have a balance to freeze.
    """
    return _change(places, 1, "stock.frozen", reason, by)


@transaction.atomic
def thaw_places(places: Sequence[Place], *, reason: str = "", by: Actor) -> int:
    """Take freezes away again, one of a place each time it is named; other freezes stay."""
    return _change(places, -1, "stock.thawed", reason, by)


def _change(places: Sequence[Place], by_one: int, verb: str, reason: str, by: Actor) -> int:
    asked = sorted(Counter(places).items())
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["change_holds"],
            {
                "items": [item for (item, _), _ in asked],
                "nodes": [node for (_, node), _ in asked],
                "changes": [times * by_one for _, times in asked],
                "now": clock.now(),
            },
        )
        changed = cursor.fetchall()
    record_all(
        verb,
        kind="place",
        subjects={f"{item}@{node}": {"reason": reason} for item, node in changed},
        by=by,
    )
    if changed:
        ring("availability")
    return len(changed)
