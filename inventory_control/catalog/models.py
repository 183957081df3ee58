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
    """The thing sold. Quantities are whole units of `unit`: goods by weight are counted in grams.

    Of items that `has_serials` every unit has an identity of its own.
    """

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
    has_serials = models.BooleanField(default=False)

    class Meta(TenantModel.Meta):
        constraints = [
            models.CheckConstraint(condition=models.Q(pack_size__gte=1), name="item_pack_size")
        ]

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"


class Node(TenantModel):
    """A place that holds stock. `closed_weekdays` are ISO numbers (Monday is 1).

    `legal_entity` owns what lies there: a transfer to another entity is a sale between the two.
    `daily_capacity` is how many units orders may take from it a day (None: no limit),
    `ready_hours` how long an order takes to leave it.
    """

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
    legal_entity = models.CharField(max_length=40, blank=True, default="")
    daily_capacity = models.PositiveIntegerField(null=True, blank=True)
    ready_hours = models.PositiveIntegerField(default=24)

    class Meta(TenantModel.Meta):
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name


class Channel(TenantModel):
    """A place that sells. It may draw on `nodes`, less `buffer` units kept back per item.

    When stock is short the lower `priority` is served first. `margin` is the share of the price
    that is left of a sale there (0.31), None when unknown.
    """

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
    priority = models.PositiveSmallIntegerField(default=100)
    margin = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)

    class Meta(TenantModel.Meta):
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name


class ItemIdentifier(TenantModel):
    """Another name of an item: a GTIN, a vendor's or the ERP's code, a marketplace listing (EVT-15).

    `source` is the event source whose name it is, empty for names everybody uses. The name a
    source gives itself goes before the one everybody uses.
    """

    class Kind(models.TextChoices):
        GTIN = "gtin", "GTIN"
        VENDOR = "vendor", "Vendor's code"
        ERP = "erp", "ERP code"
        LISTING = "listing", "Listing"
        OTHER = "other", "Other"

    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.OTHER)
    source = models.CharField(max_length=80, blank=True, default="")
    value = models.CharField(max_length=200)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="identifiers")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["value", "source"], name="item_identifier_once")
        ]

    def __str__(self) -> str:
        return f"{self.value} of {self.source or 'everybody'}"


class NodeIdentifier(TenantModel):
    """Another name of a node, such as the store code of the POS; see `ItemIdentifier`."""

    source = models.CharField(max_length=80, blank=True, default="")
    value = models.CharField(max_length=200)
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="identifiers")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["value", "source"], name="node_identifier_once")
        ]

    def __str__(self) -> str:
        return f"{self.value} of {self.source or 'everybody'}"


class StateMapping(TenantModel):
    """What a source's own inventory status means here (EVT-16): its `code` -> a stock state.

    A code without a mapping is held, never taken for sellable.
    """

    source = models.CharField(max_length=80)
    code = models.CharField(max_length=80)
    state = models.CharField(max_length=20)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["source", "code"], name="state_mapping_once")
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.code}: {self.state}"


class Substitute(TenantModel):
    """An item that may stand in for another, best `rank` first, once approved (LED-25)."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="substitutes")
    substitute = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+")
    rank = models.PositiveSmallIntegerField(default=1)
    is_approved = models.BooleanField(default=False)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["item", "substitute"], name="substitute_once"),
            models.CheckConstraint(
                condition=~models.Q(item=models.F("substitute")), name="substitute_of_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.substitute_id} for {self.item_id}"


class Promotion(TenantModel):
    """A promotion of an item that rules look ahead to (EVT-21).

    `uplift` is the demand added while it runs, as a share (1.5 is two and a half times the
    usual); `node` None means everywhere.
    """

    code = models.CharField(max_length=80)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="promotions")
    node = models.ForeignKey(
        Node, on_delete=models.CASCADE, null=True, blank=True, related_name="promotions"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    uplift = models.DecimalField(max_digits=6, decimal_places=3)
    is_cancelled = models.BooleanField(default=False)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["code", "item", "node"], name="promotion_once"),
            models.UniqueConstraint(
                fields=["code", "item"],
                condition=models.Q(node__isnull=True),
                name="promotion_everywhere_once",
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="promotion_ends_later"
            ),
        ]
        indexes = [models.Index(fields=["item", "ends_at"], name="promotion_of_item")]

    def __str__(self) -> str:
        return f"{self.code} of {self.item_id}"


class ItemNode(TenantModel):
    """Planning parameters of an item at a node, in units.

    `reorder_point` and `order_up_to` None mean: no fixed level, the advice computes one. Both
    indexes over item and node name both, as those of `StockBalance`.
    """

    item = models.ForeignKey(
        Item, on_delete=models.CASCADE, related_name="at_nodes", db_index=False
    )
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="items", db_index=False)
    reorder_point = models.BigIntegerField(null=True, blank=True)
    order_up_to = models.BigIntegerField(null=True, blank=True)
    safety_stock = models.BigIntegerField(default=0)
    is_ranged = models.BooleanField(default=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["node", "item"], name="item_node_of_node")]
        constraints = [
            models.UniqueConstraint(fields=["item", "node"], name="item_node_once"),
            models.CheckConstraint(
                condition=models.Q(safety_stock__gte=0), name="safety_stock_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} at {self.node_id}"
