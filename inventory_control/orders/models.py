"""Purchase orders and transfers: documents that will move stock, and when."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from inventory_control.core.flow import Stateful, status_in
from inventory_control.core.tenancy import TenantModel
from inventory_control.orders.states import (
    PURCHASE_ORDER_FLOW,
    PURCHASE_ORDER_OPEN,
    TRANSFER_FLOW,
    TRANSFER_OPEN,
    PurchaseOrderStatus,
    TransferStatus,
)


class PurchaseOrder(Stateful):
    """An order to a supplier for delivery at one node; ours when a workflow placed it.

    `number` is the document every event about it names. `expected_at` moves with confirmations
    and shipping notices; `promised_at` keeps the first promise, so that a delay can be measured.
    """

    flow = PURCHASE_ORDER_FLOW

    number = models.CharField(max_length=60, unique=True)
    supplier = models.ForeignKey(
        "catalog.Supplier", on_delete=models.PROTECT, null=True, related_name="purchase_orders"
    )
    node = models.ForeignKey("catalog.Node", on_delete=models.PROTECT, related_name="+")
    ordered_at = models.DateTimeField()
    promised_at = models.DateTimeField(null=True)
    expected_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(null=True)
    asn = models.CharField(max_length=60, blank=True, default="")
    external_id = models.CharField(max_length=80, blank=True, default="")
    value = models.DecimalField(max_digits=16, decimal_places=2, default=0)
    is_ours = models.BooleanField(default=True)
    status = models.CharField(
        max_length=14, choices=PurchaseOrderStatus.choices, default=PurchaseOrderStatus.APPROVED
    )

    class Meta(Stateful.Meta):
        constraints = [status_in(PurchaseOrderStatus.values, name="purchase_order_status")]
        indexes = [
            models.Index(
                fields=["expected_at"],
                condition=Q(status__in=PURCHASE_ORDER_OPEN),
                name="purchase_order_open",
            ),
            models.Index(fields=["-id"], name="purchase_order_latest"),
        ]

    def __str__(self) -> str:
        return self.number


class PurchaseOrderLine(TenantModel):
    """So many units of one item; `received` is what receipts and their corrections come to."""

    order = models.ForeignKey(PurchaseOrder, on_delete=models.CASCADE, related_name="lines")
    item = models.ForeignKey("catalog.Item", on_delete=models.PROTECT, related_name="+")
    quantity = models.BigIntegerField()
    received = models.BigIntegerField(default=0)
    unit_cost = models.DecimalField(max_digits=12, decimal_places=4, default=0)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["order", "item"], name="purchase_order_item_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="purchase_order_line_units"),
        ]
        indexes = [
            models.Index(
                fields=["item"],
                condition=Q(received__lt=F("quantity")),
                name="purchase_order_line_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.item_id}"

    @property
    def outstanding(self) -> int:
        """Units still to come; never below zero, an excess is a dispute of its own."""
        return max(0, self.quantity - self.received)


class TransferOrder(Stateful):
    """Stock asked to move from one node to another."""

    flow = TRANSFER_FLOW

    number = models.CharField(max_length=60, unique=True)
    item = models.ForeignKey("catalog.Item", on_delete=models.PROTECT, related_name="+")
    from_node = models.ForeignKey("catalog.Node", on_delete=models.PROTECT, related_name="+")
    to_node = models.ForeignKey("catalog.Node", on_delete=models.PROTECT, related_name="+")
    quantity = models.BigIntegerField()
    shipped = models.BigIntegerField(default=0)
    received = models.BigIntegerField(default=0)
    ordered_at = models.DateTimeField()
    expected_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(null=True)
    external_id = models.CharField(max_length=80, blank=True, default="")
    value = models.DecimalField(max_digits=16, decimal_places=2, default=0)
    is_ours = models.BooleanField(default=True)
    status = models.CharField(
        max_length=10, choices=TransferStatus.choices, default=TransferStatus.APPROVED
    )

    class Meta(Stateful.Meta):
        constraints = [
            status_in(TransferStatus.values, name="transfer_status"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="transfer_units"),
            models.CheckConstraint(
                condition=~Q(from_node=F("to_node")), name="transfer_between_two_nodes"
            ),
        ]
        indexes = [
            models.Index(
                fields=["item", "to_node"],
                condition=Q(status__in=TRANSFER_OPEN),
                name="transfer_open",
            ),
            models.Index(fields=["-id"], name="transfer_latest"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def outstanding(self) -> int:
        """Units still to arrive."""
        return max(0, self.quantity - self.received)
