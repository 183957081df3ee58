"""What lies where and may be promised, now or at a moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection

from inventory_control.core.places import Place, Places
from inventory_control.core.sql import named_statements
from inventory_control.stock.selectors.retention import refuse_retired
from inventory_control.stock.states import State
from inventory_control.stock.values import Position

_POSITIONS = """
    SELECT b.item_id, b.node_id, b.received, b.quarantined, b.sellable, b.refurbishable,
           b.damaged, b.vendor_return, b.in_transit, b.reserved, b.allocated,
           b.counts_pending + b.holds > 0, coalesce(p.safety_stock, 0), b.changed_at
      FROM stock_stockbalance b
      LEFT JOIN catalog_itemnode p ON p.item_id = b.item_id AND p.node_id = b.node_id
"""
_DAYS = named_statements(Path(__file__).parents[1] / "days.sql")
_FREE = """
    SELECT b.item_id, b.node_id,
           b.sellable - b.reserved - b.allocated - coalesce(p.safety_stock, 0),
           b.counts_pending + b.holds > 0
      FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
      JOIN stock_stockbalance b USING (item_id, node_id)
      LEFT JOIN catalog_itemnode p ON p.item_id = b.item_id AND p.node_id = b.node_id
     ORDER BY b.item_id, b.node_id
"""


def positions_at(places: Iterable[Place]) -> dict[Place, Position]:
    """The positions of some (item, node) places; places without one are missing."""
    return _positions(
        "WHERE (b.item_id, b.node_id) IN"
        " (SELECT * FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]))",
        Places.of(places).arrays,
    )


def free_at(places: Iterable[Place], *, is_locked: bool = False) -> dict[Place, int | None]:
    """What may still be promised at some places, None if frozen; see `services.lock_places`.

    Places that never held anything are missing.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"{_FREE} FOR UPDATE OF b" if is_locked else _FREE, Places.of(places).arrays)
        return {
            (item_id, node_id): None if is_frozen else int(units)
            for item_id, node_id, units, is_frozen in cursor.fetchall()
        }


def positions_of(item_ids: Sequence[int]) -> dict[Place, Position]:
    """The positions of some items at every node that ever held them."""
    return _positions("WHERE b.item_id = ANY(%s)", [list(item_ids)])


def position_as_of(item_id: int, node_id: int, moment: datetime) -> dict[str, int]:
    """Units per account of an item at a node as the ledger knows that moment today.

    Adds up whole days and the lines of the last one, so the length of the history costs little.
    Raises `BeforeHorizonError` for a moment whose lines were retired.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DAYS["as_of"], {"item": item_id, "node": node_id, "at": moment})
        position = {state: int(units) for state, units in cursor.fetchall()}
    refuse_retired(moment, "at")
    return position


def positions_as_of(
    item_id: int, moment: datetime, *, known_at: datetime | None = None
) -> dict[str, dict[str, int]]:
    """Units per state of an item at every node's code at a moment; empty states are left out.

    With `known_at` only what was posted by then counts: the figure people saw, before late events
    and corrections came. Raises `BeforeHorizonError` for a moment whose lines were retired.
    """
    asked: dict[str, Any] = {
        "item": item_id,
        "at": moment,
        "known_at": known_at,
        "states": list(State),
    }
    positions: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_DAYS["as_of_nodes" if known_at is None else "as_of_nodes_known"], asked)
        for code, state, units in cursor.fetchall():
            positions.setdefault(code, {})[state] = int(units)
    refuse_retired(moment, "at", known_at=known_at)
    return positions


def asserted_at(places: Iterable[Place]) -> dict[Place, datetime]:
    """When somebody last stated what is at some places; those never counted are missing."""
    asked = Places.of(places)
    if not asked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT item_id, node_id, last_assert_at FROM stock_stockbalance
             WHERE (item_id, node_id)
                   IN (SELECT * FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]))
               AND last_assert_at IS NOT NULL
            """,
            asked.arrays,
        )
        return {(item_id, node_id): moment for item_id, node_id, moment in cursor.fetchall()}


def units_at(node_ids: Sequence[int]) -> dict[int, int]:
    """Units that lie at some nodes, of everything and in any condition."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT node_id, sum(greatest(0, received + quarantined + sellable + refurbishable
                                            + damaged + vendor_return))
              FROM stock_stockbalance WHERE node_id = ANY(%s) GROUP BY node_id
            """,
            [list(node_ids)],
        )
        return {node_id: int(units) for node_id, units in cursor.fetchall()}


def _positions(where: str, parameters: list[Any] | dict[str, str]) -> dict[Place, Position]:
    with connection.cursor() as cursor:
        cursor.execute(f"{_POSITIONS} {where} ORDER BY b.item_id, b.node_id", parameters)
        found = [Position(*row) for row in cursor.fetchall()]
    return {(one.item_id, one.node_id): one for one in found}
