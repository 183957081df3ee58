"""What other systems said, how it compared, what differs, and what was done about it."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from inventory_control.core.flow import Stateful, status_in
from inventory_control.core.tenancy import TenantModel
from inventory_control.reconciliation.states import (
    DISCREPANCY_FLOW,
    LIVE,
    REMEDY_FLOW,
    TOTAL_FLOW,
    Direction,
    DiscrepancyStatus,
    Path,
    RemedyStatus,
    TotalStatus,
    Trigger,
)

_WHOSE = ("system", "item", Coalesce("node", 0), "state")
"""Whose number of what; a number over several nodes has none, which stands for one place too."""


class PositionReport(TenantModel):
    """The last word of a system on an item: the report that stands latest in the fold.

    `node` None is a number over all nodes, as channels give it. `state` empty means the system's
    usual measure. (`as_of`, `source`, `source_id`) is the report's place in the fold, so that
    the order of arrival never matters.
    """

    system = models.TextField()
    item = models.ForeignKey("catalog.Item", on_delete=models.PROTECT, related_name="+")
    node = models.ForeignKey("catalog.Node", on_delete=models.PROTECT, null=True, related_name="+")
    state = models.TextField(blank=True, default="")
    quantity = models.BigIntegerField()
    as_of = models.DateTimeField()
    received_at = models.DateTimeField()
    source = models.TextField()
    source_id = models.TextField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(*_WHOSE, name="position_report_last"),
        ]

    def __str__(self) -> str:
        return f"{self.system}: {self.quantity} of {self.item_id}"


class Comparison(TenantModel):
    """One run: every report against the ledger, and what came of it.

    `compared` is the sum of `matched` (equal as they stand), `explained` (time accounts for all
    of it), `tolerated`, `accepted` and `material`. Reports of a name that is neither a system nor
    a channel are `unknown` and not compared.
    """

    started_at = models.DateTimeField()
    trigger = models.CharField(max_length=10, choices=Trigger.choices)
    asked_by = models.CharField(max_length=80)
    policy = models.CharField(max_length=80)
    compared = models.PositiveIntegerField(default=0)
    matched = models.PositiveIntegerField(default=0)
    explained = models.PositiveIntegerField(default=0)
    tolerated = models.PositiveIntegerField(default=0)
    accepted = models.PositiveIntegerField(default=0)
    material = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    opened = models.PositiveIntegerField(default=0)
    closed = models.PositiveIntegerField(default=0)
    units = models.BigIntegerField(default=0)
    value = models.DecimalField(max_digits=18, decimal_places=2, default=0)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["-started_at"], name="comparison_latest")]

    def __str__(self) -> str:
        return f"{self.compared} compared at {self.started_at:%Y-%m-%d %H:%M}"


class DriftPoint(TenantModel):
    """How far one system was off in one run: numbers off, units and money in doubt."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="points")
    system = models.CharField(max_length=40)
    compared = models.PositiveIntegerField()
    off = models.PositiveIntegerField()
    units = models.BigIntegerField()
    value = models.DecimalField(max_digits=18, decimal_places=2)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["comparison", "system"], name="drift_point_once")
        ]

    def __str__(self) -> str:
        return f"{self.system}: {self.units}"


class DriftLine(TenantModel):
    """An item a system was off by in one run, signed; agreement leaves no line."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="lines")
    system = models.CharField(max_length=40)
    item = models.ForeignKey("catalog.Item", on_delete=models.CASCADE, related_name="+")
    node = models.ForeignKey("catalog.Node", on_delete=models.CASCADE, null=True, related_name="+")
    units = models.BigIntegerField()
    value = models.DecimalField(max_digits=16, decimal_places=2)

    def __str__(self) -> str:
        return f"{self.system}: {self.units:+d} of {self.item_id}"


class Discrepancy(Stateful):
    """A material difference between a system and the ledger, live until the numbers agree.

    Figures are units of the last run that saw it: `gap` as it looks, `explained` by time,
    `unexplained` the rest, which `value` prices at cost. `is_news` says that detection has not
    looked since it changed. `root_cause` is written when it closes.
    """

    flow = DISCREPANCY_FLOW

    system = models.CharField(max_length=40)
    item = models.ForeignKey("catalog.Item", on_delete=models.PROTECT, related_name="+")
    node = models.ForeignKey("catalog.Node", on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=20, blank=True, default="")
    reported = models.BigIntegerField()
    ledger = models.BigIntegerField()
    gap = models.BigIntegerField()
    explained = models.BigIntegerField()
    unexplained = models.BigIntegerField()
    value = models.DecimalField(max_digits=16, decimal_places=2)
    as_of = models.DateTimeField()
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    seen = models.PositiveIntegerField(default=1)
    answered_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    root_cause = models.CharField(max_length=300, blank=True, default="")
    is_news = models.BooleanField(default=True)
    status = models.CharField(
        max_length=10, choices=DiscrepancyStatus.choices, default=DiscrepancyStatus.OPEN
    )

    class Meta(Stateful.Meta):
        verbose_name_plural = "discrepancies"
        constraints = [
            status_in(DiscrepancyStatus.values, name="discrepancy_status"),
            models.UniqueConstraint(
                *_WHOSE, condition=Q(status__in=LIVE), name="discrepancy_live_once"
            ),
        ]
        indexes = [
            models.Index(fields=["item", "system", "-id"], name="discrepancy_of_item"),
            models.Index(fields=["id"], condition=Q(is_news=True), name="discrepancy_news"),
            models.Index(
                fields=["-value", "-id"],
                condition=Q(status__in=LIVE),
                name="discrepancy_by_money",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.unexplained:+d} of {self.item_id}"


class Remedy(Stateful):
    """What somebody does about a discrepancy, and who agreed where one person is not enough.

    `units` is the difference it is about, `target` the number the other system should show.
    `proposer` is the person behind `proposed_by`. While `is_freezing` a recount keeps the item
    from being sold at its node.
    """

    flow = REMEDY_FLOW

    discrepancy = models.ForeignKey(Discrepancy, on_delete=models.PROTECT, related_name="remedies")
    path = models.CharField(max_length=16, choices=Path.choices)
    reason = models.CharField(max_length=300)
    units = models.BigIntegerField()
    target = models.BigIntegerField()
    value = models.DecimalField(max_digits=16, decimal_places=2)
    proposed_at = models.DateTimeField()
    proposed_by = models.CharField(max_length=80)
    proposer = models.CharField(max_length=80)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=80, blank=True, default="")
    decided_reason = models.CharField(max_length=300, blank=True, default="")
    is_freezing = models.BooleanField(default=False)
    status = models.CharField(
        max_length=12, choices=RemedyStatus.choices, default=RemedyStatus.PROPOSED
    )

    class Meta(Stateful.Meta):
        verbose_name_plural = "remedies"
        constraints = [
            status_in(RemedyStatus.values, name="remedy_status"),
            models.UniqueConstraint(
                fields=["discrepancy"],
                condition=Q(status=RemedyStatus.PROPOSED),
                name="remedy_waits_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.path} of {self.discrepancy_id}"


class Effort(TenantModel):
    """Minutes somebody spent on a discrepancy: the work that spreadsheets hide (REC-08)."""

    discrepancy = models.ForeignKey(Discrepancy, on_delete=models.PROTECT, related_name="efforts")
    minutes = models.PositiveIntegerField()
    note = models.CharField(max_length=300, blank=True, default="")
    logged_at = models.DateTimeField()
    logged_by = models.CharField(max_length=80)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["logged_at"], name="effort_logged")]

    def __str__(self) -> str:
        return f"{self.minutes} minutes on {self.discrepancy_id}"


class SignOff(TenantModel):
    """One day's word of whoever answers for the numbers, with the figures it was given on."""

    day = models.DateField(unique=True)
    signed_at = models.DateTimeField()
    signed_by = models.CharField(max_length=80)
    note = models.CharField(max_length=300, blank=True, default="")
    comparisons = models.PositiveIntegerField()
    compared = models.PositiveIntegerField()
    open = models.PositiveIntegerField()
    value = models.DecimalField(max_digits=18, decimal_places=2)
    untied_totals = models.PositiveIntegerField()
    minutes = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.day} signed off"


class ControlTotal(Stateful):
    """How many messages a source says it sent in a window, against how many are here.

    `type` empty means all types. `missing` lists the ids that are known to be missing: named by
    the source, or holes in its numbering. Looked at again in every run, because messages come
    late.
    """

    flow = TOTAL_FLOW

    source = models.CharField(max_length=80)
    direction = models.CharField(max_length=4, choices=Direction.choices, default=Direction.IN)
    type = models.CharField(max_length=60, blank=True, default="")
    since = models.DateTimeField()
    until = models.DateTimeField()
    expected = models.PositiveIntegerField()
    received = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    ids = ArrayField(models.TextField(), default=list)
    missing = ArrayField(models.TextField(), default=list)
    declared_at = models.DateTimeField()
    checked_at = models.DateTimeField()
    is_news = models.BooleanField(default=True)
    status = models.CharField(max_length=6, choices=TotalStatus.choices, default=TotalStatus.OPEN)

    class Meta(Stateful.Meta):
        constraints = [
            status_in(TotalStatus.values, name="control_total_status"),
            models.UniqueConstraint(
                fields=["source", "direction", "type", "since", "until"],
                name="control_total_once",
            ),
            models.CheckConstraint(
                condition=Q(until__gt=models.F("since")), name="control_total_window"
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(status=TotalStatus.OPEN), name="control_total_open"
            ),
            models.Index(fields=["id"], condition=Q(is_news=True), name="control_total_news"),
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.received} of {self.expected}"

    @property
    def gap(self) -> int:
        """Messages missing; negative when more came than were sent."""
        return self.expected - self.received
