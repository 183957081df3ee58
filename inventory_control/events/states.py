"""Kinds of events, what became of a message, and the life of a dead letter."""

from __future__ import annotations

from django.db import models

from inventory_control.core.flow import Flow


class Kind(models.TextChoices):
    """What an event does (D3). A signal is a fact without effect on stock."""

    MOVE = "move", "Moves stock"
    ASSERT = "assert", "States an absolute quantity"
    COMMIT = "commit", "Promises stock to demand"
    RELEASE = "release", "Releases a promise"
    EXPECT = "expect", "Announces dated supply"
    CORRECT = "correct", "Reverses and replaces an event"
    SIGNAL = "signal", "Tells something without moving stock"


class Outcome(models.TextChoices):
    """What became of one row of a batch."""

    POSTED = "posted", "Posted"
    NOTED = "noted", "Stored; it moves nothing"
    HELD = "held", "Held for the event it refers to, or for a person"
    DUPLICATE = "duplicate", "Already known"
    CONFLICT = "conflict", "Same id with other content"
    QUARANTINED = "quarantined", "Refused and kept"
    UNMAPPED = "unmapped", "Names something unknown; kept until it is mapped"
    NOT_APPLICABLE = "not_applicable", "Refers to something that never happened"


class DeadLetterStatus(models.TextChoices):
    """A refused message waits for a person."""

    OPEN = "open", "Open"
    RETRIED = "retried", "Retried and accepted"
    DISCARDED = "discarded", "Discarded with a reason"


DEAD_LETTER_FLOW = Flow(
    {
        DeadLetterStatus.OPEN: frozenset({DeadLetterStatus.RETRIED, DeadLetterStatus.DISCARDED}),
        DeadLetterStatus.RETRIED: frozenset(),
        DeadLetterStatus.DISCARDED: frozenset(),
    }
)


class MessageStatus(models.TextChoices):
    """An inbound message is due until it became events, or was given up on."""

    DUE = "due", "Waiting"
    DONE = "done", "Became events"
    DEAD = "dead", "Gave up; a dead letter holds it"


class SerialState(models.TextChoices):
    """Where one unit was last, as far as events say."""

    IN_STOCK = "in_stock", "In stock"
    IN_TRANSIT = "in_transit", "On its way"
    SOLD = "sold", "Sold"
    RETURNED = "returned", "Came back"
    DAMAGED = "damaged", "Damaged"
    GONE = "gone", "Left for good"


class Medium(models.TextChoices):
    """The ways a customer can be reached."""

    MAIL = "mail", "Mail"
    SMS = "sms", "SMS"
    PUSH = "push", "App"
    CHAT = "chat", "Chat"


class Purpose(models.TextChoices):
    """What a customer is told something for; each is consented to by itself."""

    SERVICE = "service", "Service"
    MARKETING = "marketing", "Marketing"


CONSENT_GIVEN, CONSENT_WITHDRAWN = "consent.given", "consent.withdrawn"
"""What a customer said about being told anything. `event_of_consent` is their index."""

OUTCOME_TYPES = ("notification.delivered", "notification.failed")
"""What the system that sends messages says became of one; `document` is the request's number."""

MASTER_TYPES = (
    "supplier.changed",
    "node.changed",
    "item.changed",
    "price.changed",
    "promotion.changed",
)
"""Types that change masters, in the order they are applied: what others name comes first."""

SHELF_TYPES = ("shelf.signalled", "shelf.replenished")
"""Types that tell what a shelf shows; they never change the books."""

SERIAL_TYPES = (
    "sale.recorded",
    "order.shipped",
    "return.received",
    "return.inspected",
    "receipt.recorded",
    "putaway.recorded",
    "transfer.shipped",
    "transfer.received",
    "damage.recorded",
    "disposal.recorded",
    "vendor_return.shipped",
)
"""Types that move a unit whose serial they name."""

DOCUMENT_TYPES = (
    "asn.created",
    "asn.updated",
    "purchase_order.cancelled",
    "purchase_order.changed",
    "purchase_order.confirmed",
    "purchase_order.created",
    "receipt.inspected",
    "receipt.recorded",
    "shipment.dispatched",
    "shipment.updated",
    "supplier.acknowledged",
    "transfer.cancelled",
    "transfer.created",
    "transfer.received",
    "transfer.returned",
    "transfer.shipped",
    "transfer.written_off",
)
"""Types that tell something of an order: its `document` is found by an index of its own."""

BOOKED_TYPES = (
    "adjustment.recorded",
    "damage.recorded",
    "disposal.recorded",
    "receipt.recorded",
    "return.inspected",
    "return.received",
    "transfer.received",
    "transfer.returned",
    "transfer.shipped",
    "transfer.written_off",
    "vendor_return.shipped",
)
"""Types that may expect a document of the ERP (`stock.rules.FINANCIALS` says which). Counts are told
to the ERP when the fold accepts them, not when they arrive.
"""

ORDERING_TYPES = ("purchase_order.created", "purchase_order.changed", "transfer.created")
"""Types that say what was ordered: goods that came before them are looked at again."""
POSITION_CHANGED = "position.changed"
"""What subscribers are told when the position of an item at a node changed."""

SUSPECTABLE = (
    "damage.recorded",
    "disposal.recorded",
    "putaway.recorded",
    "receipt.recorded",
    "return.inspected",
    "return.received",
    "shipment.dispatched",
    "transfer.received",
    "transfer.shipped",
    "vendor_return.shipped",
)
"""Types whose `document` says which business message it is: policy chooses among them which are
held when they come again under another id (EVT-08)."""
