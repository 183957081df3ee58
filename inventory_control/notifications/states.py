"""The life of a notification request, and why one is withheld."""

from __future__ import annotations

from django.db import models

from inventory_control.core.flow import Flow


class RequestStatus(models.TextChoices):
    """Sent means taken by the system that sends messages; delivered is its word that it arrived."""

    QUEUED = "queued", "Queued"
    SENT = "sent", "Sent"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"
    WITHHELD = "withheld", "Withheld"
    CALLED_OFF = "called_off", "Called off"


_OUTCOMES = frozenset({RequestStatus.DELIVERED, RequestStatus.FAILED})
"""What is said of a message that was sent; a later word replaces the one before."""
_UNDER_WAY = _OUTCOMES | {RequestStatus.SENT}
"""What may come of one that was kept back while it was on its way already."""
NOTIFICATION_FLOW = Flow(
    {
        RequestStatus.QUEUED: frozenset(
            {
                RequestStatus.SENT,
                RequestStatus.DELIVERED,
                RequestStatus.FAILED,
                RequestStatus.WITHHELD,
                RequestStatus.CALLED_OFF,
            }
        ),
        RequestStatus.SENT: _OUTCOMES,
        RequestStatus.DELIVERED: _OUTCOMES,
        RequestStatus.FAILED: _OUTCOMES | {RequestStatus.QUEUED},
        RequestStatus.WITHHELD: _UNDER_WAY,
        RequestStatus.CALLED_OFF: _UNDER_WAY,
    }
)


class Basis(models.TextChoices):
    """What a purpose rests on, by the tenant's policy."""

    OPT_IN = "opt_in", "Only after a consent"
    OPT_OUT = "opt_out", "Unless it was withdrawn"


class Why(models.TextChoices):
    """Why a request is not sent, or did not arrive; empty when nothing stands in its way."""

    NONE = "", "Nothing"
    NO_CONSENT = "no_consent", "The customer never agreed to it"
    WITHDRAWN = "consent_withdrawn", "The customer withdrew the consent"
    EXPIRED = "expired", "It was no longer true when it could have left"
    PERSON = "called_off", "A person called it off"
    UNDELIVERABLE = "undeliverable", "No system took it"
    NOT_RECEIVED = "not_received", "It did not reach the customer"
