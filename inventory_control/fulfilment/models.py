"""Who waits for stock, and how much each node has taken on for a day."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory_control.core.flow import Stateful, status_in
from inventory_control.core.tenancy import TenantModel
from inventory_control.fulfilment.states import BACKORDER_FLOW, BackorderStatus, Service
from inventory_control.fulfilment.values import Waiting


class Backorder(Stateful):
    """Units of an order line that could not be served: one row per `order.backordered` event.

    `quantity` is what corrections left of the event, `allocated` what the queue committed to the
    line since. `promise_at` moves with the supply that is expected; `promises` counts its moves.
    """

    flow = BACKORDER_FLOW

    event_id = models.BigIntegerField(unique=True)
    order = models.CharField(max_length=200)
    line = models.CharField(max_length=200)
    item = models.ForeignKey("catalog.Item", on_delete=models.PROTECT, related_name="+")
    node = models.ForeignKey("catalog.Node", on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=200, blank=True, default="")
    customer = models.CharField(max_length=200, blank=True, default="")
    service = models.CharField(max_length=8, choices=Service.choices, default=Service.STANDARD)
    quantity = models.BigIntegerField()
    allocated = models.BigIntegerField(default=0)
    ordered_at = models.DateTimeField()
    promise_at = models.DateTimeField(null=True)
    promises = models.PositiveIntegerField(default=0)
    status = models.CharField(
        max_length=9, choices=BackorderStatus.choices, default=BackorderStatus.WAITING
    )

    class Meta(Stateful.Meta):
        constraints = [
            status_in(BackorderStatus.values, name="backorder_status"),
            models.CheckConstraint(condition=Q(quantity__gte=0), name="backorder_units"),
        ]
        indexes = [
            models.Index(
                fields=["item", "node"],
                condition=Q(status=BackorderStatus.WAITING),
                name="backorder_waiting",
            ),
            models.Index(fields=["order"], name="backorder_of_order"),
            models.Index(fields=["status", "ordered_at", "id"], name="backorder_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.item_id} for {self.key}"

    @property
    def key(self) -> str:
        """The key of the claim it will have."""
        return f"{self.order}/{self.line}"

    def as_waiting(self, units: int) -> Waiting:
        """It as the rules see it, with the units it still wants."""
        return Waiting(self.pk, units, self.service == Service.PREMIUM, self.ordered_at)


class NodeLoad(TenantModel):
    """Units that allocation gave a node to handle on one day, against its daily capacity."""

    pk = models.CompositePrimaryKey("node_id", "day")
    node = models.ForeignKey("catalog.Node", on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    units = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.units} at {self.node_id} on {self.day}"
