"""Workflow definitions, what people ask for, runs, and the approvals a run asks for."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory_control.catalog.models import Item, Node
from inventory_control.core.flow import Stateful, status_in
from inventory_control.core.tenancy import TenantModel
from workflows.states import (
    APPROVAL_FLOW,
    RUN_FLOW,
    RUN_LIVE,
    ApprovalStatus,
    RunStatus,
)


class Workflow(TenantModel):
    """One version of a definition: which kinds of cases it serves and its steps, as data.

    A run keeps the version it started with; the newest version serves new cases.
    """

    key = models.CharField(max_length=40)
    version = models.PositiveIntegerField()
    definition = models.JSONField()
    installed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="workflow_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"


class Request(TenantModel):
    """What somebody asked for without an exception behind it, as it was asked.

    `node` is where stock changes or arrives, `state` the account an adjustment changes,
    `corrects` the event a correction undoes, `price` (of `currency`) what a markdown proposes,
    `channel` where an item is to be shown again. When the facts changed before the decision it is
    asked anew by another run.
    """

    item = models.ForeignKey("catalog.Item", on_delete=models.PROTECT, null=True, related_name="+")
    node = models.ForeignKey("catalog.Node", on_delete=models.PROTECT, null=True, related_name="+")
    channel = models.ForeignKey(
        "catalog.Channel", on_delete=models.PROTECT, null=True, related_name="+"
    )
    state = models.CharField(max_length=20, blank=True, default="")
    reason = models.CharField(max_length=300)
    note = models.CharField(max_length=300, blank=True, default="")
    evidence = models.CharField(max_length=500, blank=True, default="")
    corrects = models.BigIntegerField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"request {self.pk}: {self.reason}"


class WorkflowRun(Stateful):
    """One case or one request on its way through a workflow.

    `facts` is what a request rested on when it was asked for; a case's run has none.
    `trace` holds what each step found, in order: the evidence of the decision. `requester` is
    the actor id of whoever asked for the spend (an advisor, a planner) and `requester_person`
    the person behind it: they never approve. `document` is the order or transfer it led to.
    """

    flow = RUN_FLOW

    case = models.ForeignKey(
        "exceptions.ExceptionCase", on_delete=models.PROTECT, null=True, related_name="runs"
    )
    request = models.ForeignKey(Request, on_delete=models.PROTECT, null=True, related_name="runs")
    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="runs")
    advice = models.ForeignKey(
        "ai_advice.Advice", on_delete=models.PROTECT, null=True, related_name="runs"
    )
    action = models.CharField(max_length=12, blank=True, default="")
    quantity = models.BigIntegerField(default=0)
    spend = models.DecimalField(max_digits=16, decimal_places=2, default=0)
    from_node = models.ForeignKey(
        "catalog.Node", on_delete=models.PROTECT, null=True, related_name="+"
    )
    supplier = models.ForeignKey(
        "catalog.Supplier", on_delete=models.PROTECT, null=True, related_name="+"
    )
    expected_at = models.DateTimeField(null=True)
    requester = models.CharField(max_length=80)
    requester_person = models.UUIDField(null=True)
    step = models.CharField(max_length=40, blank=True, default="")
    trace = models.JSONField(default=list)
    facts = models.JSONField(null=True)
    policy = models.CharField(max_length=200, blank=True, default="")
    document = models.CharField(max_length=60, blank=True, default="")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=300, blank=True, default="")
    correlation_id = models.CharField(max_length=80, blank=True, default="")
    status = models.CharField(max_length=12, choices=RunStatus.choices, default=RunStatus.RUNNING)

    class Meta(Stateful.Meta):
        constraints = [
            status_in(RunStatus.values, name="run_status"),
            models.UniqueConstraint(
                fields=["case"], condition=Q(status__in=RUN_LIVE), name="run_live_once"
            ),
            models.UniqueConstraint(
                fields=["request"],
                condition=Q(status__in=RUN_LIVE),
                name="run_of_request_live_once",
            ),
            models.CheckConstraint(
                condition=Q(case__isnull=False, request__isnull=True)
                | Q(case__isnull=True, request__isnull=False),
                name="run_about_one",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(status=RunStatus.RUNNING), name="run_to_work_out"
            ),
            models.Index(
                fields=["document"], condition=Q(status=RunStatus.ACTING), name="run_acting"
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def item(self) -> Item | None:
        """The item it is about."""
        about = self.request or self.case
        return about.item if about else None

    @property
    def node(self) -> Node | None:
        """Where stock changes or arrives."""
        about = self.request or self.case
        return about.node if about else None


class Approval(Stateful):
    """One level of approval a run waits for; the next level is asked when this one agrees.

    `role` is who may decide; `escalated_role` joins it when `due_at` passes. `value` and
    `snapshot` are what the approver was shown: a run that changed asks again.
    """

    flow = APPROVAL_FLOW

    run = models.ForeignKey(WorkflowRun, on_delete=models.CASCADE, related_name="approvals")
    level = models.PositiveSmallIntegerField()
    role = models.CharField(max_length=40)
    escalated_role = models.CharField(max_length=40, blank=True, default="")
    escalated_at = models.DateTimeField(null=True, blank=True)
    value = models.DecimalField(max_digits=16, decimal_places=2)
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=80, blank=True, default="")
    decided_person = models.UUIDField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True, default="")
    status = models.CharField(
        max_length=10, choices=ApprovalStatus.choices, default=ApprovalStatus.WAITING
    )

    class Meta(Stateful.Meta):
        constraints = [
            status_in(ApprovalStatus.values, name="approval_status"),
            models.UniqueConstraint(fields=["run", "level"], name="approval_level_once"),
        ]
        indexes = [
            models.Index(
                fields=["role", "due_at", "id"],
                condition=Q(status=ApprovalStatus.WAITING),
                name="approval_inbox",
            )
        ]

    def __str__(self) -> str:
        return f"level {self.level} of run {self.run_id}"
