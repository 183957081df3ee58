"""How old stock is and how long it lasts."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection

from inventory_control.core.sql import named_statements
from inventory_control.stock.values import Age

_AGE = named_statements(Path(__file__).parents[1] / "age.sql")
DEMAND_DAYS = 90
"""How far back demand is looked at to say how long stock lasts, today included."""


def age_of(item_id: int, *, at: datetime) -> Age:
    """How old the units of an item are at this moment, and how long they last."""
    since = at.date() - timedelta(days=DEMAND_DAYS - 1)
    with connection.cursor() as cursor:
        cursor.execute(_AGE["age"], {"item": item_id, "since": since})
        units, asked_for, oldest_at, known_since = cursor.fetchone()
    return Age(at, int(units), max(0, int(asked_for)), DEMAND_DAYS, oldest_at, known_since)
