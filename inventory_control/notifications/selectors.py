"""Questions about what customers were told, and what they agreed to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from inventory_control.audit.selectors import timeline_of
from inventory_control.audit.values import TimelineEntry
from inventory_control.core import clock
from inventory_control.events.selectors import consents_of, is_work_due
from inventory_control.events.states import Medium, Purpose
from inventory_control.notifications.errors import UnknownRequestError
from inventory_control.notifications.models import NotificationRequest
from inventory_control.notifications.rules import number_of, verdict
from inventory_control.notifications.values import POLICY, Consent, Terms, Verdict
from inventory_control.outbox.models import OutboundCommand
from inventory_control.policies.selectors import current_policy

CONSUMER = "notifications"
SUBJECT = "notificationrequest"
"""What the audit log calls a request."""


def is_outcome_due() -> bool:
    """Whether events wait that say something of what customers were told."""
    return is_work_due(CONSUMER)


def notification_terms() -> Terms:
    """What customers may be told now, and on which ground."""
    found = current_policy(POLICY)
    return Terms(found.name, found.value["topics"], found.value["bases"], found.value["targets"])


def verdicts_on(requests: Sequence[NotificationRequest], terms: Terms) -> list[Verdict]:
    """Whether some requests may be sent now, by what their customers said until now; in order."""
    facts, now = consents_of({one.customer for one in requests}), clock.now()
    return [
        verdict(
            facts.get(one.customer, ()),
            medium=one.medium,
            purpose=one.purpose,
            basis=terms.bases.get(one.purpose, ""),
            expires_at=one.expires_at,
            now=now,
        )
        for one in requests
    ]


def consents(customer: str) -> list[Consent]:
    """Whether a customer may be told something, for every medium and purpose, and why not."""
    facts = consents_of([customer]).get(customer, [])
    terms, now = notification_terms(), clock.now()
    said_at = {fact.event_id: fact.said_at for fact in facts}
    found = []
    for medium in Medium.values:
        for purpose in Purpose.values:
            basis = terms.bases.get(purpose, "")
            result = verdict(
                facts, medium=medium, purpose=purpose, basis=basis, expires_at=None, now=now
            )
            event_id = result.consent_event_id
            found.append(
                Consent(
                    medium=medium,
                    purpose=purpose,
                    is_allowed=result.is_allowed,
                    why=result.why.value,
                    basis=basis,
                    event_id=event_id,
                    said_at=said_at[event_id] if event_id is not None else None,
                )
            )
    return found


def request_of(number: str) -> NotificationRequest:
    """A request by its number; raises `UnknownRequestError`."""
    found = (
        NotificationRequest.objects.select_related("item").filter(pk=number_of(number) or 0).first()
    )
    if found is None:
        raise UnknownRequestError(f"No notification request has the number {number[:40]}.")
    return found


def requests(
    *,
    text: str = "",
    status: str = "",
    order: str = "",
    customer: str = "",
    topic: str = "",
    before: int | None = None,
    limit: int = 50,
) -> list[NotificationRequest]:
    """A page of requests, newest first, below the id `before` (keyset).

    `text` is the number of one, an order or a customer, each as a whole.
    """
    found: QuerySet[NotificationRequest] = NotificationRequest.objects.select_related("item")
    if text:
        found = _named(found, text)
    asked = {"status": status, "order": order, "customer": customer, "topic": topic}
    found = found.filter(**{field: value for field, value in asked.items() if value})
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])


def _named(found: QuerySet[NotificationRequest], text: str) -> QuerySet[NotificationRequest]:
    pk = number_of(text.upper())
    if pk is not None:
        return found.filter(pk=pk)
    return found.filter(order=text) | found.filter(customer=text)


def requests_of_order(order: str, *, limit: int = 100) -> list[NotificationRequest]:
    """What the customer of an order was told about it, oldest first; the latest where many."""
    return requests(order=order, limit=limit)[::-1]


def sending_of(request: NotificationRequest) -> OutboundCommand | None:
    """The instruction to send it: how often it was tried, what the other side said."""
    return OutboundCommand.objects.filter(idempotency_key=request.key).first()


def history_of(requests: Iterable[NotificationRequest], *, limit: int) -> list[TimelineEntry]:
    """What happened to some requests, as the audit log tells it, newest first."""
    subjects = [(SUBJECT, str(one.pk)) for one in requests]
    return timeline_of(*subjects, limit=limit) if subjects else []
