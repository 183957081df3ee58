"""What was asked for, sold, returned and lost, by day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from django.db import connection

from inventory_control.core.places import Place, Places
from inventory_control.stock.selectors.retention import refuse_retired
from inventory_control.stock.values import SeriesDay


def demand_days(
    places: Iterable[Place], *, since: date, until: date
) -> dict[Place, list[tuple[date, int, int, int]]]:
    """Days of demand of some places in [since, until): (day, sold, lost, lines), oldest first.

    Days without a row had no demand.
    """
    asked = Places.of(places)
    days: dict[Place, list[tuple[date, int, int, int]]] = {place: [] for place in asked}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT item_id, node_id, day, sold, lost, lines
              FROM stock_demandday
             WHERE (item_id, node_id)
                   IN (SELECT * FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]))
               AND day >= %(since)s AND day < %(until)s
             ORDER BY item_id, node_id, day
            """,
            {**asked.arrays, "since": since, "until": until},
        )
        for item_id, node_id, day, sold, lost, lines in cursor.fetchall():
            days[item_id, node_id].append((day, int(sold), int(lost), int(lines)))
    return days


def item_series(
    item_id: int, *, node_id: int | None = None, since: date, until: date
) -> list[SeriesDay]:
    """Every day of an item in [since, until), at a node or everywhere, oldest first (EVT-28).

    Derived from events and ledger at the moment of asking, so late and corrected events are in it.
    Raises `BeforeHorizonError` for days whose lines were retired.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SERIES, {"item": item_id, "node": node_id, "since": since, "until": until})
        days = [SeriesDay(day, *map(int, units)) for day, *units in cursor.fetchall()]
    refuse_retired(datetime.combine(since, time(), tzinfo=UTC), "since")
    return days


_SERIES = """
    WITH told AS (
        SELECT (o.occurred_at AT TIME ZONE 'UTC')::date AS day, o.type,
               CASE WHEN c.event_id IS NULL THEN o.quantity ELSE coalesce(c.quantity, 0) END AS units
          FROM events_inventoryevent o
          LEFT JOIN events_correction c ON c.fact_id = o.id AND c.is_standing
         WHERE o.item_id = %(item)s AND (%(node)s::bigint IS NULL OR o.node_id = %(node)s)
           AND o.occurred_at >= %(since)s::date::timestamp AT TIME ZONE 'UTC'
           AND o.occurred_at < %(until)s::date::timestamp AT TIME ZONE 'UTC'
           AND o.type IN ('sale.recorded', 'order.shipped', 'return.received')
         UNION ALL
        SELECT (l.occurred_at AT TIME ZONE 'UTC')::date, 'shrink', l.quantity
          FROM stock_ledgerentry l
          JOIN events_inventoryevent e ON e.id = l.event_id
         WHERE l.item_id = %(item)s AND (%(node)s::bigint IS NULL OR l.node_id = %(node)s)
           AND l.state = 'adjustment' AND e.type <> 'stock.opened'
           AND l.occurred_at >= %(since)s::date::timestamp AT TIME ZONE 'UTC'
           AND l.occurred_at < %(until)s::date::timestamp AT TIME ZONE 'UTC'
    )
    SELECT d.day::date,
           coalesce(sum(units) FILTER (WHERE type IN ('sale.recorded', 'order.shipped')), 0),
           coalesce(sum(units) FILTER (WHERE type = 'return.received'), 0),
           coalesce(sum(units) FILTER (WHERE type = 'shrink'), 0)
      FROM generate_series(
               %(since)s::timestamp, %(until)s::timestamp - interval '1 day', interval '1 day'
           ) AS d (day)
      LEFT JOIN told ON told.day = d.day::date
     GROUP BY d.day
     ORDER BY d.day
"""
