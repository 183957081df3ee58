"""What channels were told, and where they show something else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection

from inventory_control.availability.values import (
    NOT_LISTED,
    TOLD_TWICE,
    Acknowledged,
    Disagreement,
    Receipt,
    UnconfirmedChannel,
)
from inventory_control.core.places import Place, Places
from inventory_control.core.sql import hot, named_statements

LISTED = 20
"""How many of a channel's unconfirmed listings are named."""
_PUSH = named_statements(Path(__file__).parents[1] / "push.sql")


def receipts_of(item_id: int, channel_id: int, *, limit: int = 20) -> list[Receipt]:
    """What a channel was told of an item, latest first, as far back as receipts are kept."""
    with connection.cursor() as cursor:
        cursor.execute(_PUSH["trail"], {"item": item_id, "channel": channel_id, "limit": limit})
        return [Receipt(*row) for row in cursor.fetchall()]


def acknowledged_between(
    places: Iterable[Place], since: datetime, until: datetime, *, limit: int = 200
) -> list[Acknowledged]:
    """Figures of some items that channels selling from their nodes acknowledged in a span, oldest
    first, as far back as receipts are kept; one statement.
    """
    asked = set(places)
    parameters: dict[str, Any] = {
        "items": sorted({item for item, _ in asked}),
        "nodes": sorted({node for _, node in asked}),
        "since": since,
        "until": until,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PUSH["told_between"], parameters)
        return [Acknowledged(*row) for row in cursor.fetchall()]


def unconfirmed_channels() -> list[UnconfirmedChannel]:
    """Channels that could not be told and may sell more than there is, by code; one statement."""
    return [
        UnconfirmedChannel(
            channel, since, count, units, at_stake, tuple(zip(skus, shown, should, strict=True))
        )
        for channel, since, count, units, at_stake, skus, shown, should in hot(
            _PUSH["unconfirmed_channels"], {"listed": LISTED}
        )
    ]


def disagreements_at(places: Iterable[Place]) -> dict[Place, list[Disagreement]]:
    """Channels that, told twice, still show another figure, by the place a case belongs to."""
    asked = Places.of(places)
    among = set(asked)
    found: dict[Place, list[Disagreement]] = {}
    for item_id, node_id, channel, told, shown, seen_at, in_a_row in hot(
        _PUSH["disagreements_of"], {**asked.arrays, "least": TOLD_TWICE}
    ):
        if (item_id, node_id) in among:
            listed = None if shown == NOT_LISTED else shown
            one = Disagreement(channel, told, listed, seen_at, in_a_row)
            found.setdefault((item_id, node_id), []).append(one)
    return found
