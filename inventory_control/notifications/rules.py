"""Whether a customer may be told something, and what the policy about it may say. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from inventory_control.events.rules import is_address, personal_names
from inventory_control.events.states import Medium, Purpose
from inventory_control.events.values import ConsentFact
from inventory_control.notifications.errors import (
    InvalidRequestError,
    InvalidTermsError,
    PersonalDataError,
)
from inventory_control.notifications.states import Basis, Why
from inventory_control.notifications.values import NUMBER, NotificationDraft, Terms, Verdict

MOST_PARAMETERS, LONGEST_PARAMETER = 20, 500
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)


def verdict(
    facts: Iterable[ConsentFact],
    *,
    medium: str,
    purpose: str,
    basis: str,
    expires_at: datetime | None,
    now: datetime,
) -> Verdict:
    """Whether a customer may be told something now, from everything they ever said about it.

    The latest word on that medium and purpose stands, in the order of the fold whatever the
    order of arrival; of two words of one moment the withdrawal does.
    """
    covering = [one for one in facts if one.medium in ("", medium) and one.purpose in ("", purpose)]
    latest = max(covering, key=_place, default=None)
    decided_by = latest.event_id if latest else None
    if latest is not None and not latest.is_given:
        return Verdict(Why.WITHDRAWN, decided_by)
    if latest is None and basis != Basis.OPT_OUT:
        return Verdict(Why.NO_CONSENT)
    if expires_at is not None and expires_at <= now:
        return Verdict(Why.EXPIRED, decided_by)
    return Verdict(Why.NONE, decided_by)


def check_draft(draft: NotificationDraft, terms: Terms, *, now: datetime) -> None:
    """Raise, naming the field, when a request cannot mean anything or names a person."""
    if draft.topic not in terms.topics:
        raise InvalidRequestError(
            f"No topic is called {draft.topic[:60]}. Known: {', '.join(terms.topics)}.",
            field="topic",
        )
    if draft.medium not in terms.targets:
        raise InvalidRequestError(
            f"Nothing is sent by {draft.medium[:60]}. Known: {', '.join(terms.targets)}.",
            field="medium",
        )
    if not draft.customer and not draft.order:
        raise InvalidRequestError("Name the customer, the order or both.", field="customer")
    if is_address(draft.customer):
        raise PersonalDataError(
            "customer is a token, not an address. Send a token.", field="customer"
        )
    if draft.expires_at is not None and draft.expires_at <= now:
        raise InvalidRequestError(
            f"expires_at has passed; it is {now.isoformat()} now.", field="expires_at"
        )
    _check_parameters(draft.parameters)


def number_of(text: str) -> int | None:
    """The id behind the number of a request, or None when it is the number of something else."""
    digits = text.removeprefix(NUMBER)
    is_one = text.startswith(NUMBER) and digits.isascii() and digits.isdecimal()
    return int(digits) if is_one and len(digits) < 19 else None


def check_terms(value: Mapping[str, Any]) -> None:
    """Raise `InvalidTermsError`, naming the field, when customers could not be told by this."""
    fields = {"topics": Purpose.values, "bases": Basis.values, "targets": None}
    if unknown := sorted(set(value) - set(fields)):
        raise InvalidTermsError(f"No field is called {unknown[0]}.", field=unknown[0])
    for name, allowed in fields.items():
        _check_table(value, name, allowed)
    _check_keys(value["bases"], "bases", Purpose.values)
    _check_keys(value["targets"], "targets", Medium.values)
    if missing := sorted(set(value["topics"].values()) - set(value["bases"])):
        raise InvalidTermsError(f"Say what {missing[0]} rests on.", field=f"bases.{missing[0]}")


def _place(fact: ConsentFact) -> tuple[datetime, bool, str, str]:
    return fact.said_at, not fact.is_given, fact.source, fact.source_id


def _check_parameters(parameters: Mapping[str, Any]) -> None:
    if len(parameters) > MOST_PARAMETERS:
        raise InvalidRequestError(
            f"parameters are at most {MOST_PARAMETERS}, not {len(parameters)}.", field="parameters"
        )
    for name, value in parameters.items():
        field = f"parameters.{name[:60]}"
        if not _CODE.fullmatch(name.lower()):
            raise InvalidRequestError(
                "A parameter is called by up to 40 letters, digits, - and _.", field=field
            )
        if not isinstance(value, str | int) or len(str(value)) > LONGEST_PARAMETER:
            raise InvalidRequestError(
                f"A parameter is text of at most {LONGEST_PARAMETER} characters, a whole number, "
                "true or false.",
                field=field,
            )
        if "\0" in str(value):
            raise InvalidRequestError("A parameter holds no zero byte.", field=field)
    if personal := personal_names(parameters):
        raise PersonalDataError(
            f"{personal[0]} looks like personal data. Leave it out; who sends the message knows "
            "the customer by the token.",
            field=f"parameters.{personal[0]}",
        )


def _check_table(value: Mapping[str, Any], name: str, allowed: Collection[str] | None) -> None:
    table = value.get(name)
    if not isinstance(table, dict) or not table:
        raise InvalidTermsError(f"{name} is a table with at least one row.", field=name)
    for key, said in table.items():
        if not _CODE.fullmatch(str(key)):
            raise InvalidTermsError(
                f"{key[:60]} is no code: small letters, digits, - and _.", field=name
            )
        if not isinstance(said, str) or not (
            said in allowed if allowed is not None else _CODE.fullmatch(said)
        ):
            words = " or ".join(allowed) if allowed is not None else "the code of a connector"
            raise InvalidTermsError(f"{name}.{key} is {words}.", field=f"{name}.{key}")


def _check_keys(table: Mapping[str, Any], name: str, known: Collection[str]) -> None:
    if unknown := sorted(set(table) - set(known)):
        raise InvalidTermsError(
            f"{name} has no {unknown[0]}; known are {', '.join(known)}.",
            field=f"{name}.{unknown[0]}",
        )
