"""How each part of the product is told on a timeline: one moment, its words, both its times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inventory_control.audit.values import TimelineEntry
from inventory_control.events.models import InventoryEvent
from inventory_control.notifications.models import NotificationRequest
from inventory_control.notifications.states import Why
from inventory_control.outbox.models import OutboundCommand
from inventory_control.timelines.values import Moment
from inventory_control.web.times import readable

_TOLD_OF_EVENT = ("channel", "supplier", "reason", "due_at", "from_state", "to_state", "to_node")
_TOLD_OF_ENTRY = 8


def moment_of_event(event: InventoryEvent) -> Moment:
    """The event itself, as its source told it."""
    told = [f"{event.quantity:+,}" if event.quantity is not None else ""]
    told += [event.item.sku if event.item else "", f"at {event.node.code}" if event.node else ""]
    told += [
        f"{name.replace('_', ' ')} {readable(event.details[name])}"
        for name in _TOLD_OF_EVENT
        if event.details.get(name)
    ]
    if event.corrects is not None:
        told.append(f"corrects event {event.corrects}")
    return Moment(
        at=event.occurred_at,
        learnt_at=event.recorded_at,
        kind="event",
        title=words_of(event.type),
        text=" ".join(filter(None, told)),
        subject=("event", str(event.pk)),
        source=event.source,
        correlation_id=event.correlation_id,
    )


def moment_of_line(line: Any) -> Moment:
    """A ledger line, at the moment the fold gives it."""
    return Moment(
        at=line.occurred_at,
        learnt_at=line.posted_at,
        kind="ledger",
        title=f"{line.quantity:+,} {line.state.replace('_', ' ')}",
        text=f"{line.item.sku} at {line.node.code}, event {line.event_id}",
        subject=("ledger", str(line.id)),
    )


def moment_of_claim(claim: Any) -> Moment:
    """A claim as it stands, at its last change."""
    return Moment(
        at=claim.changed_at,
        learnt_at=claim.changed_at,
        kind="claim",
        title=f"{claim.open:,} promised",
        text=f"{claim.key}: {claim.committed:,} committed, {claim.confirmed:,} confirmed, "
        f"{claim.shipped:,} shipped, {claim.released:,} released of {claim.item.sku} at "
        f"{claim.node.code}",
        subject=("claim", claim.key),
    )


def moments_of_command(command: OutboundCommand) -> list[Moment]:
    """An instruction when it was decided, and what the other side acknowledged with."""
    queued = Moment(
        at=command.queued_at,
        learnt_at=command.queued_at,
        kind="command",
        title=words_of(command.kind),
        text=f"to {command.target}" + (f": {command.error}" if command.error else ""),
        subject=("outboundcommand", str(command.pk)),
        source=command.target,
        correlation_id=command.correlation_id,
    )
    if command.sent_at is None:
        return [queued]
    answer = ", ".join(f"{name} {value}" for name, value in (command.answer or {}).items())
    acknowledged = Moment(
        at=command.sent_at,
        learnt_at=command.sent_at,
        kind="answer",
        title=f"{command.target} acknowledged",
        text=answer[:300],
        subject=("outboundcommand", str(command.pk)),
        source=command.target,
        correlation_id=command.correlation_id,
    )
    return [queued, acknowledged]


def moment_of_entry(entry: TimelineEntry) -> Moment:
    """What the audit log keeps of a decision."""
    return Moment(
        at=entry.at,
        learnt_at=entry.at,
        kind=_KINDS.get(entry.subject_kind, "audit"),
        title=words_of(entry.verb),
        text=_told(entry.data),
        subject=(entry.subject_kind, entry.subject_id),
        source=entry.actor_name or entry.actor_id,
        correlation_id=entry.correlation_id,
        number=entry.number,
    )


def moment_of_message(entry: TimelineEntry, request: NotificationRequest) -> Moment:
    """What happened to a message to the customer, and why where it was not sent."""
    why = Why(str(entry.data.get("why") or "")).label if entry.data.get("why") else ""
    told = [
        f"{words_of(request.topic)} by {request.get_medium_display().lower()}",
        f"to {request.customer}, {request.number}",
        f": {why.lower()}" if why else "",
        f", {entry.data['detail']}" if entry.data.get("detail") else "",
    ]
    return Moment(
        at=entry.at,
        learnt_at=entry.at,
        kind="message",
        title=f"Message {entry.verb.partition('.')[2].replace('_', ' ')}",
        text=" ".join(filter(None, told)).replace(" :", ":").replace(" ,", ","),
        subject=("notificationrequest", request.number),
        source=entry.actor_name or entry.actor_id,
        correlation_id=entry.correlation_id,
        number=entry.number,
    )


def words_of(name: str) -> str:
    """An event type, verb or kind of command as a person reads it."""
    return name.replace(".", " ").replace("_", " ").capitalize()


_KINDS = {
    "exceptioncase": "case",
    "workflowrun": "run",
    "approval": "approval",
    "count": "count",
    "hold": "hold",
}


def _told(data: Mapping[str, Any]) -> str:
    parts = [
        f"{name.replace('_', ' ')} {readable(value)}"
        for name, value in data.items()
        if isinstance(value, str | int) and value != ""
    ]
    return ", ".join(parts[:_TOLD_OF_ENTRY])[:300]
