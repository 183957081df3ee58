"""Commands on orders: place, acknowledge, cancel, follow what events say."""

from inventory_control.orders.services.following import follow_events
from inventory_control.orders.services.placing import (
    acknowledged,
    cancel_purchase,
    place_purchases,
    place_transfers,
)

__all__ = [
    "acknowledged",
    "cancel_purchase",
    "follow_events",
    "place_purchases",
    "place_transfers",
]
