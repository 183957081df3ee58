"""Handing news to detection: each change is looked at once."""

from __future__ import annotations

from inventory_control.core.sql import hot

_TAKE_NEWS = """
    WITH discrepancy AS (
        UPDATE reconciliation_discrepancy SET is_news = false WHERE is_news RETURNING 1
    ),
    total AS (
        UPDATE reconciliation_controltotal SET is_news = false WHERE is_news RETURNING 1
    )
    SELECT (SELECT count(*) FROM discrepancy) + (SELECT count(*) FROM total)
"""


def take_news() -> int:
    """Take the notes of what changed, in the caller's transaction; says how many there were."""
    ((taken,),) = hot(_TAKE_NEWS, ())
    return int(taken)
