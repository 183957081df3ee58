"""Following: what the other side says became of a message, and what a customer took back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inventory_control.audit.services import advance_all
from inventory_control.core.actors import Actor
from inventory_control.core.telemetry import log
from inventory_control.events.selectors import events_by_id, outcomes_of
from inventory_control.events.services import work_through
from inventory_control.events.states import CONSENT_WITHDRAWN, OUTCOME_TYPES
from inventory_control.events.values import OutcomeFact
from inventory_control.notifications.models import NotificationRequest
from inventory_control.notifications.rules import number_of
from inventory_control.notifications.selectors import CONSUMER
from inventory_control.notifications.services.sending import LONGEST_DETAIL, withhold_refused
from inventory_control.notifications.states import RequestStatus, Why

_BECOMES: Mapping[str, RequestStatus] = {
    "notification.delivered": RequestStatus.DELIVERED,
    "notification.failed": RequestStatus.FAILED,
}
_logger = log(__name__)


def follow_notifications(*, by: Actor) -> int:
    """Take in what events say of messages and consents; returns the events followed."""
    return work_through(CONSUMER, lambda event_ids: _follow(event_ids, by))


def _follow(event_ids: Sequence[int], by: Actor) -> None:
    events = events_by_id(event_ids).values()
    _withhold({str(one.details["customer"]) for one in events if one.type == CONSENT_WITHDRAWN}, by)
    named = {str(one.details["document"]) for one in events if one.type in OUTCOME_TYPES}
    if named:
        _note_outcomes(named, by)


def _withhold(customers: set[str], by: Actor) -> None:
    """Keep back what waits for customers who took their consent back."""
    if customers:
        waiting = NotificationRequest.objects.select_for_update().filter(
            customer__in=customers, status=RequestStatus.QUEUED
        )
        withhold_refused(list(waiting.order_by("pk")), by=by)


def _note_outcomes(numbers: set[str], by: Actor) -> None:
    """Set what the latest of each message's outcomes says, whatever order they came in.

    A system that sends messages also tells of those it was not asked for by us; they are no fault.
    """
    ids = {number: pk for number in numbers if (pk := number_of(number)) is not None}
    found = NotificationRequest.objects.select_for_update().filter(pk__in=ids.values())
    known = {one.number: one for one in found.order_by("pk")}
    if strange := numbers - known.keys():
        _logger.info("notification.outcome_of_another", documents=len(strange))
    told = [
        one for one in outcomes_of(known) if known[one.document].outcome_event_id != one.event_id
    ]
    for event_type, status in _BECOMES.items():
        mine = {known[one.document].pk: _said(one) for one in told if one.type == event_type}
        rows = [one for one in known.values() if one.pk in mine]
        advance_all(rows, status, by=by, verb=event_type, each=mine)


def _said(outcome: OutcomeFact) -> dict[str, Any]:
    is_failure = _BECOMES[outcome.type] == RequestStatus.FAILED
    return {
        "why": Why.NOT_RECEIVED if is_failure else Why.NONE,
        "detail": outcome.reason[:LONGEST_DETAIL] if is_failure else "",
        "outcome_event_id": outcome.event_id,
        "ended_at": outcome.occurred_at,
    }
