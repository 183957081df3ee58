"""What channels were told, and where they show something else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.db import connection

from inventory_control.availability.values import NOT_LISTED, TOLD_TWICE, Disagreement, Receipt
from inventory_control.core.sql import named_statements

_PUSH = named_statements(Path(__file__).parents[1] / "push.sql")
Place = tuple[int, int]


def receipts_of(item_id: int, channel_id: int, *, limit: int = 20) -> list[Receipt]:
    """What a channel was told of an item, latest first, as far back as receipts are kept."""
    with connection.cursor() as cursor:
        cursor.execute(_PUSH["trail"], {"item": item_id, "channel": channel_id, "limit": limit})
        return [Receipt(*row) for row in cursor.fetchall()]


def disagreements_at(places: Iterable[Place]) -> dict[Place, list[Disagreement]]:
    """Channels that, told twice, still show another figure, by the place a case belongs to."""
    asked = set(places)
    found: dict[Place, list[Disagreement]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _PUSH["disagreements_of"],
            {"items": sorted({item for item, _ in asked}), "least": TOLD_TWICE},
        )
        for item_id, node_id, channel, told, shown, seen_at, in_a_row in cursor.fetchall():
            if (item_id, node_id) in asked:
                listed = None if shown == NOT_LISTED else shown
                one = Disagreement(channel, told, listed, seen_at, in_a_row)
                found.setdefault((item_id, node_id), []).append(one)
    return found
