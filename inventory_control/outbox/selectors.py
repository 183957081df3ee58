"""Questions to the outbox."""

from __future__ import annotations

from django.db.models import QuerySet

from inventory_control.core import clock
from inventory_control.core.sql import hot, is_so
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.states import CommandStatus
from inventory_control.outbox.values import FailedTarget

_FAILED_TARGETS = """
    SELECT target, (array_agg(served_by ORDER BY id DESC))[1], count(*),
           array_agg(DISTINCT kind), max(attempts), min(queued_at),
           (array_agg(error ORDER BY id DESC))[1], (array_agg(id ORDER BY id))[1:20]
      FROM outbox_outboundcommand
     WHERE status = 'dead'
     GROUP BY target
     ORDER BY target
"""
_WAITING_TARGETS = """
    SELECT DISTINCT target FROM outbox_outboundcommand
     WHERE kind = %(kind)s::text AND status = 'due' AND attempts = 0
"""


def due_commands() -> QuerySet[OutboundCommand]:
    """What waits to leave now, oldest first."""
    return OutboundCommand.objects.filter(
        status=CommandStatus.DUE, not_before__lte=clock.real_now()
    ).order_by("not_before", "id")


def is_waiting() -> bool:
    """Whether anything is still to leave, now or after a retry."""
    return OutboundCommand.objects.filter(status=CommandStatus.DUE).exists()


def has_command_news() -> bool:
    """Whether a command died, came alive again or ended a doubt since detection looked."""
    return is_so("SELECT EXISTS (SELECT FROM outbox_outboundcommand WHERE is_news)")


def failed_targets() -> list[FailedTarget]:
    """Every target with dead commands, by name; `commands` are the first twenty of them."""
    return [FailedTarget(*row) for row in hot(_FAILED_TARGETS, ())]


def commands(
    *, status: str = "", target: str = "", before: int | None = None, limit: int = 50
) -> list[OutboundCommand]:
    """A page of commands, latest first, below the id `before`."""
    found = OutboundCommand.objects.order_by("-id")
    if status:
        found = found.filter(status=status)
    if target:
        found = found.filter(target=target)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found[:limit])


def commands_about(subject: tuple[str, str]) -> QuerySet[OutboundCommand]:
    """Everything that was sent about one subject, oldest first."""
    return OutboundCommand.objects.filter(subject_kind=subject[0], subject_id=subject[1]).order_by(
        "id"
    )


def waiting_targets(kind: str) -> set[str]:
    """Targets that have a command of a kind waiting which nobody has taken yet."""
    return {target for (target,) in hot(_WAITING_TARGETS, {"kind": kind})}
