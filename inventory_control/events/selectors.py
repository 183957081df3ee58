"""Questions about the inbox."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import QuerySet

from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.events.states import DeadLetterStatus

ROUTES: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    (
        "receipt.recorded",
        "transfer.shipped",
        "transfer.received",
        "transfer.created",
        "transfer.cancelled",
        "purchase_order.created",
        "purchase_order.confirmed",
        "purchase_order.changed",
        "purchase_order.cancelled",
        "asn.created",
        "asn.updated",
        "shipment.dispatched",
    ),
    ("orders",),
)
"""Which consumers deal with a type after it is posted, each for itself (EVT-19)."""


def route_of(event_type: str) -> tuple[str, ...]:
    """The consumers of a type."""
    return ROUTES.get(event_type, ())


def event_history(*, item_id: int, node_id: int | None = None) -> QuerySet[InventoryEvent]:
    """The events of an item, newest first."""
    events = InventoryEvent.objects.filter(item_id=item_id)
    if node_id is not None:
        events = events.filter(node_id=node_id)
    return events.order_by("-occurred_at", "-id")


def open_dead_letters() -> QuerySet[DeadLetter]:
    """Refused rows that wait for a person, newest first."""
    return DeadLetter.objects.filter(status=DeadLetterStatus.OPEN).order_by("-id")
