"""Shelves: what sensors and people say a shelf shows, kept beside the books (EVT-22)."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from inventory_control.core.places import Place

_FOLD = """
    INSERT INTO events_shelfword AS mine (
        item_id, node_id, is_empty, occurred_at, source, source_id
    )
    SELECT DISTINCT ON (item_id, node_id)
           item_id, node_id,
           type = 'shelf.signalled'
           AND (quantity = 0 OR (quantity IS NULL AND details -> 'attributes' ->> 'shelf' = 'empty')),
           occurred_at, source, source_id
      FROM events_inventoryevent
     WHERE id = ANY(%s) AND corrects IS NULL AND item_id IS NOT NULL AND node_id IS NOT NULL
     ORDER BY item_id, node_id, occurred_at DESC, source DESC, source_id DESC
    ON CONFLICT (item_id, node_id) DO UPDATE SET
        is_empty = excluded.is_empty, occurred_at = excluded.occurred_at,
        source = excluded.source, source_id = excluded.source_id
      WHERE (excluded.occurred_at, excluded.source, excluded.source_id)
            > (mine.occurred_at, mine.source, mine.source_id)
    RETURNING item_id, node_id
"""


def fold_shelves(event_ids: Sequence[int]) -> set[Place]:
    """Keep the latest word of each shelf some events speak of; returns the places it is new of.

    A shelf is empty when the signal says quantity 0, or names none and says `shelf: empty`.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FOLD, [list(event_ids)])
        return set(cursor.fetchall())
