"""Timers: rows that say at which moment something must be looked at again (never eta)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory_control.core.flow import Stateful, status_in
from inventory_control.timers.states import TIMER_FLOW, TimerStatus


class Timer(Stateful):
    """One moment for one subject. `kind` names the handler, `key` makes setting it twice one row.

    `due_at` is product time. A timer fires in the transaction of what it does, so it fires once.
    """

    flow = TIMER_FLOW

    kind = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=80)
    key = models.CharField(max_length=160, unique=True)
    due_at = models.DateTimeField()
    set_at = models.DateTimeField()
    fired_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    status = models.CharField(max_length=10, choices=TimerStatus.choices, default=TimerStatus.SET)

    class Meta(Stateful.Meta):
        constraints = [status_in(TimerStatus.values, name="timer_status")]
        indexes = [
            models.Index(
                fields=["due_at", "id"], condition=Q(status=TimerStatus.SET), name="timer_due"
            ),
            models.Index(fields=["kind", "subject_id"], name="timer_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject_id} at {self.due_at:%Y-%m-%d %H:%M}"
