"""Questions about timers."""

from __future__ import annotations

from datetime import datetime

from inventory_control.timers.models import Timer
from inventory_control.timers.states import TimerStatus


def next_due_at() -> datetime | None:
    """When the earliest timer falls due, or None when none is set."""
    return (
        Timer.objects.filter(status=TimerStatus.SET)
        .order_by("due_at", "id")
        .values_list("due_at", flat=True)
        .first()
    )


def has_due(at: datetime) -> bool:
    """Whether a timer is due at that moment and may still fire."""
    return Timer.objects.filter(status=TimerStatus.SET, due_at__lte=at, attempts__lt=5).exists()


def is_set(kind: str) -> bool:
    """Whether a timer of a kind still waits for its moment, however far off."""
    return Timer.objects.filter(kind=kind, status=TimerStatus.SET).exists()
