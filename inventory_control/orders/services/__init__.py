"""Commands on orders: place, acknowledge, cancel, follow what events say, book it with the ERP."""

from inventory_control.orders.services.booking import (
    BOOK,
    acknowledge_documents,
    book_events,
    decide_document,
    refuse_document,
)
from inventory_control.orders.services.following import follow_events
from inventory_control.orders.services.placing import (
    acknowledged,
    cancel_purchase,
    place_purchases,
    place_transfers,
)
from inventory_control.orders.services.settling import settle_transfer

__all__ = [
    "BOOK",
    "acknowledge_documents",
    "acknowledged",
    "book_events",
    "cancel_purchase",
    "decide_document",
    "follow_events",
    "place_purchases",
    "place_transfers",
    "refuse_document",
    "settle_transfer",
]
