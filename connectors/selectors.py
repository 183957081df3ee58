"""Questions about connectors: who is there, what waits, how they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connectors.models import Connector
from inventory_control.events.models import InboundMessage
from inventory_control.events.states import MessageStatus
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.states import CommandStatus

SUPPLIER = "supplier:"
"""How a target that is a supplier begins."""


@dataclass(frozen=True, slots=True)
class Health:
    """How one connector does: what waits for it, what died, when it last answered."""

    code: str
    name: str
    is_paused: bool
    waiting: int
    dead: int
    last_ok_at: datetime | None
    last_error_at: datetime | None
    last_error: str


def connectors() -> dict[str, Connector]:
    """Every connector by its code."""
    return {connector.code: connector for connector in Connector.objects.all()}


def serving(target: str, known: dict[str, Connector]) -> Connector | None:
    """The connector behind a target: of that code, or the one whose channels name it.

    A supplier is reached by the connector whose `suppliers` name it, or else through the ERP.
    """
    if target in known:
        return known[target]
    if target.startswith(SUPPLIER):
        code = target.removeprefix(SUPPLIER)
        own = (one for one in known.values() if code in one.settings.get("suppliers", ()))
        return next(own, known.get("erp"))
    for connector in known.values():
        if target in connector.settings.get("channels", ()):
            return connector
    return None


def paused_targets(known: dict[str, Connector]) -> list[str]:
    """Targets whose commands wait because their connector is paused."""
    paused = [connector for connector in known.values() if connector.is_paused]
    if not paused:
        return []
    suppliers = OutboundCommand.objects.filter(
        status=CommandStatus.DUE, target__startswith=SUPPLIER
    ).values_list("target", flat=True)
    return sorted(
        {connector.code for connector in paused}
        | {channel for connector in paused for channel in connector.settings.get("channels", ())}
        | {target for target in suppliers.distinct() if serving(target, known) in paused}
    )


def is_intake_due() -> bool:
    """Whether kept messages wait to become events."""
    return InboundMessage.objects.filter(status=MessageStatus.DUE).exists()


def is_delivery_due() -> bool:
    """Whether a command still has to leave, now or after a retry; paused ones rest."""
    return (
        OutboundCommand.objects.filter(status=CommandStatus.DUE)
        .exclude(target__in=paused_targets(connectors()))
        .exists()
    )


def health() -> list[Health]:
    """How every connector does."""
    known = connectors()
    return [
        Health(
            code=connector.code,
            name=connector.name,
            is_paused=connector.is_paused,
            waiting=_count(connector.code, CommandStatus.DUE),
            dead=_count(connector.code, CommandStatus.DEAD),
            last_ok_at=connector.last_ok_at,
            last_error_at=connector.last_error_at,
            last_error=connector.last_error,
        )
        for connector in known.values()
    ]


def _count(target: str, status: str) -> int:
    return OutboundCommand.objects.filter(target=target, status=status)[:1000].count()
