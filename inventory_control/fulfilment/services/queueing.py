"""Taking backorders in: order lines that could not be served join the queue, as events tell it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from inventory_control.audit.services import advance_all, record_all
from inventory_control.core.actors import Actor
from inventory_control.events.services import work_through
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.selectors import CONSUMER, places_waiting
from inventory_control.fulfilment.states import BackorderStatus, Service
from inventory_control.orders.selectors import items_of
from inventory_control.orders.services import follow_events
from inventory_control.stock.services import mark_again

_FACTS = """
    SELECT DISTINCT o.id, o.type, o.item_id, o.node_id, o.occurred_at, o.details,
           CASE WHEN c.event_id IS NULL THEN o.quantity ELSE coalesce(c.quantity, 0) END
      FROM events_inventoryevent e
      JOIN events_inventoryevent o ON o.id = coalesce(e.corrects, e.id)
      LEFT JOIN events_correction c ON c.fact_id = o.id AND c.is_standing
     WHERE e.id = ANY(%s)
     ORDER BY o.id
"""


def queue_backorders(*, by: Actor) -> int:
    """Take in what events say of backorders, and look again where expected supply moved.

    Orders follow first: a promise rests on what they expect. Returns the events dealt with.
    """
    follow_events(by=by)
    return work_through(CONSUMER, lambda event_ids: _take_in(event_ids, by))


def _take_in(event_ids: Sequence[int], by: Actor) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, [list(event_ids)])
        facts = [(*row[:5], msgspec.json.decode(row[5]), row[6]) for row in cursor.fetchall()]
    told = [_told(*fact) for fact in facts if fact[1] == "order.backordered"]
    documents = {
        str(fact[5]["document"])
        for fact in facts
        if fact[1] != "order.backordered" and "document" in fact[5]
    }
    places = _write(told, by)
    if documents:
        places |= places_waiting(items_of(documents))
    mark_again(places)


def _told(
    event_id: int,
    _type: str,
    item_id: int,
    node_id: int,
    occurred_at: Any,
    details: dict[str, Any],
    units: int,
) -> Backorder:
    service = (details.get("attributes") or {}).get("service")
    return Backorder(
        event_id=event_id,
        order=details["order"],
        line=details["line"],
        item_id=item_id,
        node_id=node_id,
        channel=details.get("channel", ""),
        customer=details.get("customer", ""),
        service=service if service in Service.values else Service.STANDARD,
        quantity=max(0, units),
        ordered_at=occurred_at,
        promise_at=_moment(details.get("due_at")),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _write(told: Sequence[Backorder], by: Actor) -> set[tuple[int, int]]:
    """Queue what is new, and change what a correction changed; returns where to look again."""
    known = {
        row.event_id: row
        for row in Backorder.objects.select_for_update()
        .filter(event_id__in=[one.event_id for one in told])
        .order_by("pk")
    }
    fresh = [one for one in told if one.event_id not in known]
    changed = [one for one in told if one.event_id in known and _differs(one, known)]
    Backorder.objects.bulk_create(fresh)
    record_all(
        "backorder.queued",
        kind="backorder",
        subjects={
            str(one.pk): {"order": one.order, "line": one.line, "quantity": one.quantity}
            for one in fresh
        },
        by=by,
    )
    for one in changed:
        known[one.event_id].quantity = one.quantity
    rows = [known[one.event_id] for one in changed]
    Backorder.objects.bulk_update(rows, ["quantity"])
    again = [
        row
        for row in rows
        if row.quantity > row.allocated and row.status_value != BackorderStatus.WAITING
    ]
    advance_all(again, BackorderStatus.WAITING, by=by, verb="backorder.corrected")
    return {(one.item_id, one.node_id) for one in (*fresh, *rows)}


def _differs(one: Backorder, known: dict[int, Backorder]) -> bool:
    return known[one.event_id].quantity != one.quantity
