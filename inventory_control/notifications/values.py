"""What passes between the parts of notifications, and what a new tenant starts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from inventory_control.events.states import Medium, Purpose
from inventory_control.notifications.states import Basis, Why

NOTIFY_CUSTOMER = "customer.notify"
"""The kind of instruction that has a customer told something."""
POLICY = "customer_notifications"
"""What customers may be told, on which ground, and which system tells them."""
NUMBER = "NR-"
"""How the number of a request begins."""
DEFAULTS: Mapping[str, Mapping[str, object]] = {
    POLICY: {
        "topics": {
            "order_confirmed": Purpose.SERVICE.value,
            "order_ready": Purpose.SERVICE.value,
            "order_delayed": Purpose.SERVICE.value,
            "order_substituted": Purpose.SERVICE.value,
            "order_shipped": Purpose.SERVICE.value,
            "order_cancelled": Purpose.SERVICE.value,
            "return_received": Purpose.SERVICE.value,
            "refund_made": Purpose.SERVICE.value,
            "back_in_stock": Purpose.MARKETING.value,
        },
        "bases": {purpose.value: Basis.OPT_IN.value for purpose in Purpose},
        "targets": {medium.value: "crm" for medium in Medium},
    },
}
"""Nobody is told anything without having agreed, until a tenant decides otherwise: which messages
need no consent is a question of its law.
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """The policy in force: the purpose of each topic, the basis of each purpose, and the system
    behind each medium. `name` is how it is cited.
    """

    name: str
    topics: Mapping[str, str]
    bases: Mapping[str, str]
    targets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NotificationDraft:
    """What a customer is to be told. `customer` and `order`: at least one of them; a request about
    an order goes to the customer of that order.

    `parameters` fill the message where it is written; nothing personal is among them.
    `expires_at`: what is not sent by then is not sent at all.
    """

    topic: str
    medium: str
    customer: str = ""
    order: str = ""
    sku: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether a customer may be told something by a medium for a purpose, and what decided it:
    the basis of the purpose and, if there is one, the event of the customer's latest word.
    """

    medium: str
    purpose: str
    is_allowed: bool
    why: str
    basis: str
    event_id: int | None
    said_at: datetime | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a customer may be told, why not, and the event of the consent that decided."""

    why: Why
    consent_event_id: int | None = None

    @property
    def is_allowed(self) -> bool:
        """Whether nothing stands in the way."""
        return self.why is Why.NONE
