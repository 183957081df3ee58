"""What makes a canonical event valid, what a source's data is worth, and where a unit is. Pure.

One file although it is long: each part is a table or a formula that reads best beside the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from inventory_control.core.errors import Refused
from inventory_control.events.states import MASTER_TYPES, SerialState
from inventory_control.events.values import (
    CanonicalEventV1,
    Quality,
    QualityCounts,
    SerialFact,
    SerialStory,
)

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


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an event is not valid: a stable code, the field, and the sentence for a person."""

    code: str
    field: str
    reason: str


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
    "integration.failed": TypeRule("signal", needs=("reason",), quantity=ANY),
}
"""Every canonical type of version 1. A new type is a row here and, if it moves stock, a row in
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
        or _personal_fault(event)
        or _master_fault(event)
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
        moment = _moment(said.get(name))
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


PERSONAL = "personal_data"
"""The code of a refusal whose body is kept without the values that must not be kept."""
_PERSONAL_TYPES = ("allocation.", "customer.", "order.", "reservation.", "return.", "sale.")
_PERSONAL_KEY = re.compile(
    r"(^|_)(e_?mail|mail|phone|mobile|telephone|tel|name|first_?name|last_?name|surname|address|"
    r"street|birth_?date|birthday)($|_)"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}")


def personal_keys(event: CanonicalEventV1) -> list[str]:
    """The attributes that look like a person's: by their name, or by an address in their value.

    Only types about customers are looked at; a supplier may well have a name.
    """
    if not event.type.startswith(_PERSONAL_TYPES):
        return []
    return sorted(
        key
        for key, value in (event.attributes or {}).items()
        if _PERSONAL_KEY.search(_CAMEL.sub("_", key).replace("-", "_").replace(" ", "_").lower())
        or (isinstance(value, str) and _EMAIL.search(value))
    )


def _personal_fault(event: CanonicalEventV1) -> Fault | None:
    if event.customer is not None and _EMAIL.search(event.customer):
        return Fault(PERSONAL, "customer", "customer is a token, not an address. Send a token.")
    keys = personal_keys(event)
    if not keys:
        return None
    return Fault(
        PERSONAL,
        f"attributes.{keys[0]}",
        f"{keys[0]} looks like personal data. Leave it out and name the customer by a token.",
    )


_MASTER_KEYS: Mapping[str, tuple[str, ...]] = {
    "item.changed": ("sku",),
    "node.changed": ("code",),
    "supplier.changed": ("code",),
    "promotion.changed": ("code",),
}
_MONEY = ("price", "cost")


def _master_fault(event: CanonicalEventV1) -> Fault | None:
    """What is wrong with a change of a master before the catalog is asked, or None."""
    if event.type not in MASTER_TYPES:
        return None
    told = event.attributes or {}
    for key in _MASTER_KEYS.get(event.type, ()):
        if not isinstance(told.get(key), str) or not told[key]:
            return Fault("missing_field", f"attributes.{key}", f"{event.type} needs {key} as text.")
    if event.type == "price.changed":
        if not any(key in told for key in _MONEY):
            return Fault("missing_field", "attributes.price", "Name the price, the cost or both.")
        for key in _MONEY:
            if key in told and _decimal(told[key], 0) is None:
                return Fault("not_money", f"attributes.{key}", f"{key} is an amount of 0 or more.")
    return _promotion_fault(told) if event.type == "promotion.changed" else None


def _promotion_fault(told: Mapping[str, Any]) -> Fault | None:
    if told.get("cancelled") is True:
        return None
    moments = {key: _moment(told.get(key)) for key in ("starts_at", "ends_at")}
    for key, moment in moments.items():
        if moment is None:
            return Fault(
                "invalid_time", f"attributes.{key}", f"{key} is a moment with its offset from UTC."
            )
    if moments["ends_at"] <= moments["starts_at"]:  # type: ignore[operator]  # neither is None here
        return Fault("ends_first", "attributes.ends_at", "A promotion ends after it starts.")
    if _decimal(told.get("uplift"), -1) is None:
        return Fault(
            "not_a_share", "attributes.uplift", "uplift is a share above -1 and up to 100, as text."
        )
    return None


def _decimal(value: Any, above: int) -> Decimal | None:
    """A number not below 0, or above the bound where that is negative; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    most = 100 if above else 10**7
    return number if (number > above if above else number >= 0) and number <= most else None


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


SHARES = ("completeness", "validity", "timeliness", "uniqueness")


def quality_of(counts: QualityCounts, weights: Mapping[str, float]) -> Quality:
    """How good the data of a source was on a day: four shares and their weighted mean.

    Completeness is 1 less the share of expected fields that events left out, over all fields
    expected of their types; validity the share of rows that could be taken, of rows taken and
    refused; timeliness 1 less the share of events that came later than the policy's minutes after
    they were true, or dated into the future; uniqueness the share of deliveries that were new, of
    events taken and repeated. Each goes from 0 to 1, and is 1 where there was nothing to judge.
    """
    shares = {
        "completeness": 1 - _share(counts.fields_missing, counts.fields_expected),
        "validity": 1 - _share(counts.refused, counts.events + counts.refused),
        "timeliness": 1 - _share(counts.late, counts.events),
        "uniqueness": 1 - _share(counts.repeated, counts.events + counts.repeated),
    }
    total = sum(weights.get(name, 0) for name in SHARES)
    score = sum(shares[name] * weights.get(name, 0) for name in SHARES) / total if total else 1.0
    return Quality(**shares, score=score)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def is_silent(silent_since: datetime | None, expected_minutes: int | None, at: datetime) -> bool:
    """Whether a source that is expected to speak has not done so for longer than that."""
    if silent_since is None or expected_minutes is None:
        return False
    return at - silent_since > timedelta(minutes=expected_minutes)


def next_look(
    *,
    now: datetime,
    silent_since: datetime | None,
    expected_minutes: int | None,
    skewed_at: datetime | None,
    skew_hours: float,
    score_minutes: float | None,
) -> datetime | None:
    """When time alone may next change what is to be said of a source; None: never.

    The end of the silence it is allowed, the end of the doubt about its clock, the next score
    (`score_minutes` None: it was not heard since the last one).
    """
    moments = []
    if score_minutes is not None:
        moments.append(now + timedelta(minutes=score_minutes))
    if silent_since is not None and expected_minutes is not None:
        # One second more: silent is longer than expected, not as long.
        moments.append(silent_since + timedelta(minutes=expected_minutes, seconds=1))
    if skewed_at is not None:
        moments.append(skewed_at + timedelta(hours=skew_hours))
    return min((moment for moment in moments if moment > now), default=None)


def check_freshness(value: Mapping[str, Any]) -> None:
    """Refuse limits of age that cannot be read; raises `Refused` naming the field."""
    if unknown := sorted(set(value) - {"default_minutes", "sources", "nodes"}):
        raise Refused(f"No field is called {unknown[0]}.", field=unknown[0])
    if value.get("default_minutes") is not None:
        _check_minutes(value["default_minutes"], "default_minutes")
    for group in ("sources", "nodes"):
        limits = value.get(group, {})
        if not isinstance(limits, Mapping):
            raise Refused(f"{group} is an object of minutes by code.", field=group)
        for code, minutes in limits.items():
            _check_minutes(minutes, f"{group}.{code}")


def _check_minutes(minutes: Any, field: str) -> None:
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= 525_600:
        raise Refused(f"{field} is a whole number of minutes from 1 to 525,600.", field=field)


_UNIT_GOES: Mapping[str, str] = {
    "sale.recorded": SerialState.SOLD,
    "order.shipped": SerialState.SOLD,
    "return.received": SerialState.RETURNED,
    "return.inspected": SerialState.RETURNED,
    "receipt.recorded": SerialState.IN_STOCK,
    "putaway.recorded": SerialState.IN_STOCK,
    "transfer.shipped": SerialState.IN_TRANSIT,
    "transfer.received": SerialState.IN_STOCK,
    "damage.recorded": SerialState.DAMAGED,
    "disposal.recorded": SerialState.GONE,
    "vendor_return.shipped": SerialState.GONE,
}
_INSPECTED = {"sellable": SerialState.IN_STOCK, "damaged": SerialState.DAMAGED}


def serial_story(facts: Sequence[SerialFact]) -> SerialStory:
    """Where one unit is, from all that is known of it, in order of (occurred_at, source, id).

    A unit that comes back without a sale before is unknown, until a sale of it arrives late.
    """
    is_sold, is_unknown = False, False
    returned_at: datetime | None = None
    returned_to: int | None = None
    for fact in facts:
        if fact.type in ("sale.recorded", "order.shipped"):
            is_sold = True
        elif fact.type == "return.received":
            is_unknown = is_unknown or not is_sold
            returned_at, returned_to = fact.occurred_at, fact.node_id
    last = facts[-1]
    state = _UNIT_GOES[last.type]
    if last.type == "return.inspected":
        state = _INSPECTED.get(last.to_state, state)
    return SerialStory(
        state=state,
        node_id=last.to_node_id or last.node_id,
        occurred_at=last.occurred_at,
        returned_at=returned_at,
        returned_to=returned_to,
        is_unknown=is_unknown,
        order=next((fact.order for fact in reversed(facts) if fact.order), ""),
        lot=next((fact.lot for fact in reversed(facts) if fact.lot), ""),
        supplier=next((fact.supplier for fact in reversed(facts) if fact.supplier), ""),
    )
