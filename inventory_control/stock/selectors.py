"""Questions to the ledger; other apps ask here and never touch its tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Min

from inventory_control.core.telemetry import correlation_id
from inventory_control.events.values import PositionCause
from inventory_control.stock.models import Assertion, LedgerEntry, Reservation, StockMark
from inventory_control.stock.states import State, Verdict
from inventory_control.stock.values import Position

_POSITIONS = """
    SELECT b.item_id, b.node_id, b.received, b.quarantined, b.sellable, b.refurbishable,
           b.damaged, b.vendor_return, b.in_transit, b.reserved, b.allocated,
           b.counts_pending + b.holds > 0, coalesce(p.safety_stock, 0), b.changed_at
      FROM stock_stockbalance b
      LEFT JOIN catalog_itemnode p ON p.item_id = b.item_id AND p.node_id = b.node_id
"""
_CAUSES = """
    SELECT DISTINCT ON (item_id, node_id) item_id, node_id, id, correlation_id
      FROM (
               SELECT l.item_id, l.node_id, e.id, e.correlation_id
                 FROM stock_ledgerentry l
                 JOIN events_inventoryevent e ON e.id = l.event_id
                WHERE l.posted_at >= %(since)s
                UNION ALL
               SELECT item_id, node_id, id, correlation_id
                 FROM events_inventoryevent
                WHERE recorded_at >= %(since)s
           ) AS cause
     WHERE (item_id, node_id) IN (SELECT * FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]))
     ORDER BY item_id, node_id, id DESC
"""
Place = tuple[int, int]


def positions_at(places: Iterable[Place]) -> dict[Place, Position]:
    """The positions of some (item, node) places; places without one are missing."""
    asked = sorted(set(places))
    return _positions(
        "WHERE (b.item_id, b.node_id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))",
        [[item for item, _ in asked], [node for _, node in asked]],
    )


def positions_of(item_ids: Sequence[int]) -> dict[Place, Position]:
    """The positions of some items at every node that ever held them."""
    return _positions("WHERE b.item_id = ANY(%s)", [list(item_ids)])


def ledger_of(item_id: int, *, before: int | None = None, limit: int = 50) -> list[LedgerEntry]:
    """An item's ledger lines, newest first, a page below the id `before` (keyset)."""
    lines = LedgerEntry.objects.filter(item_id=item_id)
    if before is not None:
        lines = lines.filter(id__lt=before)
    return list(lines.order_by("-id")[:limit])


def lines_of_events(event_ids: Sequence[int]) -> list[LedgerEntry]:
    """The ledger lines of some events, in the order they were posted."""
    lines = LedgerEntry.objects.filter(event_id__in=list(event_ids)).select_related("item", "node")
    return list(lines.order_by("id"))


def counts_of_events(event_ids: Sequence[int]) -> list[Assertion]:
    """What became of the quantities some events stated, with their verdicts."""
    counts = Assertion.objects.filter(event_id__in=list(event_ids)).select_related("item", "node")
    return list(counts.order_by("event_id"))


def claims_of_keys(keys: Iterable[str]) -> list[Reservation]:
    """The claims of some order lines as they stand, by key."""
    claims = Reservation.objects.filter(key__in=sorted(set(keys))).select_related("item", "node")
    return list(claims.order_by("key"))


def position_as_of(item_id: int, node_id: int, moment: datetime) -> dict[str, int]:
    """Units per state of an item at a node as the ledger knows that moment today."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT state, sum(quantity) FROM stock_ledgerentry
             WHERE item_id = %s AND node_id = %s AND occurred_at <= %s
             GROUP BY state
            """,
            [item_id, node_id, moment],
        )
        return {state: int(units) for state, units in cursor.fetchall()}


def positions_as_of(
    item_id: int, moment: datetime, *, known_at: datetime | None = None
) -> dict[str, dict[str, int]]:
    """Units per state of an item at every node's code at a moment; empty states are left out.

    With `known_at` only what was posted by then counts: the figure people saw, before late events
    and corrections came.
    """
    positions: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT n.code, l.state, sum(l.quantity)
              FROM stock_ledgerentry l JOIN catalog_node n ON n.id = l.node_id
             WHERE l.item_id = %s AND l.occurred_at <= %s AND l.state = ANY(%s)
               AND (%s::timestamptz IS NULL OR l.posted_at <= %s)
             GROUP BY n.code, l.state HAVING sum(l.quantity) <> 0
            """,
            [item_id, moment, list(State), known_at, known_at],
        )
        for code, state, units in cursor.fetchall():
            positions.setdefault(code, {})[state] = int(units)
    return positions


def pending_counts(places: Iterable[Place]) -> list[Assertion]:
    """Counts out of tolerance that wait for a person, at some places."""
    asked = set(places)
    pending = Assertion.objects.filter(
        verdict=Verdict.PENDING, item_id__in={item for item, _ in asked}
    ).order_by("item_id", "node_id", "occurred_at")
    return [one for one in pending if (one.item_id, one.node_id) in asked]


def demand_days(
    places: Iterable[Place], *, since: date, until: date
) -> dict[Place, list[tuple[date, int, int, int]]]:
    """Days of demand of some places in [since, until): (day, sold, lost, lines), oldest first.

    Days without a row had no demand.
    """
    asked = sorted(set(places))
    days: dict[Place, list[tuple[date, int, int, int]]] = {place: [] for place in asked}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT item_id, node_id, day, sold, lost, lines
              FROM stock_demandday
             WHERE (item_id, node_id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))
               AND day >= %s AND day < %s
             ORDER BY item_id, node_id, day
            """,
            [[item for item, _ in asked], [node for _, node in asked], since, until],
        )
        for item_id, node_id, day, sold, lost, lines in cursor.fetchall():
            days[item_id, node_id].append((day, int(sold), int(lost), int(lines)))
    return days


def claims_of(item_id: int, node_id: int, limit: int = 50) -> list[tuple[str, str, int]]:
    """Open claims on an item at a node: (key, channel, units), latest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT key, channel, open FROM stock_reservation
             WHERE item_id = %s AND node_id = %s AND open > 0
             ORDER BY changed_at DESC, key LIMIT %s
            """,
            [item_id, node_id, limit],
        )
        return [(key, channel, int(units)) for key, channel, units in cursor.fetchall()]


def claims_at(
    places: Iterable[Place], *, limit: int = 20
) -> dict[Place, list[tuple[str, str, int]]]:
    """Open claims at some places, the latest `limit` of each: (key, channel, units)."""
    asked = sorted(set(places))
    claims: dict[Place, list[tuple[str, str, int]]] = {place: [] for place in asked}
    if not asked:
        return claims
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT place.item_id, place.node_id, r.key, r.channel, r.open
              FROM unnest(%s::bigint[], %s::bigint[]) AS place (item_id, node_id)
             CROSS JOIN LATERAL (
                       SELECT key, channel, open, changed_at FROM stock_reservation
                        WHERE item_id = place.item_id AND node_id = place.node_id AND open > 0
                        ORDER BY changed_at DESC, key LIMIT %s
                   ) AS r
             ORDER BY place.item_id, place.node_id, r.changed_at DESC, r.key
            """,
            [[item for item, _ in asked], [node for _, node in asked], limit],
        )
        for item_id, node_id, key, channel, units in cursor.fetchall():
            claims[item_id, node_id].append((key, channel, int(units)))
    return claims


def demand_totals(since: Mapping[Place, date], *, until: date) -> dict[Place, tuple[int, date]]:
    """Units asked for (sold and lost) at some places from a day of each to before `until`.

    With the first day anything was ever asked for there, which is where history begins. Places
    that never saw demand are missing.
    """
    places = sorted(since)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT place.item_id, place.node_id, coalesce(recent.units, 0), history.first_day
              FROM unnest(%s::bigint[], %s::bigint[], %s::date[])
                AS place (item_id, node_id, since)
             CROSS JOIN LATERAL (
                       SELECT d.day AS first_day FROM stock_demandday d
                        WHERE d.item_id = place.item_id AND d.node_id = place.node_id
                          AND d.sold + d.lost > 0
                        ORDER BY d.day LIMIT 1
                   ) AS history
             CROSS JOIN LATERAL (
                       SELECT sum(d.sold + d.lost) AS units FROM stock_demandday d
                        WHERE d.item_id = place.item_id AND d.node_id = place.node_id
                          AND d.day >= place.since AND d.day < %s
                   ) AS recent
            """,
            [
                [item for item, _ in places],
                [node for _, node in places],
                [since[place] for place in places],
                until,
            ],
        )
        return {
            (item_id, node_id): (max(0, int(units)), first_day)
            for item_id, node_id, units, first_day in cursor.fetchall()
        }


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


def oldest_mark() -> datetime | None:
    """When the oldest change was posted that the availability stage has not dealt with."""
    return StockMark.objects.aggregate(oldest=Min("posted_at"))["oldest"]


def causes_of(places: Iterable[Place], *, since: datetime) -> list[PositionCause]:
    """The last event that changed each place since a moment: by its ledger lines or its claim.

    A place that changed without an event (a policy, a hold) has the present cause.
    """
    asked = sorted(set(places))
    with connection.cursor() as cursor:
        cursor.execute(
            _CAUSES,
            {
                "items": [item for item, _ in asked],
                "nodes": [node for _, node in asked],
                "since": since,
            },
        )
        found = {(item, node): (event, cause) for item, node, event, cause in cursor.fetchall()}
    return [PositionCause(*place, *found.get(place, (None, correlation_id()))) for place in asked]


def is_marked() -> bool:
    """Whether changes wait for the availability stage."""
    return StockMark.objects.exists()


def _positions(where: str, parameters: list[Any]) -> dict[Place, Position]:
    with connection.cursor() as cursor:
        cursor.execute(f"{_POSITIONS} {where} ORDER BY b.item_id, b.node_id", parameters)
        found = [Position(*row) for row in cursor.fetchall()]
    return {(one.item_id, one.node_id): one for one in found}
