"""Sending: the consent is asked again as a message leaves, and what came of it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from inventory_control.audit.services import advance, advance_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.notifications.models import NotificationRequest
from inventory_control.notifications.selectors import notification_terms, verdicts_on
from inventory_control.notifications.states import RequestStatus, Why
from inventory_control.notifications.values import NOTIFY_CUSTOMER
from inventory_control.outbox.services import withdraw_all

LONGEST_DETAIL = 300
_LONGEST_ID = 80
_UNTOLD = frozenset({RequestStatus.QUEUED, RequestStatus.WITHHELD, RequestStatus.CALLED_OFF})


@transaction.atomic
def begin_sending(key: str, *, by: Actor) -> str:
    """Whether the message of a key may leave now: empty, or in words why not.

    Asked before each attempt by whoever is about to send it: what its customer took back
    meanwhile, and what is too old by now, is withheld here. One that could not be delivered and
    is tried again by hand waits anew.
    """
    request = _locked([key]).get(key)
    if request is None:
        return "There is no such request."
    is_again = request.status_value == RequestStatus.FAILED and request.outcome_event_id is None
    if request.status_value != RequestStatus.QUEUED and not is_again:
        return f"The message is {request.get_status_display().lower()} already."
    if is_again:
        request = advance(
            request, RequestStatus.QUEUED, by=by, verb="notification.queued",
            why=Why.NONE, detail="", ended_at=None,
        )  # fmt: skip
    withhold_refused([request], by=by)
    request.refresh_from_db(fields=["status", "why"])
    return "" if request.status_value == RequestStatus.QUEUED else f"{request.get_why_display()}."


@transaction.atomic
def withhold_refused(waiting: list[NotificationRequest], *, by: Actor) -> None:
    """Keep back those of some waiting messages that may not be sent any more.

    Each with the policy and the customer's word that it rests on. A constant number of queries.
    """
    terms = notification_terms()
    refused = [
        (request, found)
        for request, found in zip(waiting, verdicts_on(waiting, terms), strict=True)
        if not found.is_allowed
    ]
    advance_all(
        [request for request, _ in refused],
        RequestStatus.WITHHELD,
        by=by,
        verb="notification.withheld",
        each={
            request.pk: {"why": found.why, "consent_event_id": found.consent_event_id}
            for request, found in refused
        },
        policy=terms.name,
        ended_at=clock.now(),
    )
    withdraw_all([request.key for request, _ in refused], by=by)


@transaction.atomic
def note_sent(answers: Mapping[str, Mapping[str, Any]], *, by: Actor) -> None:
    """Note that the system that sends messages took some, by their keys, with its answers.

    One whose outcome came before this acknowledgement keeps its outcome.
    """
    taken = [one for one in _locked(answers).values() if one.status_value in _UNTOLD]
    advance_all(
        taken,
        RequestStatus.SENT,
        by=by,
        verb="notification.sent",
        each={
            one.pk: {"external_id": str(answers[one.key].get("id", ""))[:_LONGEST_ID]}
            for one in taken
        },
        why=Why.NONE,
        sent_at=clock.now(),
        ended_at=None,
    )


@transaction.atomic
def note_undeliverable(key: str, *, error: str, by: Actor) -> None:
    """Note that no system took a message, for good; sending it again by hand is possible."""
    request = _locked([key]).get(key)
    if request is not None and request.status_value == RequestStatus.QUEUED:
        advance(
            request,
            RequestStatus.FAILED,
            by=by,
            verb="notification.failed",
            why=Why.UNDELIVERABLE,
            detail=error[:LONGEST_DETAIL],
            ended_at=clock.now(),
        )


def _locked(keys: Iterable[str]) -> dict[str, NotificationRequest]:
    ids = [int(key.removeprefix(f"{NOTIFY_CUSTOMER}:")) for key in keys]
    found = NotificationRequest.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    return {one.key: one for one in found}
