"""The lives of the documents that will move stock."""

from __future__ import annotations

from django.db import models

from inventory_control.core.flow import Flow


class PurchaseOrderStatus(models.TextChoices):
    """Sent means the ERP acknowledged it; received means every line arrived in full."""

    APPROVED = "approved", "Approved, waiting to leave"
    SENT = "sent", "Acknowledged by the ERP"
    CONFIRMED = "confirmed", "Confirmed by the supplier"
    PART_RECEIVED = "part_received", "Received in part"
    RECEIVED = "received", "Received in full"
    CANCELLED = "cancelled", "Cancelled"


_ARRIVING = frozenset({PurchaseOrderStatus.PART_RECEIVED, PurchaseOrderStatus.RECEIVED})
_UNARRIVED = frozenset({PurchaseOrderStatus.SENT, PurchaseOrderStatus.CONFIRMED})
PURCHASE_ORDER_FLOW = Flow(
    {
        PurchaseOrderStatus.APPROVED: _ARRIVING
        | {
            PurchaseOrderStatus.SENT,
            PurchaseOrderStatus.CONFIRMED,
            PurchaseOrderStatus.CANCELLED,
        },
        PurchaseOrderStatus.SENT: _ARRIVING
        | {PurchaseOrderStatus.CONFIRMED, PurchaseOrderStatus.CANCELLED},
        PurchaseOrderStatus.CONFIRMED: _ARRIVING | {PurchaseOrderStatus.CANCELLED},
        PurchaseOrderStatus.PART_RECEIVED: _UNARRIVED
        | {PurchaseOrderStatus.RECEIVED, PurchaseOrderStatus.CANCELLED},
        PurchaseOrderStatus.RECEIVED: _UNARRIVED
        | {PurchaseOrderStatus.PART_RECEIVED, PurchaseOrderStatus.CANCELLED},
        PurchaseOrderStatus.CANCELLED: frozenset({PurchaseOrderStatus.RECEIVED}),
    }
)
"""Receipts may overtake the acknowledgement: order of arrival never matters. A corrected receipt
opens a received order again, and goods that came in full in spite of a cancellation were received.
"""

PURCHASE_ORDER_OPEN = (
    PurchaseOrderStatus.APPROVED.value,
    PurchaseOrderStatus.SENT.value,
    PurchaseOrderStatus.CONFIRMED.value,
    PurchaseOrderStatus.PART_RECEIVED.value,
)


class TransferStatus(models.TextChoices):
    """Stock leaves its node at `shipped`, never at the request."""

    APPROVED = "approved", "Approved, waiting to leave"
    SENT = "sent", "Acknowledged by the warehouse"
    SHIPPED = "shipped", "On its way"
    RECEIVED = "received", "Received in full"
    CANCELLED = "cancelled", "Cancelled"


TRANSFER_FLOW = Flow(
    {
        TransferStatus.APPROVED: frozenset(
            {
                TransferStatus.SENT,
                TransferStatus.SHIPPED,
                TransferStatus.RECEIVED,
                TransferStatus.CANCELLED,
            }
        ),
        TransferStatus.SENT: frozenset(
            {TransferStatus.SHIPPED, TransferStatus.RECEIVED, TransferStatus.CANCELLED}
        ),
        TransferStatus.SHIPPED: frozenset(
            {TransferStatus.SENT, TransferStatus.RECEIVED, TransferStatus.CANCELLED}
        ),
        TransferStatus.RECEIVED: frozenset(
            {TransferStatus.SENT, TransferStatus.SHIPPED, TransferStatus.CANCELLED}
        ),
        TransferStatus.CANCELLED: frozenset({TransferStatus.SHIPPED, TransferStatus.RECEIVED}),
    }
)
"""What left its node is on its way whatever was said of the transfer; a corrected shipment or
receipt takes it back.
"""


class BookingStatus(models.TextChoices):
    """A document is pending until it may be told, acknowledged once the ERP has it."""

    PENDING = "pending", "Waits for a decision"
    QUEUED = "queued", "Told, not acknowledged"
    ACKNOWLEDGED = "acknowledged", "Acknowledged by the ERP"
    REFUSED = "refused", "Refused by the ERP"
    WAIVED = "waived", "Decided against: nothing is booked"


BOOKING_FLOW = Flow(
    {
        BookingStatus.PENDING: frozenset({BookingStatus.QUEUED, BookingStatus.WAIVED}),
        BookingStatus.QUEUED: frozenset({BookingStatus.ACKNOWLEDGED, BookingStatus.REFUSED}),
        BookingStatus.REFUSED: frozenset({BookingStatus.ACKNOWLEDGED}),
        BookingStatus.ACKNOWLEDGED: frozenset(),
        BookingStatus.WAIVED: frozenset(),
    }
)
"""A refused document is acknowledged when its command was sent again and taken."""


class Settlement(models.TextChoices):
    """What became of units that left one node and did not come to the other."""

    FOUND = "found", "Found: received after all"
    RETURNED = "returned", "Gone back to the sender"
    WRITTEN_OFF = "written_off", "Lost: written off"


class HeldFor(models.TextChoices):
    """Why a document may not be told yet."""

    NOTHING = "", "Nothing"
    UNORDERED = "unordered", "Goods nobody ordered: accept or send back"
    ORIGIN = "origin", "The node the goods came from is not known yet"


TRANSFER_OPEN = (
    TransferStatus.APPROVED.value,
    TransferStatus.SENT.value,
    TransferStatus.SHIPPED.value,
)
