"""The life of a timer."""

from __future__ import annotations

from django.db import models

from inventory_control.core.flow import Flow


class TimerStatus(models.TextChoices):
    """Set, then either fired once or cancelled."""

    SET = "set", "Set"
    FIRED = "fired", "Fired"
    CANCELLED = "cancelled", "Cancelled"
    DEAD = "dead", "Failed five times"


TIMER_FLOW = Flow(
    {
        TimerStatus.SET: frozenset({TimerStatus.FIRED, TimerStatus.CANCELLED, TimerStatus.DEAD}),
        TimerStatus.FIRED: frozenset(),
        TimerStatus.CANCELLED: frozenset(),
        TimerStatus.DEAD: frozenset(),
    }
)
