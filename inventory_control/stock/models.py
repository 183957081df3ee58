"""The ledger, its balances, claims, assertions and marks; only this app touches them.

The ledger and balance tables are written by `posting.sql`; their foreign keys are not enforced
by triggers, because every id was resolved inside the same transaction and masters are never
deleted.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least

from inventory_control.core.flow import Stateful, status_in
from inventory_control.core.tenancy import TenantModel
from inventory_control.stock.states import HOLD_FLOW, NO_EVENT, Cause, HoldStatus, Verdict


class LedgerEntry(TenantModel):
    """One line of the double-entry ledger, append-only: so many units into (or out of) an account.

    The lines of one event sum to zero. `occurred_at` is the moment the fold uses: a reversal
    carries that of the event it reverses. Partitioned by `posted_at`; the default partition
    takes everything until the owner's job splits it. What retired partitions came to is carried
    forward in lines without an event (`event_id` is `NO_EVENT`).
    """

    pk = models.CompositePrimaryKey("posted_at", "id")
    id = models.BigIntegerField()
    posted_at = models.DateTimeField()
    event_id = models.BigIntegerField()
    item = models.ForeignKey(
        "catalog.Item", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    node = models.ForeignKey(
        "catalog.Node", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    state = models.TextField()
    lot = models.TextField(default="")
    quantity = models.BigIntegerField()
    cause = models.TextField(choices=Cause.choices)
    occurred_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        managed = False
        db_table = "stock_ledgerentry"

    def __str__(self) -> str:
        return f"{self.quantity:+d} {self.state} of {self.item_id} at {self.node_id}"

    @property
    def told_by(self) -> int | None:
        """The event that made this line, or None for what was carried forward."""
        return None if self.event_id == NO_EVENT else self.event_id


class StockBalance(TenantModel):
    """The projection of the ledger for an item at a node: one column per physical state.

    One row, so that a reservation locks and checks one row. `reserved` and `allocated` are the
    sums of live claims; `counts_pending` and `holds` freeze. Rebuildable by `rebuild_balances`.
    No index covers a figure and pages keep some room, so that a change stays on its page and
    writes to no index. Both indexes name both columns: whichever a plan takes, it reads one row.
    """

    pk = models.CompositePrimaryKey("item_id", "node_id")
    item = models.ForeignKey(
        "catalog.Item", on_delete=models.PROTECT, related_name="balances", db_index=False
    )
    node = models.ForeignKey(
        "catalog.Node", on_delete=models.PROTECT, related_name="balances", db_index=False
    )
    received = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    sellable = models.BigIntegerField(default=0)
    refurbishable = models.BigIntegerField(default=0)
    damaged = models.BigIntegerField(default=0)
    vendor_return = models.BigIntegerField(default=0)
    in_transit = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)
    allocated = models.BigIntegerField(default=0)
    counts_pending = models.IntegerField(default=0)
    holds = models.IntegerField(default=0)
    last_assert_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["node", "item"], name="balance_of_node")]

    def __str__(self) -> str:
        return f"{self.item_id} at {self.node_id}"


OVERDRAWN = Q(
    committed__gt=0, shipped__gt=0, released__gt=0, committed__lt=F("shipped") + F("released")
)
"""Claims of which more left than was promised although part was given back."""


class Reservation(TenantModel):
    """The claim of one order line on an item at a node.

    Four counters that only events add to; the open claim is what was committed and neither
    shipped nor released. Of it `assigned` units are hard-assigned to the line and count as
    allocated, the rest as reserved. `prior_open` and `prior_assigned` are what they were before
    the last change: the posting statement reads the differences from them. What is not
    confirmed by `expires_at` is given back; `expired_at` says that it was looked at then.
    """

    key = models.TextField(primary_key=True)
    item = models.ForeignKey(
        "catalog.Item", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    node = models.ForeignKey(
        "catalog.Node", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    channel = models.TextField(default="")
    committed = models.BigIntegerField(default=0)
    confirmed = models.BigIntegerField(default=0)
    shipped = models.BigIntegerField(default=0)
    released = models.BigIntegerField(default=0)
    open = models.GeneratedField(
        expression=Greatest(0, F("committed") - F("shipped") - F("released")),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    assigned = models.GeneratedField(
        expression=Least(
            F("confirmed"), Greatest(0, F("committed") - F("shipped") - F("released"))
        ),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    prior_open = models.BigIntegerField(default=0)
    prior_assigned = models.BigIntegerField(default=0)
    changed_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    expired_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["item", "node"], condition=Q(open__gt=0), name="reservation_open"),
            models.Index(
                fields=["expires_at"],
                condition=Q(expires_at__isnull=False, expired_at__isnull=True),
                name="reservation_expiring",
            ),
            models.Index(
                fields=["item", "node"], condition=OVERDRAWN, name="reservation_overdrawn"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.open} open"


class Hold(Stateful):
    """Somebody's decision that an item is not sold, reserved or confirmed at a node for now.

    Several may lie on one place, each with its own reason; the place is frozen while one does.
    Stock itself stays where it is, and so do the claims there were.
    """

    flow = HOLD_FLOW

    item = models.ForeignKey("catalog.Item", on_delete=models.PROTECT, related_name="+")
    node = models.ForeignKey("catalog.Node", on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)
    placed_by = models.CharField(max_length=80)
    placed_at = models.DateTimeField()
    lifted_by = models.CharField(max_length=80, blank=True, default="")
    lifted_at = models.DateTimeField(null=True)
    lifted_reason = models.CharField(max_length=300, blank=True, default="")
    status = models.CharField(max_length=8, choices=HoldStatus.choices, default=HoldStatus.PLACED)

    class Meta(Stateful.Meta):
        constraints = [status_in(HoldStatus.values, name="hold_status")]
        indexes = [
            models.Index(
                fields=["item", "node"],
                condition=Q(status=HoldStatus.PLACED),
                name="hold_in_force",
            )
        ]

    def __str__(self) -> str:
        return f"{self.item_id} at {self.node_id}: {self.reason}"


class Assertion(TenantModel):
    """An absolute quantity somebody stated of an account, and the verdict on it.

    `moved` is the sum of moves since the assertion before it, kept up to date as late events
    arrive; `adjusted` is what the ledger already carries for it. (`occurred_at`, `source`,
    `source_id`) is its place in the fold.
    """

    event_id = models.BigIntegerField(primary_key=True)
    item = models.ForeignKey("catalog.Item", on_delete=models.PROTECT, related_name="+")
    node = models.ForeignKey("catalog.Node", on_delete=models.PROTECT, related_name="+")
    state = models.TextField()
    occurred_at = models.DateTimeField()
    source = models.TextField()
    source_id = models.TextField()
    is_opening = models.BooleanField(default=False)
    quantity = models.BigIntegerField()
    moved = models.BigIntegerField(default=0)
    expected = models.BigIntegerField(default=0)
    adjusted = models.BigIntegerField(default=0)
    verdict = models.TextField(choices=Verdict.choices)
    settled_by = models.TextField(blank=True, default="")
    settled_reason = models.TextField(blank=True, default="")

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["item", "node", "state", "occurred_at", "source", "source_id"],
                name="assertion_in_fold_order",
            ),
            models.Index(
                fields=["item", "node"],
                condition=Q(verdict=Verdict.PENDING),
                name="assertion_pending",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.item_id} at {self.node_id}, {self.verdict}"

    @property
    def variance(self) -> int:
        """Counted less expected, in units."""
        return self.quantity - self.expected


class LedgerDay(TenantModel):
    """What an account came to on one day (UTC) of its own time: the sum of the ledger's lines that
    happened then and were posted up to the watermark.

    Positions of the past are added up from days instead of lines. Late lines are added to the day
    they happened on.
    """

    pk = models.CompositePrimaryKey("item_id", "node_id", "state", "day")
    item_id = models.BigIntegerField()
    node_id = models.BigIntegerField()
    state = models.TextField()
    day = models.DateField()
    quantity = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.quantity:+d} {self.state} of {self.item_id} at {self.node_id} on {self.day}"


class LedgerWatermark(TenantModel):
    """Up to which moment of posting `LedgerDay` is complete; one row.

    `candidate_at` is the moment of the last look and `candidate_xid` its transaction: once every
    one that began to write before it has ended, everything posted before that moment is there.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    posted_until = models.DateTimeField(null=True)
    candidate_at = models.DateTimeField(null=True)
    candidate_xid = models.TextField(null=True)  # noqa: DJ001 - null is "never looked"

    class Meta(TenantModel.Meta):
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_ledger_watermark")]

    def __str__(self) -> str:
        return f"posted until {self.posted_until}"


class StockMark(TenantModel):
    """A note that an item at a node changed; the availability stage takes it away.

    Append-only until taken, so that a change committed while the stage runs leaves its own note.
    `day` is the day whose demand changed, if any did, `sold`, `lost` and `lines` by how much.
    """

    item_id = models.BigIntegerField()
    node_id = models.BigIntegerField()
    day = models.DateField(null=True)
    sold = models.BigIntegerField(db_default=0)
    lost = models.BigIntegerField(db_default=0)
    lines = models.IntegerField(db_default=0)
    posted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.item_id} at {self.node_id}"


class DemandDay(TenantModel):
    """Demand of an item at a node on one day, added up from marks: what advice learns from.

    `sold` (net of corrections) and `lost` are units, `lines` order lines. Both together are what
    was asked for: demand that could not be served is told by `demand.lost` events.
    """

    pk = models.CompositePrimaryKey("item_id", "node_id", "day")
    item_id = models.BigIntegerField()
    node_id = models.BigIntegerField()
    day = models.DateField()
    sold = models.BigIntegerField(default=0)
    lost = models.BigIntegerField(default=0)
    lines = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.sold} of {self.item_id} at {self.node_id} on {self.day}"
