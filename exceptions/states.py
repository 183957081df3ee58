"""The life of an exception, and its ranks."""

from __future__ import annotations

from django.db import models

from inventory_control.core.flow import Flow


class Status(models.TextChoices):
    """Open until somebody takes it on; closed by its effect, by clearing, or by a person."""

    OPEN = "open", "Open"
    ACKNOWLEDGED = "acknowledged", "Taken on"
    RESOLVED = "resolved", "Resolved"
    DISMISSED = "dismissed", "Dismissed"


CASE_FLOW = Flow(
    {
        Status.OPEN: frozenset({Status.ACKNOWLEDGED, Status.RESOLVED, Status.DISMISSED}),
        Status.ACKNOWLEDGED: frozenset({Status.OPEN, Status.RESOLVED, Status.DISMISSED}),
        Status.RESOLVED: frozenset({Status.OPEN}),
        Status.DISMISSED: frozenset({Status.OPEN}),
    }
)

LIVE = (Status.OPEN.value, Status.ACKNOWLEDGED.value)


class Severity(models.IntegerChoices):
    """Rank of a case; smaller is worse, so that queues sort upwards."""

    CRITICAL = 1, "Critical"
    HIGH = 2, "High"
    MEDIUM = 3, "Medium"
    LOW = 4, "Low"


class Resolution(models.TextChoices):
    """Why a case was closed."""

    EFFECT_CONFIRMED = "effect_confirmed", "The ordered stock arrived"
    NO_ACTION_NEEDED = "no_action_needed", "No action needed"
    CLEARED = "cleared", "The risk went away by itself"
    REFUSED = "refused", "The proposal was refused"
    BY_HAND = "by_hand", "Settled by hand"
    FALSE_ALARM = "false_alarm", "False alarm"
