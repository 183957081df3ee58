"""Purchase orders and transfers: documents that will move stock, and when."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from inventory_control.core.flow import Stateful, status_in
from inventory_control.core.tenancy import TenantModel
from inventory_control.orders.states import (
    BOOKING_FLOW,
    PURCHASE_ORDER_FLOW,
    PURCHASE_ORDER_OPEN,
    TRANSFER_FLOW,
    TRANSFER_OPEN,
    BookingStatus,
    HeldFor,
    PurchaseOrderStatus,
    TransferStatus,
)
from inventory_control.stock.states import Form


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
    """So many units of one item; `received` is what receipts and their corrections come to.

    `announced` is what shipping notices name of it (None: none has), `damaged` the part of what was
    `inspected` that is not fit for sale. `awaits_more` says that the last receipt was one of several.
    """

    order = models.ForeignKey(PurchaseOrder, on_delete=models.CASCADE, related_name="lines")
    item = models.ForeignKey("catalog.Item", on_delete=models.PROTECT, related_name="+")
    quantity = models.BigIntegerField()
    received = models.BigIntegerField(default=0)
    announced = models.BigIntegerField(null=True)
    inspected = models.BigIntegerField(default=0)
    damaged = models.BigIntegerField(default=0)
    awaits_more = models.BooleanField(default=False)
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
            ),
            models.Index(
                fields=["order"],
                condition=(Q(received__gt=0) & ~Q(received=F("quantity")))
                | (Q(announced__isnull=False) & ~Q(announced=F("quantity")))
                | Q(damaged__gt=0),
                name="purchase_order_line_disputed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.item_id}"

    @property
    def outstanding(self) -> int:
        """Units still to come; never below zero, an excess is a dispute of its own."""
        return max(0, self.quantity - self.received)

    @property
    def is_short(self) -> bool:
        """Whether the last receipt left units out without announcing more: a dispute, no delay."""
        return 0 < self.received < self.quantity and not self.awaits_more


class TransferOrder(Stateful):
    """Stock asked to move from one node to another.

    What was shipped is in transit until it is `received`, `returned` to its sender or
    `written_off`. `awaits_more` says that the last receipt was one of several.
    """

    flow = TRANSFER_FLOW

    number = models.CharField(max_length=60, unique=True)
    item = models.ForeignKey("catalog.Item", on_delete=models.PROTECT, related_name="+")
    from_node = models.ForeignKey("catalog.Node", on_delete=models.PROTECT, related_name="+")
    to_node = models.ForeignKey("catalog.Node", on_delete=models.PROTECT, related_name="+")
    quantity = models.BigIntegerField()
    shipped = models.BigIntegerField(default=0)
    received = models.BigIntegerField(default=0)
    returned = models.BigIntegerField(default=0)
    written_off = models.BigIntegerField(default=0)
    awaits_more = models.BooleanField(default=False)
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
            models.Index(
                fields=["expected_at"],
                condition=Q(status__in=TRANSFER_OPEN),
                name="transfer_due",
            ),
            models.Index(
                fields=["id"],
                condition=(Q(received__gt=0) | Q(returned__gt=0) | ~Q(written_off=0))
                & ~Q(shipped=F("received") + F("returned") + F("written_off")),
                name="transfer_disputed",
            ),
            models.Index(fields=["-id"], name="transfer_latest"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def outstanding(self) -> int:
        """Units still to arrive."""
        return max(0, self.quantity - self.received - self.returned - self.written_off)

    @property
    def in_transit(self) -> int:
        """Units that left their node and came nowhere; below zero when more came than left."""
        return self.shipped - self.received - self.returned - self.written_off


class FinancialDocument(Stateful):
    """What one event means to the ERP: one document, told once, after the goods were decided on.

    `event_id` with `part` is what makes it one: a count whose adjustment changes afterwards gets a
    second part with the difference. `quantity` and `value` are signed as the books see them.
    `entity` books it, `counterparty` is the other legal entity, if any. `document` is the order or
    transfer the event named. `booked_at` is the date it is told under: of the event, or of the
    decision it waited for (`held_for`).
    """

    flow = BOOKING_FLOW

    number = models.CharField(max_length=20, unique=True)
    event_id = models.BigIntegerField()
    part = models.PositiveSmallIntegerField(default=0)
    form = models.CharField(max_length=12, choices=Form.choices)
    move = models.CharField(max_length=40)
    item = models.ForeignKey("catalog.Item", on_delete=models.PROTECT, related_name="+")
    node = models.ForeignKey("catalog.Node", on_delete=models.PROTECT, related_name="+")
    quantity = models.BigIntegerField()
    value = models.DecimalField(max_digits=16, decimal_places=2)
    entity = models.CharField(max_length=40, blank=True, default="")
    counterparty = models.CharField(max_length=40, blank=True, default="")
    document = models.CharField(max_length=200, blank=True, default="")
    reverses = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=300, blank=True, default="")
    occurred_at = models.DateTimeField()
    booked_at = models.DateTimeField(null=True)
    held_for = models.CharField(max_length=12, choices=HeldFor.choices, blank=True, default="")
    decided_by = models.CharField(max_length=80, blank=True, default="")
    decided_reason = models.CharField(max_length=300, blank=True, default="")
    external_id = models.CharField(max_length=80, blank=True, default="")
    error = models.CharField(max_length=300, blank=True, default="")
    status = models.CharField(
        max_length=12, choices=BookingStatus.choices, default=BookingStatus.PENDING
    )

    class Meta(Stateful.Meta):
        verbose_name = "ERP document"
        constraints = [
            status_in(BookingStatus.values, name="financial_document_status"),
            models.UniqueConstraint(fields=["event_id", "part"], name="financial_document_once"),
        ]
        indexes = [
            models.Index(
                fields=["document"],
                condition=Q(status=BookingStatus.PENDING),
                name="financial_document_held",
            ),
            models.Index(fields=["document", "id"], name="financial_document_of"),
            models.Index(fields=["item", "-id"], name="financial_document_of_item"),
            models.Index(fields=["-id"], name="financial_document_latest"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def expectation(self) -> str:
        """What the ledger line says of it: pending until the ERP acknowledged it."""
        form = f"ERP {self.get_form_display().lower()}"
        if self.status_value in (BookingStatus.PENDING, BookingStatus.QUEUED):
            return f"expects {form}, pending"
        if self.status_value == BookingStatus.WAIVED:
            return f"no {form}: decided against"
        return f"{form}, {self.status_value}"
