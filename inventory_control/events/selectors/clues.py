"""What events suggest without moving anything: shelves, serials, customers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from inventory_control.core.places import Place, Places
from inventory_control.core.sql import hot
from inventory_control.events.models import Serial
from inventory_control.events.values import EventDoubts, ShelfSignal, UnknownSerial


def serials_of(item_id: int, *, after: str = "", limit: int = 50) -> list[Serial]:
    """A page of the known units of an item, by serial."""
    found = Serial.objects.filter(item_id=item_id, serial__gt=after)
    return list(found.order_by("serial")[:limit])


def event_doubts() -> EventDoubts:
    """Whether any shelf and any unknown serial was ever told of; most looks need not ask further."""
    return EventDoubts(*hot(_DOUBTS, ())[0])


def unknown_serials(places: Iterable[Place]) -> dict[Place, list[UnknownSerial]]:
    """Units that came back to some places although no sale of them is known, by place."""
    units: dict[Place, list[UnknownSerial]] = {}
    for item_id, node_id, *unit in hot(_UNKNOWN_SERIALS, Places.of(places).arrays):
        units.setdefault((item_id, node_id), []).append(UnknownSerial(*unit))
    return units


def empty_shelves(places: Iterable[Place]) -> dict[Place, ShelfSignal]:
    """The places whose shelf showed nothing when it last said anything."""
    found = hot(_EMPTY_SHELVES, Places.of(places).arrays)
    return {(item_id, node_id): ShelfSignal(*signal) for item_id, node_id, *signal in found}


def customer_signals(item_id: int, *, since: datetime) -> dict[str, int]:
    """How often customers asked for an item since a moment, by what they said (EVT-23).

    Back-in-stock subscriptions, complaints, reasons of cancelling: counted, nobody named. A
    signal that was corrected does not count.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CUSTOMER_SIGNALS, [item_id, since])
        return dict(cursor.fetchall())


_DOUBTS = """
    SELECT EXISTS (SELECT FROM events_shelfword),
           EXISTS (SELECT FROM events_serial WHERE is_unknown)
"""
_UNKNOWN_SERIALS = """
    SELECT s.item_id, s.returned_to, s.serial, s.returned_at, s.lot
      FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
      JOIN events_serial s
        ON s.item_id = place.item_id AND s.returned_to = place.node_id AND s.is_unknown
     ORDER BY s.item_id, s.serial
"""
_EMPTY_SHELVES = """
    SELECT w.item_id, w.node_id, w.occurred_at, w.source, w.source_id
      FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
      JOIN events_shelfword w
        ON w.item_id = place.item_id AND w.node_id = place.node_id AND w.is_empty
"""
_CUSTOMER_SIGNALS = """
    SELECT coalesce(e.reason, e.signal, 'unnamed'), count(*)
      FROM (
               SELECT o.id, nullif(o.details ->> 'reason', '') AS reason,
                      nullif(o.details -> 'attributes' ->> 'signal', '') AS signal
                 FROM events_inventoryevent o
                WHERE o.kind = 'signal' AND o.type = 'customer.signalled'
                  AND o.item_id = %s AND o.occurred_at >= %s
           ) AS e
     WHERE NOT EXISTS (
         SELECT FROM events_correction c WHERE c.fact_id = e.id AND c.is_standing
     )
     GROUP BY 1
     ORDER BY 1
"""
