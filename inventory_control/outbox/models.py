"""The outbox: whatever leaves is a row here first, written with the decision that made it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory_control.core.flow import Stateful, status_in
from inventory_control.outbox.states import COMMAND_FLOW, CommandStatus


class OutboundCommand(Stateful):
    """One instruction to one target, such as a purchase order for the ERP.

    `idempotency_key` is what the other side recognises a repeat by. `not_before` is real time:
    retries wait on the wall clock. `answer` is what the other side acknowledged with. `served_by`
    is the connector that tried last, `is_news` that detection has not looked since it died, came
    alive again or ended a doubt.
    """

    flow = COMMAND_FLOW

    kind = models.CharField(max_length=40)
    target = models.CharField(max_length=40)
    idempotency_key = models.CharField(max_length=200, unique=True)
    payload = models.JSONField()
    queued_at = models.DateTimeField()
    not_before = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    answer = models.JSONField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    subject_kind = models.CharField(max_length=40, blank=True, default="")
    subject_id = models.CharField(max_length=80, blank=True, default="")
    correlation_id = models.CharField(max_length=80)
    served_by = models.CharField(max_length=40, blank=True, default="")
    is_news = models.BooleanField(default=False)
    status = models.CharField(
        max_length=10, choices=CommandStatus.choices, default=CommandStatus.DUE
    )

    class Meta(Stateful.Meta):
        constraints = [status_in(CommandStatus.values, name="command_status")]
        indexes = [
            models.Index(
                fields=["not_before", "id"],
                condition=Q(status=CommandStatus.DUE),
                name="command_due",
            ),
            models.Index(fields=["subject_kind", "subject_id"], name="command_subject"),
            models.Index(
                fields=["target", "id"],
                condition=Q(status=CommandStatus.DEAD),
                name="command_dead",
            ),
            models.Index(fields=["id"], condition=Q(is_news=True), name="command_news"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.target}"
