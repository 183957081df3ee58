"""Items, nodes, channels, suppliers, and the planning parameters of an item at a node.

The ERP owns items, costs and suppliers (D1): they arrive by master-data sync and are read-only
in the console.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from inventory_control.core.tenancy import TenantModel


class Supplier(TenantModel):
    """Who items are bought from, with the lead time the contract names."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    lead_time_days = models.PositiveIntegerField(default=7)
    lead_time_sd_days = models.FloatField(default=0.0)
    minimum_order_value = models.DecimalField(max_digits=12, decimal_places=2, default=0)

    class Meta(TenantModel.Meta):
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name


class Item(TenantModel):
    """The thing sold. Quantities are whole units of `unit`: goods by weight are counted in grams."""

    sku = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    unit = models.CharField(max_length=10, default="each")
    item_class = models.CharField(max_length=20, default="C")
    unit_cost = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    unit_price = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    supplier = models.ForeignKey(
        Supplier, on_delete=models.PROTECT, null=True, blank=True, related_name="items"
    )
    pack_size = models.PositiveIntegerField(default=1)
    minimum_order_quantity = models.PositiveIntegerField(default=1)

    class Meta(TenantModel.Meta):
        constraints = [
            models.CheckConstraint(condition=models.Q(pack_size__gte=1), name="item_pack_size")
        ]

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"


class Node(TenantModel):
    """A place that holds stock. `closed_weekdays` are ISO numbers (Monday is 1)."""

    class Kind(models.TextChoices):
        STORE = "store", "Store"
        DC = "dc", "Distribution centre"
        THIRD_PARTY = "3pl", "Third-party logistics"
        DARK_STORE = "dark_store", "Dark store"

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.STORE)
    region = models.CharField(max_length=40, blank=True, default="")
    capacity_units = models.BigIntegerField(null=True, blank=True)
    closed_weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    transfer_days = models.PositiveIntegerField(default=1)

    class Meta(TenantModel.Meta):
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name


class Channel(TenantModel):
    """A place that sells. It may draw on `nodes`, less `buffer` units kept back per item."""

    class Kind(models.TextChoices):
        STORE = "store", "Stores"
        WEB = "web", "Web shop"
        MARKETPLACE = "marketplace", "Marketplace"

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.WEB)
    buffer = models.PositiveIntegerField(default=0)
    nodes = models.ManyToManyField(Node, related_name="channels")
    is_published = models.BooleanField(default=True)

    class Meta(TenantModel.Meta):
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name


class ItemNode(TenantModel):
    """Planning parameters of an item at a node, in units.

    `reorder_point` and `order_up_to` None mean: no fixed level, the advice computes one.
    """

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="at_nodes")
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="items")
    reorder_point = models.BigIntegerField(null=True, blank=True)
    order_up_to = models.BigIntegerField(null=True, blank=True)
    safety_stock = models.BigIntegerField(default=0)
    is_ranged = models.BooleanField(default=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["item", "node"], name="item_node_once"),
            models.CheckConstraint(
                condition=models.Q(safety_stock__gte=0), name="safety_stock_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} at {self.node_id}"
