"""Exception cases: risks somebody must know of, with the money at stake."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from exceptions.states import CASE_FLOW, LIVE, Resolution, Severity, Status
from inventory_control.core.flow import Stateful, status_in
from inventory_control.core.tenancy import TenantModel


class ExceptionCase(Stateful):
    """One risk from first sight to its end; seeing it again counts up and opens no second case.

    `key` says which risk it is (`stockout:SOCK@S5`); at most one live case has it. `version`
    rises when the risk changes materially, which makes older advice stale. `governed_by` names
    the workflow run that will close the case on its effect: while set, clearing does not.
    `quiet_until` holds back the same risk after a resolution that stands until then; detection
    empties it when it has passed, and looks again. Figures are those of the version: a change too
    small to matter only counts up `seen`.
    `assignee` is a member's public id; `at_stake` is money of the tenant's currency.
    """

    flow = CASE_FLOW

    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=200)
    item = models.ForeignKey(
        "catalog.Item", on_delete=models.PROTECT, null=True, related_name="cases"
    )
    node = models.ForeignKey(
        "catalog.Node", on_delete=models.PROTECT, null=True, related_name="cases"
    )
    document = models.CharField(max_length=60, blank=True, default="")
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    units = models.BigIntegerField(default=0)
    at_stake = models.DecimalField(max_digits=16, decimal_places=2, default=0)
    summary = models.CharField(max_length=300)
    evidence = models.JSONField(default=dict)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    seen = models.PositiveIntegerField(default=1)
    version = models.PositiveIntegerField(default=1)
    assignee = models.CharField(max_length=80, blank=True, default="")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=20, choices=Resolution.choices, blank=True, default="")
    reason = models.CharField(max_length=300, blank=True, default="")
    governed_by = models.CharField(max_length=40, blank=True, default="")
    quiet_until = models.DateTimeField(null=True, blank=True)
    correlation_id = models.CharField(max_length=80, blank=True, default="")
    status = models.CharField(max_length=14, choices=Status.choices, default=Status.OPEN)

    class Meta(Stateful.Meta):
        verbose_name = "exception case"
        constraints = [
            status_in(Status.values, name="case_status"),
            models.UniqueConstraint(
                fields=["key"], condition=Q(status__in=LIVE), name="case_live_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["severity", "due_at", "id"],
                condition=Q(status__in=LIVE),
                name="case_queue",
            ),
            models.Index(
                fields=["at_stake", "id"], condition=Q(status__in=LIVE), name="case_by_money"
            ),
            models.Index(
                fields=["kind", "severity", "due_at", "id"],
                condition=Q(status__in=LIVE),
                name="case_queue_of_kind",
            ),
            models.Index(
                fields=["assignee", "severity", "due_at", "id"],
                condition=Q(status__in=LIVE),
                name="case_queue_of_person",
            ),
            models.Index(
                fields=["item", "node"], condition=Q(status__in=LIVE), name="case_of_place"
            ),
            models.Index(fields=["key", "id"], name="case_of_key"),
            models.Index(
                fields=["quiet_until"],
                condition=Q(quiet_until__isnull=False),
                name="case_quiet",
            ),
            models.Index(fields=["-closed_at", "-id"], name="case_closed"),
        ]

    def __str__(self) -> str:
        return self.summary


class CaseNote(TenantModel):
    """What a person wrote on a case."""

    case = models.ForeignKey(ExceptionCase, on_delete=models.CASCADE, related_name="notes")
    author = models.CharField(max_length=80)
    written_at = models.DateTimeField()
    text = models.TextField()

    class Meta(TenantModel.Meta):
        ordering = ("id",)

    def __str__(self) -> str:
        return f"note on {self.case_id}"
