"""What events suggest without moving anything: shelves, serials, customers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import connection

from inventory_control.events.models import Serial, ShelfWord
from inventory_control.events.values import ShelfSignal, UnknownSerial


def serials_of(item_id: int, *, after: str = "", limit: int = 50) -> list[Serial]:
    """A page of the known units of an item, by serial."""
    found = Serial.objects.filter(item_id=item_id, serial__gt=after)
    return list(found.order_by("serial")[:limit])


def unknown_serials(
    places: Collection[tuple[int, int]],
) -> dict[tuple[int, int], list[UnknownSerial]]:
    """Units that came back to some places although no sale of them is known, by place."""
    asked = set(places)
    units: dict[tuple[int, int], list[UnknownSerial]] = {}
    for one in Serial.objects.filter(
        is_unknown=True,
        item_id__in={item for item, _ in asked},
        returned_to__in={node for _, node in asked},
    ).order_by("item_id", "serial"):
        if (one.item_id, one.returned_to) in asked:
            units.setdefault((one.item_id, one.returned_to), []).append(
                UnknownSerial(one.serial, one.returned_at, one.lot)
            )
    return units


def empty_shelves(places: Collection[tuple[int, int]]) -> dict[tuple[int, int], ShelfSignal]:
    """The places whose shelf showed nothing when it last said anything."""
    asked = set(places)
    found = ShelfWord.objects.filter(
        is_empty=True,
        item_id__in={item for item, _ in asked},
        node_id__in={node for _, node in asked},
    )
    return {
        (one.item_id, one.node_id): ShelfSignal(one.occurred_at, one.source, one.source_id)
        for one in found
        if (one.item_id, one.node_id) in asked
    }


def customer_signals(item_id: int, *, since: datetime) -> dict[str, int]:
    """How often customers asked for an item since a moment, by what they said (EVT-23).

    Back-in-stock subscriptions, complaints, reasons of cancelling: counted, nobody named. A
    signal that was corrected does not count.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CUSTOMER_SIGNALS, [item_id, since])
        return dict(cursor.fetchall())


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
