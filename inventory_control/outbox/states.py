"""The life of an instruction that leaves."""

from __future__ import annotations

from django.db import models

from inventory_control.core.flow import Flow


class CommandStatus(models.TextChoices):
    """Sent means acknowledged by the other side, never merely attempted."""

    DUE = "due", "Waiting to leave"
    SENT = "sent", "Acknowledged"
    DEAD = "dead", "Gave up after the last attempt"
    CANCELLED = "cancelled", "Withdrawn before it left"


COMMAND_FLOW = Flow(
    {
        CommandStatus.DUE: frozenset(
            {CommandStatus.SENT, CommandStatus.DEAD, CommandStatus.CANCELLED}
        ),
        CommandStatus.SENT: frozenset(),
        CommandStatus.DEAD: frozenset({CommandStatus.DUE, CommandStatus.CANCELLED}),
        CommandStatus.CANCELLED: frozenset(),
    }
)
