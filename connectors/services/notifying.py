"""Notifying: subscribers are told of positions as they are now, and of the events they asked for."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import Any

from connectors.adapters import Adapter
from connectors.values import Peer, Sending
from inventory_control.availability.rules import available_to_sell
from inventory_control.availability.selectors import node_stock
from inventory_control.catalog.models import Item, Node
from inventory_control.core.actors import Actor
from inventory_control.core.outbound_lanes import Call
from inventory_control.events.models import Notice
from inventory_control.events.selectors import (
    SUBSCRIBERS,
    canonical_form,
    events_by_id,
    next_notices,
)
from inventory_control.events.services import forget_told, note_events, work_through
from inventory_control.events.states import POSITION_CHANGED
from inventory_control.outbox.services import queue_looks
from inventory_control.outbox.values import NOTIFY, SUBSCRIPTION, ClaimedCommand
from inventory_control.stock.selectors import positions_at
from inventory_control.stock.values import Position

AT_ONCE = 200
STATES = (
    "received", "quarantined", "sellable", "refurbishable", "damaged", "vendor_return",
    "in_transit", "reserved", "allocated", "on_hand",
)  # fmt: skip


def tell_subscribers(*, by: Actor) -> int:
    """Note freshly posted events for whoever subscribed to them, and send for each to be told."""

    def note(event_ids: Sequence[int]) -> None:
        told = note_events(event_ids)
        queue_looks(kind=NOTIFY, targets=told, subject_kind=SUBSCRIPTION, by=by)

    return work_through(SUBSCRIBERS, note)


def notify(
    command: ClaimedCommand, adapter: Adapter, peer: Peer
) -> Generator[Call, Any, Mapping[str, Any]]:
    """Tell one subscriber everything that is noted for it; what it did not take stays noted.

    It hands out the calls to make, as every delivery does.
    """
    told = 0
    while notices := next_notices(command.target, AT_ONCE):
        payload = {"events": _told(notices)}
        key = f"{command.idempotency_key}:{told}"
        yield partial(adapter.push, peer, Sending(NOTIFY, key, payload, command.correlation_id))
        forget_told(notices)
        told += len(notices)
    return {"told": told}


def _told(notices: Sequence[Notice]) -> list[dict[str, Any]]:
    """Each notice as it is told, in order; a constant number of queries."""
    positions = [one for one in notices if one.type == POSITION_CHANGED]
    places = [(one.item_id or 0, one.node_id or 0) for one in positions]
    found = positions_at(places)
    skus = dict(Item.objects.filter(pk__in=[item for item, _ in places]).values_list("pk", "sku"))
    codes = dict(Node.objects.filter(pk__in=[node for _, node in places]).values_list("pk", "code"))
    events = events_by_id([one.event_id for one in notices if one.event_id is not None])
    told = []
    for notice in notices:
        if notice.type != POSITION_CHANGED:
            event = events[notice.event_id or 0]
            told.append(
                {
                    "event_id": str(event.pk),
                    "recorded_at": event.recorded_at.isoformat(),
                    **canonical_form(event),
                }
            )
        elif (place := (notice.item_id or 0, notice.node_id or 0)) in found:
            names = (skus[place[0]], codes[place[1]])
            told.append(_position(notice, found[place], names))
    return told


def _position(notice: Notice, position: Position, names: tuple[str, str]) -> dict[str, Any]:
    """A position as it is now; an older `version` than one seen before may be ignored."""
    stock = node_stock(position)
    return {
        "type": POSITION_CHANGED,
        "item": names[0],
        "node": names[1],
        "position": {name: getattr(position, name) for name in STATES},
        "ats": available_to_sell(stock),
        "is_frozen": position.is_frozen,
        "version": notice.version,
        "as_of": position.changed_at.isoformat() if position.changed_at else None,
        "event_id": str(notice.event_id) if notice.event_id is not None else None,
        "correlation_id": notice.correlation_id,
    }
