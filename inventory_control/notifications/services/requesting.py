"""Asking that a customer is told something: checked against the consent before it is queued."""

from __future__ import annotations

from django.db import transaction

from inventory_control.audit.services import advance, record
from inventory_control.catalog.models import Item
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import correlation_id
from inventory_control.fulfilment.selectors import sales_order
from inventory_control.notifications import permissions
from inventory_control.notifications.errors import (
    AnotherCustomerError,
    InvalidRequestError,
    UnknownOrderError,
)
from inventory_control.notifications.models import NotificationRequest
from inventory_control.notifications.rules import check_draft
from inventory_control.notifications.selectors import SUBJECT, notification_terms, verdicts_on
from inventory_control.notifications.states import RequestStatus, Why
from inventory_control.notifications.values import NOTIFY_CUSTOMER, NotificationDraft
from inventory_control.outbox.services import queue_command, withdraw

LONGEST_REASON = 300


@transaction.atomic
def request_notification(draft: NotificationDraft, *, by: Actor) -> NotificationRequest:
    """Queue a message to a customer, or keep it withheld where the consent is missing.

    Both are kept and told on the timeline of the order: a message that was not sent needs a
    reason as much as one that was. Raises `InvalidRequestError`, `PersonalDataError`,
    `UnknownOrderError` or `AnotherCustomerError`, naming the field; nothing is kept then.
    """
    require(by, permissions.REQUEST)
    terms, now = notification_terms(), clock.now()
    check_draft(draft, terms, now=now)
    request = NotificationRequest(
        topic=draft.topic,
        purpose=terms.topics[draft.topic],
        medium=draft.medium,
        customer=_customer_of(draft),
        order=draft.order,
        item=_item(draft.sku),
        parameters=dict(draft.parameters),
        target=terms.targets[draft.medium],
        requested_at=now,
        requested_by=by.id,
        expires_at=draft.expires_at,
        policy=terms.name,
        correlation_id=correlation_id(),
    )
    (found,) = verdicts_on([request], terms)
    request.consent_event_id = found.consent_event_id
    if not found.is_allowed:
        request.status, request.why, request.ended_at = RequestStatus.WITHHELD, found.why, now
    request.save()
    record(
        f"notification.{request.status}",
        subject=(SUBJECT, str(request.pk)),
        by=by,
        data=_told(request),
    )
    if found.is_allowed:
        queue_command(
            kind=NOTIFY_CUSTOMER,
            target=request.target,
            idempotency_key=request.key,
            payload=_payload(request),
            subject=("order", request.order) if request.order else (SUBJECT, str(request.pk)),
            by=by,
        )
    return request


@transaction.atomic
def call_off(request: NotificationRequest, *, reason: str, by: Actor) -> NotificationRequest:
    """Not send what waits, because it is no longer true or was never meant.

    What is being sent at this moment may still arrive; then it is told as sent. Raises
    `IllegalMove` when it does not wait any more.
    """
    require(by, permissions.REQUEST)
    words = reason.strip()
    if not words:
        raise Refused("Say why in reason.", field="reason")
    if len(words) > LONGEST_REASON:
        raise Refused(f"reason may have {LONGEST_REASON} characters.", field="reason")
    moved = advance(
        request,
        RequestStatus.CALLED_OFF,
        by=by,
        verb="notification.called_off",
        why=Why.PERSON,
        detail=words,
        ended_at=clock.now(),
    )
    withdraw(request.key, by=by)
    return moved


def _customer_of(draft: NotificationDraft) -> str:
    """The token of whom to tell: as asked for, or of the order; never of another's order."""
    if not draft.order:
        return draft.customer
    found = sales_order(draft.order)
    if found is None:
        raise UnknownOrderError(f"Nobody told of an order {draft.order[:60]}.", field="order")
    if draft.customer and found.customer and draft.customer != found.customer:
        raise AnotherCustomerError(field="customer")
    if not (token := draft.customer or found.customer):
        raise InvalidRequestError(
            f"Order {draft.order[:60]} names no customer; name the customer by a token.",
            field="customer",
        )
    return token


def _item(sku: str) -> Item | None:
    found = Item.objects.filter(sku=sku).first() if sku else None
    if sku and found is None:
        raise InvalidRequestError(f"No item is called {sku[:60]}.", field="item")
    return found


def _told(request: NotificationRequest) -> dict[str, object]:
    """What the log keeps of it: whom, what and by what right; no words of the message."""
    told = {
        "number": request.number,
        "topic": request.topic,
        "medium": request.medium,
        "customer": request.customer,
        "order": request.order,
        "item": request.item.sku if request.item else "",
        "why": str(request.why),
        "purpose": request.purpose,
        "policy": request.policy,
        "consent_event": request.consent_event_id,
    }
    return {name: value for name, value in told.items() if value not in ("", None)}


def _payload(request: NotificationRequest) -> dict[str, object]:
    """What the system that sends it is told."""
    return {
        "number": request.number,
        "topic": request.topic,
        "purpose": request.purpose,
        "medium": request.medium,
        "customer": request.customer,
        "order": request.order,
        "item": request.item.sku if request.item else "",
        "parameters": request.parameters,
        "requested_at": request.requested_at.isoformat(),
        "expires_at": request.expires_at.isoformat() if request.expires_at else None,
    }
