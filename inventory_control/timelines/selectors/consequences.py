"""What an error touched: who used a number before a late or correcting event put it right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from exceptions.models import ExceptionCase
from inventory_control.availability.selectors import acknowledged_between
from inventory_control.core.places import Place
from inventory_control.events.models import InventoryEvent
from inventory_control.events.selectors import corrections_around, event_page
from inventory_control.stock.selectors import lines_of_events
from inventory_control.timelines.values import Touched
from workflows.models import Approval
from workflows.states import ApprovalStatus

LATE_AFTER = timedelta(minutes=5)
"""A fact learnt later than this after it was true may have been missed by somebody."""
SHOWN = 200
DECIDED = (ApprovalStatus.APPROVED, ApprovalStatus.REFUSED)


def touched_by(event_id: int) -> Touched:
    """Cases, decisions and pushes that used a number this event proves wrong.

    A correction: whatever its original misled since it was posted. A corrected event: the same,
    until its correction was posted. A late event: whatever was done between the moment it was
    true and the moment it was learnt. A constant number of queries.
    """
    event = event_page(event_id)
    corrects, corrected_by = corrections_around(event)
    reason, since, until = _window(event, corrects, corrected_by)
    if since is None or until is None:
        return Touched(reason, None, None)
    places = _places(event, [pk for pk in (event.pk, corrects, corrected_by) if pk is not None])
    cases = _cases(places, since, until)
    return Touched(
        reason=reason,
        since=since,
        until=until,
        cases=tuple(cases),
        decisions=tuple(_decisions(cases, since, until)),
        pushes=tuple(acknowledged_between(places, since, until, limit=SHOWN)),
    )


def _window(
    event: InventoryEvent, corrects: int | None, corrected_by: int | None
) -> tuple[str, datetime | None, datetime | None]:
    if corrects is not None:
        return "correction", event_page(corrects).recorded_at, event.recorded_at
    if corrected_by is not None:
        return "corrected", event.recorded_at, event_page(corrected_by).recorded_at
    if event.recorded_at - event.occurred_at > LATE_AFTER:
        return "late", event.occurred_at, event.recorded_at
    return "in time", None, None


def _places(event: InventoryEvent, event_ids: Sequence[int]) -> set[Place]:
    """Where the events put or took anything, or told something of."""
    places = {(line.item_id, line.node_id) for line in lines_of_events(event_ids)}
    if event.item_id is not None and event.node_id is not None:
        places.add((event.item_id, event.node_id))
    return places


def _cases(places: set[Place], since: datetime, until: datetime) -> list[ExceptionCase]:
    """Cases that stood at the places at any moment of the window."""
    cases = (
        ExceptionCase.objects.filter(item_id__in={item for item, _ in places})
        .filter(node_id__in={node for _, node in places}, opened_at__lt=until)
        .filter(Q(closed_at__isnull=True) | Q(closed_at__gte=since))
        .select_related("item", "node")
        .order_by("pk")[:SHOWN]
    )
    return [case for case in cases if (case.item_id, case.node_id) in places]


def _decisions(cases: Sequence[ExceptionCase], since: datetime, until: datetime) -> list[Approval]:
    """What was approved or refused on those cases in the window."""
    decided = Approval.objects.filter(
        run__case__in=[case.pk for case in cases],
        status__in=DECIDED,
        decided_at__gte=since,
        decided_at__lt=until,
    )
    return list(decided.select_related("run__case").order_by("pk")[:SHOWN])
