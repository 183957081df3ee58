"""Configured connections to other systems, and what is taken in again."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from connectors.states import LEGAL_HOLD_FLOW, REPLAY_FLOW, LegalHoldStatus, ReplayStatus
from inventory_control.core.flow import Stateful, status_in
from inventory_control.core.tenancy import TenantModel


class Connector(TenantModel):
    """One system of the tenant: which adapter speaks to it, where it lives, how it signs.

    `secret` is encrypted (Fernet, keys from the environment, newest first). `targets` of the
    outbox are connector codes. A paused connector keeps its commands waiting.
    """

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    adapter = models.CharField(max_length=40)
    url = models.CharField(max_length=200, blank=True, default="")
    secret = models.BinaryField(default=b"")
    settings = models.JSONField(default=dict, blank=True)
    is_paused = models.BooleanField(default=False)
    last_ok_at = models.DateTimeField(null=True, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True, default="")

    class Meta(TenantModel.Meta):
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name


class Replay(Stateful):
    """Something that was taken in before goes through the same door again.

    What it covers is fixed when it is previewed: by source, type, window of receipt or single
    event, and no further than `last_event`, `last_message`, `last_letter`. `events`, `messages`
    and `letters` are what the preview counted, `fresh` how many rows of it were not known then.
    `road` and `reached` say how far it is; they move in the transaction that posts, so a killed
    worker repeats nothing. `outcomes` counts what became of the rows.
    """

    flow = REPLAY_FLOW

    source = models.TextField(blank=True, default="")
    type = models.TextField(blank=True, default="")
    since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    event_id = models.BigIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=300)
    last_event = models.BigIntegerField()
    last_message = models.BigIntegerField()
    last_letter = models.BigIntegerField()
    events = models.PositiveIntegerField()
    messages = models.PositiveIntegerField()
    letters = models.PositiveIntegerField()
    fresh = models.PositiveIntegerField()
    road = models.CharField(max_length=8, default="events")
    reached = models.BigIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    outcomes = models.JSONField(default=dict)
    previewed_at = models.DateTimeField()
    previewed_by = models.CharField(max_length=80)
    started_at = models.DateTimeField(null=True, blank=True)
    started_by = models.CharField(max_length=80, blank=True, default="")
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, default="")
    correlation_id = models.CharField(max_length=80)
    status = models.CharField(
        max_length=10, choices=ReplayStatus.choices, default=ReplayStatus.PREVIEWED
    )

    class Meta(Stateful.Meta):
        constraints = [status_in(ReplayStatus.values, name="replay_status")]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(status=ReplayStatus.RUNNING), name="replay_running"
            )
        ]

    def __str__(self) -> str:
        return f"replay {self.pk}"

    @property
    def total(self) -> int:
        """What the preview counted: events, messages and dead letters."""
        return self.events + self.messages + self.letters


class LegalHold(Stateful):
    """What must stay as it is while somebody looks into it: no replay may cover it.

    By source, item and window; an empty part does not narrow. A fact is in the window when it
    happened or was learnt in it.
    """

    flow = LEGAL_HOLD_FLOW

    source = models.TextField(blank=True, default="")
    item = models.ForeignKey(
        "catalog.Item", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300)
    placed_at = models.DateTimeField()
    placed_by = models.CharField(max_length=80)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=80, blank=True, default="")
    lifted_reason = models.CharField(max_length=300, blank=True, default="")
    status = models.CharField(
        max_length=10, choices=LegalHoldStatus.choices, default=LegalHoldStatus.STANDING
    )

    class Meta(Stateful.Meta):
        constraints = [status_in(LegalHoldStatus.values, name="legal_hold_status")]

    def __str__(self) -> str:
        return f"legal hold {self.pk}"
