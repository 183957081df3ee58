"""What each channel may sell of each item, and what it was told."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from inventory_control.availability.states import HOLD_FLOW, HOLD_LIVE, Fallback, HoldStatus
from inventory_control.core.flow import Stateful, status_in
from inventory_control.core.tenancy import TenantModel


class Availability(TenantModel):
    """The available-to-sell figure of an item on a channel, and the trail of its publication.

    `quantity` is what the channel should show, `published` what it is known to show: what it
    acknowledged last or said when asked; None when that is not known, or not known any more.
    `changed_at` is when the posting that caused the figure was made: the latency of a push is
    `published_at` less that.

    The terms from `sellable` to `is_held` are sums over the channel's nodes as they were when
    the figure was made, `buffer` with what the silence of a source adds;
    `rules.channel_quantity` of them is `quantity`. `told_version` is the
    version last acknowledged, by the push `push_id`; `disagreements` counts the times in a row
    that the channel, asked what it shows, showed something else. `unconfirmed_since` is when every
    attempt to tell the channel had failed: while `published` is another figure than `quantity`,
    nobody knows what it sells.
    """

    pk = models.CompositePrimaryKey("item_id", "channel_id")
    item = models.ForeignKey(
        "catalog.Item", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    channel = models.ForeignKey("catalog.Channel", on_delete=models.CASCADE, related_name="+")
    ats = models.BigIntegerField()
    quantity = models.BigIntegerField()
    sellable = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)
    allocated = models.BigIntegerField(default=0)
    safety_stock = models.BigIntegerField(default=0)
    frozen = models.BigIntegerField(default=0)
    buffer = models.BigIntegerField(default=0)
    cap = models.BigIntegerField(null=True)
    is_held = models.BooleanField(default=False)
    version = models.BigIntegerField(default=1)
    changed_at = models.DateTimeField()
    computed_at = models.DateTimeField()
    published = models.BigIntegerField(null=True)
    published_at = models.DateTimeField(null=True)
    told_version = models.BigIntegerField(default=0)
    push_id = models.BigIntegerField(null=True)
    disagreements = models.PositiveSmallIntegerField(default=0)
    unconfirmed_since = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        verbose_name_plural = "availability"
        indexes = [
            models.Index(
                fields=["channel", "item"],
                condition=Q(published__isnull=True) | ~Q(published=F("quantity")),
                name="availability_unpublished",
            ),
            models.Index(
                fields=["channel", "item"],
                condition=Q(unconfirmed_since__isnull=False),
                name="availability_unconfirmed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.item_id} on {self.channel_id}"


class Exposure(TenantModel):
    """What somebody decided about one item on one channel, beside what the channel itself says.

    `buffer` None keeps the channel's, `cap` None knows no limit; both are units. While paused the
    channel shows 0. The audit log holds who decided what, when and why.
    """

    pk = models.CompositePrimaryKey("item_id", "channel_id")
    item = models.ForeignKey("catalog.Item", on_delete=models.CASCADE, related_name="+")
    channel = models.ForeignKey("catalog.Channel", on_delete=models.CASCADE, related_name="+")
    buffer = models.PositiveIntegerField(null=True)
    cap = models.PositiveIntegerField(null=True)
    is_paused = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True, default="")
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=80)

    def __str__(self) -> str:
        return f"{self.item_id} on {self.channel_id}"


class ExposureRule(TenantModel):
    """One version of a rule that takes an item off channels while too little of it is left.

    It looks at the ATS of `node`, or of all nodes a channel draws on together; for `item`, or
    every item. Below `hold_below` the channels show 0; they show stock again once it stayed at
    or above `resume_from` for `resume_after` minutes without a break. It is about the channels
    with a known margin below `margin_below`, or about those named by code. A change is a new version; the
    versions before stay readable, because holds name theirs.
    """

    key = models.SlugField(max_length=60)
    version = models.PositiveIntegerField()
    is_current = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)
    item = models.ForeignKey("catalog.Item", on_delete=models.CASCADE, null=True, related_name="+")
    node = models.ForeignKey("catalog.Node", on_delete=models.CASCADE, null=True, related_name="+")
    hold_below = models.BigIntegerField()
    resume_from = models.BigIntegerField()
    resume_after = models.PositiveIntegerField()
    margin_below = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    channels = ArrayField(models.CharField(max_length=40), default=list)
    reason = models.CharField(max_length=300)
    set_at = models.DateTimeField()
    set_by = models.CharField(max_length=80)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="exposure_rule_version_once"),
            models.UniqueConstraint(
                fields=["key"], condition=Q(is_current=True), name="exposure_rule_current_once"
            ),
            models.CheckConstraint(
                condition=Q(resume_from__gte=F("hold_below")), name="exposure_rule_resumes_above"
            ),
            models.CheckConstraint(
                condition=Q(margin_below__isnull=False, channels=[])
                | (Q(margin_below__isnull=True) & ~Q(channels=[])),
                name="exposure_rule_names_channels",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"


class ExposureHold(Stateful):
    """An item taken off a channel by a rule, from the breach to the resumption.

    `ats` is the figure that breached, `node` where the case about it belongs. `acknowledged_at`
    is when the channel first acknowledged that it shows 0: an order placed before that is
    in flight and is honoured. `above_since` is since when the figure has stayed at or above the
    rule's line; any dip empties it. `waived_at` is when people agreed to sell all the same.
    """

    flow = HOLD_FLOW

    rule = models.ForeignKey(ExposureRule, on_delete=models.PROTECT, related_name="holds")
    rule_key = models.CharField(max_length=60)
    item = models.ForeignKey("catalog.Item", on_delete=models.CASCADE, related_name="+")
    channel = models.ForeignKey("catalog.Channel", on_delete=models.CASCADE, related_name="+")
    node = models.ForeignKey("catalog.Node", on_delete=models.CASCADE, related_name="+")
    ats = models.BigIntegerField()
    held_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    above_since = models.DateTimeField(null=True)
    waived_at = models.DateTimeField(null=True)
    why_waived = models.CharField(max_length=300, blank=True, default="")
    released_at = models.DateTimeField(null=True)
    released_ats = models.BigIntegerField(null=True)
    why_released = models.CharField(max_length=300, blank=True, default="")
    status = models.CharField(max_length=10, choices=HoldStatus.choices, default=HoldStatus.HELD)

    class Meta(Stateful.Meta):
        verbose_name = "exposure hold"
        constraints = [
            status_in(HoldStatus.values, name="exposure_hold_status"),
            models.UniqueConstraint(
                fields=["item", "channel", "rule_key"],
                condition=Q(status__in=HOLD_LIVE),
                name="exposure_hold_live_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["item", "node"],
                condition=Q(status=HoldStatus.HELD),
                name="exposure_hold_of_place",
            ),
            models.Index(fields=["item", "channel", "id"], name="exposure_hold_history"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_key} on {self.item_id}, {self.channel_id}"


class ChannelFallback(TenantModel):
    """What a channel holds back for as long as a source that speaks of its nodes is silent.

    `buffer` raises each of its buffers by `share`, or by `units` where that is more; `hold` shows
    nothing. The row is there from the moment the silence was noticed until the source speaks.
    """

    channel = models.ForeignKey("catalog.Channel", on_delete=models.CASCADE, related_name="+")
    source = models.TextField()
    action = models.CharField(max_length=10, choices=Fallback.choices)
    share = models.DecimalField(max_digits=5, decimal_places=4)
    units = models.PositiveIntegerField()
    policy = models.CharField(max_length=80)
    since = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["channel", "source"], name="channel_fallback_once")
        ]

    def __str__(self) -> str:
        return f"{self.action} of {self.channel_id} while {self.source} is silent"


class Push(TenantModel):
    """One sending of figures to a channel: what was told of each item, why, and what came back.

    The arrays are parallel, an element per item in order of `item_ids`: one row a push instead of
    one a figure, because a channel is told thousands of figures at once. `shown` is what the
    channel answered when asked (None: not asked, -1: it does not list the item). `before` is the
    item's acknowledged push before this one, which chains an item's receipts back in time.
    `latest_for` counts the items whose latest push this is: only at 0 it may be forgotten.
    """

    channel = models.ForeignKey("catalog.Channel", on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    sent_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    read_back_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True, default="")
    latest_for = models.IntegerField(default=0)
    item_ids = ArrayField(models.BigIntegerField())
    quantities = ArrayField(models.BigIntegerField())
    versions = ArrayField(models.BigIntegerField())
    changed_ats = ArrayField(models.DateTimeField())
    sellable = ArrayField(models.BigIntegerField())
    reserved = ArrayField(models.BigIntegerField())
    allocated = ArrayField(models.BigIntegerField())
    safety_stock = ArrayField(models.BigIntegerField())
    frozen = ArrayField(models.BigIntegerField())
    buffers = ArrayField(models.BigIntegerField())
    caps = ArrayField(models.BigIntegerField(null=True))
    are_held = ArrayField(models.BooleanField())
    before = ArrayField(models.BigIntegerField(null=True), default=list)
    shown = ArrayField(models.BigIntegerField(null=True), default=list)

    class Meta(TenantModel.Meta):
        verbose_name_plural = "pushes"
        indexes = [
            models.Index(fields=["sent_at"], condition=Q(latest_for=0), name="push_forgettable"),
            models.Index(
                fields=["channel", "-id"],
                condition=Q(acknowledged_at__isnull=True),
                name="push_unacknowledged",
            ),
        ]

    def __str__(self) -> str:
        return f"{len(self.item_ids)} figures to {self.channel_id}"


class SafetyStockChange(TenantModel):
    """One change of the safety stock of an item at a node: from what, to what, who and why."""

    item = models.ForeignKey("catalog.Item", on_delete=models.CASCADE, related_name="+")
    node = models.ForeignKey("catalog.Node", on_delete=models.CASCADE, related_name="+")
    was = models.BigIntegerField()
    became = models.BigIntegerField()
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=80)
    policy = models.CharField(max_length=80, blank=True, default="")
    reason = models.CharField(max_length=300)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["item", "node", "-id"], name="safety_stock_history")]

    def __str__(self) -> str:
        return f"{self.was} to {self.became}"


class ChangedNote(TenantModel):
    """A note that the positions of some items at nodes changed; the detection stage takes it away.

    The arrays are of one length: item and node of each place, all that one look found.
    """

    item_ids = ArrayField(models.BigIntegerField())
    node_ids = ArrayField(models.BigIntegerField())
    noted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{len(self.item_ids)} places"
