"""Who deals with which event after it is posted, and what they still owe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inventory_control.events.models import EventWork
from inventory_control.events.states import (
    BOOKED_TYPES,
    CONSENT_WITHDRAWN,
    DOCUMENT_TYPES,
    MASTER_TYPES,
    ORDERING_TYPES,
    OUTCOME_TYPES,
    SERIAL_TYPES,
    SHELF_TYPES,
)

ERP = "erp"
"""The consumer that tells the ERP what the ledger did."""
_ARRIVALS = frozenset(
    {"receipt.recorded", "shipment.dispatched", "transfer.received", "transfer.shipped"}
)
"""What merely arrives moves stock, and needs no second word to those who wait for it."""
_CONSUMERS: Mapping[str, Sequence[str]] = {
    "orders": DOCUMENT_TYPES,
    "backorders": (*(one for one in DOCUMENT_TYPES if one not in _ARRIVALS), "order.backordered"),
    ERP: (*BOOKED_TYPES, *ORDERING_TYPES),
    "masters": MASTER_TYPES,
    "shelves": SHELF_TYPES,
    "notifications": (CONSENT_WITHDRAWN, *OUTCOME_TYPES),
    "reports": ("control_total.declared", "position.reported", "stock.counted"),
}
ROUTES: Mapping[str, tuple[str, ...]] = {
    event_type: tuple(name for name, types in _CONSUMERS.items() if event_type in types)
    for event_type in sorted({one for types in _CONSUMERS.values() for one in types})
}
"""Which consumers deal with a type after it is posted, each for itself (EVT-19)."""
SERIAL_ROUTES: Mapping[str, tuple[str, ...]] = dict.fromkeys(SERIAL_TYPES, ("serials",))
"""And which do so only when the event names a serial: most sales name none."""
LAST_ATTEMPT = 5
"""After so many failures a consumer leaves an event alone."""


def route_of(event_type: str, *, has_serial: bool = False) -> tuple[str, ...]:
    """The consumers of an event of a type, with or without a serial."""
    usual = ROUTES.get(event_type, ())
    return usual + SERIAL_ROUTES.get(event_type, ()) if has_serial else usual


def is_work_due(consumer: str) -> bool:
    """Whether events wait for a consumer that it may still try."""
    return EventWork.objects.filter(consumer=consumer, attempts__lt=LAST_ATTEMPT).exists()


def work_of(event_id: int) -> list[EventWork]:
    """Consumers that still owe an event their part, by name."""
    return list(EventWork.objects.filter(event_id=event_id).order_by("consumer", "pk"))


def dead_work(*, before: int | None = None, limit: int = 50) -> list[EventWork]:
    """A page of events a consumer gave up on, newest first."""
    found = EventWork.objects.filter(attempts__gte=LAST_ATTEMPT).select_related(
        "event__item", "event__node"
    )
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])
