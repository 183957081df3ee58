"""What customers are to be told, by request, and what became of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory_control.core.flow import Stateful, status_in
from inventory_control.events.states import Medium, Purpose
from inventory_control.notifications.states import NOTIFICATION_FLOW, RequestStatus, Why
from inventory_control.notifications.values import NOTIFY_CUSTOMER, NUMBER


class NotificationRequest(Stateful):
    """One thing one customer is to be told once, by one medium.

    `customer` is a token; who the person is and what the message says is known where it is sent.
    `policy` and `consent_event_id` are what the last check of the consent rested on. `why` and
    `detail` say what stood in the way. `outcome_event_id` is the event that told whether it
    arrived, `ended_at` when that was, or when it was withheld.
    """

    flow = NOTIFICATION_FLOW

    topic = models.CharField(max_length=40)
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    medium = models.CharField(max_length=10, choices=Medium.choices)
    customer = models.CharField(max_length=200)
    order = models.CharField(max_length=200, blank=True, default="")
    item = models.ForeignKey(
        "catalog.Item", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    parameters = models.JSONField(default=dict, blank=True)
    target = models.CharField(max_length=40)
    requested_at = models.DateTimeField()
    requested_by = models.CharField(max_length=80)
    expires_at = models.DateTimeField(null=True)
    policy = models.CharField(max_length=80)
    consent_event_id = models.BigIntegerField(null=True)
    sent_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    outcome_event_id = models.BigIntegerField(null=True)
    external_id = models.CharField(max_length=80, blank=True, default="")
    why = models.CharField(max_length=20, choices=Why.choices, blank=True, default="")
    detail = models.CharField(max_length=300, blank=True, default="")
    correlation_id = models.CharField(max_length=80)
    status = models.CharField(
        max_length=10, choices=RequestStatus.choices, default=RequestStatus.QUEUED
    )

    class Meta(Stateful.Meta):
        constraints = [status_in(RequestStatus.values, name="notification_status")]
        indexes = [
            models.Index(fields=["status", "-id"], name="notification_by_status"),
            models.Index(fields=["customer", "-id"], name="notification_of_customer"),
            models.Index(
                fields=["order", "-id"], condition=~Q(order=""), name="notification_of_order"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """What everybody calls it by."""
        return f"{NUMBER}{self.pk}"

    @property
    def key(self) -> str:
        """What the instruction to send it, and the other side, know it by."""
        return f"{NOTIFY_CUSTOMER}:{self.pk}"
