"""Questions to the outbox."""

from __future__ import annotations

from django.db.models import QuerySet

from inventory_control.core import clock
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.states import CommandStatus


def due_commands() -> QuerySet[OutboundCommand]:
    """What waits to leave now, oldest first."""
    return OutboundCommand.objects.filter(
        status=CommandStatus.DUE, not_before__lte=clock.real_now()
    ).order_by("not_before", "id")


def is_waiting() -> bool:
    """Whether anything is still to leave, now or after a retry."""
    return OutboundCommand.objects.filter(status=CommandStatus.DUE).exists()


def commands_about(subject: tuple[str, str]) -> QuerySet[OutboundCommand]:
    """Everything that was sent about one subject, oldest first."""
    return OutboundCommand.objects.filter(subject_kind=subject[0], subject_id=subject[1]).order_by(
        "id"
    )


def waiting_targets(kind: str) -> set[str]:
    """Targets that have a command of a kind waiting which nobody has taken yet."""
    return set(
        OutboundCommand.objects.filter(kind=kind, status=CommandStatus.DUE, attempts=0).values_list(
            "target", flat=True
        )
    )
