"""What an event may say in its attributes: nothing personal, of masters and consents what can be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from inventory_control.events.states import (
    CONSENT_GIVEN,
    CONSENT_WITHDRAWN,
    MASTER_TYPES,
    Medium,
    Purpose,
)
from inventory_control.events.values import CanonicalEventV1


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an event is not valid: a stable code, the field, and the sentence for a person."""

    code: str
    field: str
    reason: str


PERSONAL = "personal_data"
"""The code of a refusal whose body is kept without the values that must not be kept."""
_PERSONAL_TYPES = (
    "allocation.", "consent.", "customer.", "notification.", "order.", "reservation.", "return.",
    "sale.",
)  # fmt: skip
_TEXTS = ("reason", "note")
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
    if not event.attributes or not event.type.startswith(_PERSONAL_TYPES):
        return []
    return personal_names(event.attributes)


def personal_texts(event: CanonicalEventV1) -> list[str]:
    """The free texts of an event about customers that hold a mail address."""
    if not event.type.startswith(_PERSONAL_TYPES):
        return []
    return [name for name in _TEXTS if (text := getattr(event, name)) and is_address(text)]


def personal_names(told: Mapping[str, Any]) -> list[str]:
    """The names whose value looks like a person's, by the name itself or by an address in it."""
    return sorted(
        key
        for key, value in told.items()
        if _PERSONAL_KEY.search(_CAMEL.sub("_", key).replace("-", "_").replace(" ", "_").lower())
        or (isinstance(value, str) and is_address(value))
    )


def is_address(text: str) -> bool:
    """Whether a text holds a mail address."""
    return _EMAIL.search(text) is not None


def personal_fault(event: CanonicalEventV1) -> Fault | None:
    """What is wrong with an event that names a person, or None."""
    if event.customer is not None and is_address(event.customer):
        return Fault(PERSONAL, "customer", "customer is a token, not an address. Send a token.")
    if texts := personal_texts(event):
        return Fault(
            PERSONAL, texts[0], f"{texts[0]} holds a mail address. Say it without naming anybody."
        )
    keys = personal_keys(event)
    if not keys:
        return None
    return Fault(
        PERSONAL,
        f"attributes.{keys[0]}",
        f"{keys[0]} looks like personal data. Leave it out and name the customer by a token.",
    )


def consent_fault(event: CanonicalEventV1) -> Fault | None:
    """What is wrong with a customer's word on being told anything, or None.

    A consent names its medium and its purpose, each in its own right; a withdrawal that leaves
    one out means all of it.
    """
    if event.type not in (CONSENT_GIVEN, CONSENT_WITHDRAWN):
        return None
    told = event.attributes or {}
    for key, known in (("medium", Medium.values), ("purpose", Purpose.values)):
        said = told.get(key)
        if said is None and event.type == CONSENT_WITHDRAWN:
            continue
        if said not in known:
            return Fault("invalid_field", f"attributes.{key}", f"{key} is {' or '.join(known)}.")
    return None


_MASTER_KEYS: Mapping[str, tuple[str, ...]] = {
    "item.changed": ("sku",),
    "node.changed": ("code",),
    "supplier.changed": ("code",),
    "promotion.changed": ("code",),
}
_MONEY = ("price", "cost")


def master_fault(event: CanonicalEventV1) -> Fault | None:
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
    moments = {key: moment_of(told.get(key)) for key in ("starts_at", "ends_at")}
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


def moment_of(value: Any) -> datetime | None:
    """A moment with its offset from UTC; None for everything else."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
