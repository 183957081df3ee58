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
        PurchaseOrderStatus.PART_RECEIVED: frozenset(
            {PurchaseOrderStatus.RECEIVED, PurchaseOrderStatus.CANCELLED}
        ),
        PurchaseOrderStatus.RECEIVED: frozenset({PurchaseOrderStatus.PART_RECEIVED}),
        PurchaseOrderStatus.CANCELLED: frozenset(),
    }
)
"""Receipts may overtake the acknowledgement: order of arrival never matters. A corrected receipt
opens a received order again.
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
        TransferStatus.SHIPPED: frozenset({TransferStatus.RECEIVED}),
        TransferStatus.RECEIVED: frozenset(),
        TransferStatus.CANCELLED: frozenset(),
    }
)

TRANSFER_OPEN = tuple(status for status in TRANSFER_FLOW.states if TRANSFER_FLOW.moves_from(status))
