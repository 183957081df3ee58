"""What makes a canonical event valid: its type's needs, its quantity, what it says and its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory_control.events.rules.attributes import (
    Fault,
    consent_fault,
    master_fault,
    moment_of,
    personal_fault,
)
from inventory_control.events.states import CONSENT_GIVEN, CONSENT_WITHDRAWN
from inventory_control.events.values import CanonicalEventV1

SKEW_TOLERATED = timedelta(minutes=5)
SKEW_REFUSED = timedelta(hours=24)
OLDEST_ACCEPTED = timedelta(days=800)

POSITIVE, SIGNED, NOT_NEGATIVE, ANY = "positive", "signed", "not_negative", "any"


@dataclass(frozen=True, slots=True)
class TypeRule:
    """What a type does (its kind), the fields it needs and the quantities it allows."""

    kind: str
    needs: tuple[str, ...] = ("item", "node", "quantity")
    quantity: str = POSITIVE


REPORTED_MEASURES = (
    "on_hand", "available", "received", "quarantined", "sellable", "refurbishable", "damaged",
    "vendor_return", "in_transit",
)  # fmt: skip
"""What a reported position may count: all that lies there, what may be sold, or one state."""
_ORDER_LINE = ("item", "node", "quantity", "order", "line")
_BETWEEN_NODES = ("item", "node", "to_node", "quantity")

EVENT_TYPES: Mapping[str, TypeRule] = {
    "sale.recorded": TypeRule("move"),
    "order.shipped": TypeRule("move", needs=_ORDER_LINE),
    "return.authorised": TypeRule("signal", needs=("document", "item", "quantity")),
    "return.received": TypeRule("move"),
    "return.inspected": TypeRule("move", needs=("item", "node", "quantity", "to_state")),
    "receipt.recorded": TypeRule("move"),
    "receipt.inspected": TypeRule("move", needs=("item", "node", "quantity", "to_state")),
    "putaway.recorded": TypeRule("move"),
    "shipment.dispatched": TypeRule("move"),
    "transfer.shipped": TypeRule("move", needs=_BETWEEN_NODES),
    "transfer.received": TypeRule("move"),
    "transfer.returned": TypeRule("move", needs=("document", *_BETWEEN_NODES)),
    "transfer.written_off": TypeRule(
        "move", needs=("document", "item", "node", "quantity", "reason"), quantity=SIGNED
    ),
    "damage.recorded": TypeRule("move"),
    "disposal.recorded": TypeRule("move"),
    "vendor_return.shipped": TypeRule("move"),
    "adjustment.recorded": TypeRule(
        "move", needs=("item", "node", "quantity", "reason"), quantity=SIGNED
    ),
    "stock.opened": TypeRule("assert", quantity=NOT_NEGATIVE),
    "stock.counted": TypeRule("assert", quantity=NOT_NEGATIVE),
    "stock.reported": TypeRule("assert", quantity=ANY),
    "order.created": TypeRule("commit", needs=_ORDER_LINE),
    "reservation.created": TypeRule("commit", needs=_ORDER_LINE),
    "reservation.confirmed": TypeRule("commit", needs=_ORDER_LINE),
    "allocation.created": TypeRule("commit", needs=_ORDER_LINE),
    "order.cancelled": TypeRule("release", needs=_ORDER_LINE),
    "reservation.released": TypeRule("release", needs=_ORDER_LINE),
    "purchase_order.created": TypeRule("expect", needs=("document", "item", "node", "quantity")),
    "purchase_order.confirmed": TypeRule("expect", needs=("document",), quantity=ANY),
    "purchase_order.changed": TypeRule("expect", needs=("document",), quantity=ANY),
    "purchase_order.cancelled": TypeRule("expect", needs=("document",), quantity=ANY),
    "supplier.acknowledged": TypeRule("expect", needs=("document",), quantity=ANY),
    "shipment.updated": TypeRule("expect", needs=("document", "due_at"), quantity=ANY),
    "asn.created": TypeRule("expect", needs=("document", "due_at"), quantity=ANY),
    "asn.updated": TypeRule("expect", needs=("document", "due_at"), quantity=ANY),
    "transfer.created": TypeRule(
        "expect", needs=("document", "item", "node", "to_node", "quantity")
    ),
    "transfer.cancelled": TypeRule("expect", needs=("document",), quantity=ANY),
    "event.corrected": TypeRule("correct", needs=("corrects", "reason"), quantity=ANY),
    "demand.lost": TypeRule("signal"),
    "order.backordered": TypeRule("signal", needs=_ORDER_LINE),
    "pick.recorded": TypeRule("signal"),
    "pick.failed": TypeRule("signal"),
    "warehouse.scanned": TypeRule("signal", needs=("item", "node"), quantity=ANY),
    "shelf.replenished": TypeRule("signal"),
    "shelf.signalled": TypeRule("signal", needs=("item", "node"), quantity=ANY),
    "position.reported": TypeRule("signal", needs=("item", "quantity", "system"), quantity=ANY),
    "control_total.declared": TypeRule("signal", needs=("attributes",), quantity=ANY),
    "price.changed": TypeRule("signal", needs=("item", "attributes"), quantity=ANY),
    "promotion.changed": TypeRule("signal", needs=("item", "attributes"), quantity=ANY),
    "item.changed": TypeRule("signal", needs=("attributes",), quantity=ANY),
    "node.changed": TypeRule("signal", needs=("attributes",), quantity=ANY),
    "supplier.changed": TypeRule("signal", needs=("attributes",), quantity=ANY),
    "customer.signalled": TypeRule("signal", needs=("item",), quantity=ANY),
    CONSENT_GIVEN: TypeRule("signal", needs=("customer", "attributes"), quantity=ANY),
    CONSENT_WITHDRAWN: TypeRule("signal", needs=("customer",), quantity=ANY),
    "notification.delivered": TypeRule("signal", needs=("document",), quantity=ANY),
    "notification.failed": TypeRule("signal", needs=("document", "reason"), quantity=ANY),
    "integration.failed": TypeRule("signal", needs=("reason",), quantity=ANY),
}
"""Every canonical type. A new type is a row here and, if it moves stock, a row in
`stock.rules`."""


def fault_of(event: CanonicalEventV1, *, now: datetime) -> Fault | None:
    """The first reason an event is not valid at product time `now`, or None."""
    rule = EVENT_TYPES.get(event.type)
    if rule is None:
        return Fault("unknown_type", "type", f"No event type is called {event.type}.")
    for field in rule.needs:
        if getattr(event, field) is None:
            return Fault("missing_field", field, f"{event.type} needs {field}.")
    return (
        _quantity_fault(event, rule)
        or _correction_fault(event)
        or _report_fault(event)
        or _declaration_fault(event)
        or personal_fault(event)
        or master_fault(event)
        or consent_fault(event)
        or _time_fault(event.occurred_at, now)
    )


def flags_of(event: CanonicalEventV1, *, now: datetime) -> tuple[str, ...]:
    """Doubts about a valid event that do not stop it: a source clock that runs ahead (EVT-03)."""
    return ("clock_skew",) if event.occurred_at - now > SKEW_TOLERATED else ()


def _quantity_fault(event: CanonicalEventV1, rule: TypeRule) -> Fault | None:
    quantity = event.quantity
    if quantity is None or rule.quantity == ANY:
        return None
    if rule.quantity == POSITIVE and quantity <= 0:
        return Fault(
            "not_positive",
            "quantity",
            f"{event.type} needs a quantity above zero, not {quantity}; send the opposite type "
            "or a correction instead of a negative number.",
        )
    if rule.quantity == NOT_NEGATIVE and quantity < 0:
        return Fault("negative", "quantity", f"A counted quantity cannot be {quantity}.")
    if rule.quantity == SIGNED and quantity == 0:
        return Fault("zero", "quantity", f"{event.type} of zero units changes nothing.")
    return None


def _correction_fault(event: CanonicalEventV1) -> Fault | None:
    about = event.corrects
    if about is None:
        return None
    if about.business_key is None and (about.source is None or about.source_id is None):
        return Fault(
            "missing_field", "corrects", "Name the event by business_key, or source and source_id."
        )
    return None


def _report_fault(event: CanonicalEventV1) -> Fault | None:
    """A reported position names what it counts, if at all, by a word that is known here."""
    if event.type != "position.reported" or event.to_state in (None, *REPORTED_MEASURES):
        return None
    return Fault(
        "unknown_state",
        "to_state",
        f"A reported position counts one of {', '.join(REPORTED_MEASURES)}; leave to_state out "
        "for what the system usually counts.",
    )


def _declaration_fault(event: CanonicalEventV1) -> Fault | None:
    """A control total says how many messages were sent, from when to when."""
    if event.type != "control_total.declared":
        return None
    said = event.attributes or {}
    count = said.get("count")
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        return Fault(
            "invalid_field", "attributes.count", "attributes.count is a whole number from 0."
        )
    moments = []
    for name in ("from", "to"):
        moment = moment_of(said.get(name))
        if moment is None:
            return Fault(
                "invalid_field",
                f"attributes.{name}",
                f"attributes.{name} is a moment with its offset from UTC.",
            )
        moments.append(moment)
    if moments[1] <= moments[0]:
        return Fault("invalid_field", "attributes.to", "attributes.to lies after attributes.from.")
    if said.get("direction", "in") not in ("in", "out"):
        return Fault("invalid_field", "attributes.direction", "direction is in or out.")
    return None


def _time_fault(occurred_at: datetime, now: datetime) -> Fault | None:
    if occurred_at - now > SKEW_REFUSED:
        return Fault(
            "in_the_future",
            "occurred_at",
            f"{occurred_at.isoformat()} is more than a day ahead of {now.isoformat()}.",
        )
    if now - occurred_at > OLDEST_ACCEPTED:
        return Fault(
            "too_old",
            "occurred_at",
            f"{occurred_at.isoformat()} is more than {OLDEST_ACCEPTED.days} days old.",
        )
    return None
