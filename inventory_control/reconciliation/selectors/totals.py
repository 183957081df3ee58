"""Questions about control totals: what arrived, what left, what does not tie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.events.states import DeadLetterStatus
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.states import CommandStatus
from inventory_control.reconciliation.models import ControlTotal
from inventory_control.reconciliation.states import Direction, TotalStatus
from inventory_control.reconciliation.values import Shortfall

DECLARATION = "control_total.declared"
MOST_IDS_READ = 50_000


@dataclass(frozen=True, slots=True)
class Arrived:
    """How many messages of a total are here, and their ids."""

    count: int
    ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sent:
    """Instructions of one kind to one target in a window, by what became of them."""

    target: str
    kind: str
    queued: int
    acknowledged: int
    waiting: int
    dead: int
    cancelled: int

    @property
    def is_tied(self) -> bool:
        """Whether everything that was to leave was acknowledged."""
        return self.queued == self.acknowledged + self.cancelled


def arrived(total: ControlTotal) -> Arrived:
    """What is here of the messages a total counts.

    In: events of the source that were true in the window, declarations apart. Out: instructions
    it acknowledged of those queued in the window.
    """
    if total.direction == Direction.OUT:
        sent = OutboundCommand.objects.filter(
            target=total.source,
            status=CommandStatus.SENT,
            queued_at__gte=total.since,
            queued_at__lt=total.until,
        )
        if total.type:
            sent = sent.filter(kind=total.type)
        keys = list(sent.values_list("idempotency_key", flat=True)[:MOST_IDS_READ])
        return Arrived(sent.count() if len(keys) == MOST_IDS_READ else len(keys), keys)
    events = InventoryEvent.objects.filter(
        source=total.source, occurred_at__gte=total.since, occurred_at__lt=total.until
    ).exclude(type=DECLARATION)
    if total.type:
        events = events.filter(type=total.type)
    ids = list(events.values_list("source_id", flat=True)[:MOST_IDS_READ])
    return Arrived(events.count() if len(ids) == MOST_IDS_READ else len(ids), ids)


def refused_count(total: ControlTotal) -> int:
    """Rows of the source that were refused since the window began and wait for a person."""
    if total.direction == Direction.OUT:
        return 0
    return DeadLetter.objects.filter(
        status=DeadLetterStatus.OPEN,
        source=total.source,
        received_at__gte=total.since,
        received_at__lt=total.until + timedelta(days=1),
    ).count()


def control_totals(
    *, before: int | None = None, status: str = "", limit: int = 50
) -> list[ControlTotal]:
    """A page of control totals, latest first."""
    found = ControlTotal.objects.all()
    if before is not None:
        found = found.filter(pk__lt=before)
    if status:
        found = found.filter(status=status)
    return list(found.order_by("-pk")[:limit])


def shortfalls() -> list[Shortfall]:
    """Every control total that does not tie, for detection."""
    return [
        Shortfall(
            total_id=total.pk,
            source=total.source,
            direction=total.direction,
            type=total.type,
            since=total.since,
            until=total.until,
            expected=total.expected,
            received=total.received,
            missing=tuple(total.missing),
            refused=total.refused,
        )
        for total in ControlTotal.objects.filter(status=TotalStatus.OPEN).order_by("pk")
    ]


def outbound_totals(since: datetime, until: datetime) -> list[Sent]:
    """Sent against acknowledged, per target and kind, of what was queued in [since, until)."""
    rows = (
        OutboundCommand.objects.filter(queued_at__gte=since, queued_at__lt=until)
        .values("target", "kind")
        .annotate(
            queued=Count("pk"),
            acknowledged=Count("pk", filter=Q(status=CommandStatus.SENT)),
            waiting=Count("pk", filter=Q(status=CommandStatus.DUE)),
            dead=Count("pk", filter=Q(status=CommandStatus.DEAD)),
            cancelled=Count("pk", filter=Q(status=CommandStatus.CANCELLED)),
        )
        .order_by("target", "kind")
    )
    return [Sent(**row) for row in rows]
