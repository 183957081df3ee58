"""Every number of every writing door at its limits: the very number or a clear refusal, no fault."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
import pytest
from django.db import transaction

from inventory_control.stock.models import LedgerEntry, Reservation, StockBalance
from inventory_control.stock.services import rebuild_balances
from tests.factories import SYSTEM
from tests.matrix.bodies import CALLS
from tests.matrix.doors import Door
from tests.matrix.test_idempotency import WRITING, _caller, _filled

Path = tuple[str | int, ...]
MARK = "the number goes here"
UNITS = frozenset({"quantity", "safety_stock", "buffer"})
NO_NUMBERS = {
    "half": "1.5",
    "infinite": "1e400",
    "not a number": "NaN",
    "a long text": '"' + "5" * 5_000 + '"',
    "a text of an infinity": '"Infinity"',
    "a text of no number": '"NaN"',
    "a truth": "true",
    "a list": "[]",
}
TOO_LARGE = {
    "int8": str(2**63 - 1),
    "beyond int8": str(2**63),
    "below int8": str(-(2**63) - 1),
    "400 digits": "1" + "0" * 400,
    "5,000 digits": "1" + "0" * 5_000,
}
NUMBERS = {
    "zero": "0",
    "tiny": "1e-400",
    "negative": "-1",
    "int4": str(2**31 - 1),
    "beyond int4": str(2**31),
    "below int4": str(-(2**31) - 1),
    "nothing": "null",
}
UNMEANT = NO_NUMBERS | TOO_LARGE
"""What no door takes for units."""


FURTHER: dict[str, dict[str, Any]] = {
    "POST events": {"attributes": {"delivery": 3}},
    "POST reservations": {"expires_in": 60},
    "POST advice": {"quantity": 5, "value": "20.00"},
    "PUT catalog/suppliers": {
        "lead_time_days": 7,
        "lead_time_sd_days": 2,
        "minimum_order_value": "10",
    },
    "PUT catalog/nodes": {
        "capacity_units": 100,
        "transfer_days": 1,
        "daily_capacity": 5,
        "ready_hours": 24,
    },
    "PUT catalog/items": {"unit_price": "9", "pack_size": 6, "minimum_order_quantity": 6},
    "PUT catalog/channels": {"buffer": 1, "priority": 10, "margin": "0.3"},
    "PUT catalog/item-nodes": {"reorder_point": 5, "order_up_to": 9},
    "PUT catalog/substitutes": {"rank": 1},
    "PUT exposure/listings": {"cap": 5},
    "PUT exposure/rules/<slug:key>": {"margin_below": "0.2"},
    "PUT sources": {"expected_minutes": 10},
    "PUT freshness": {"default_minutes": 10},
}
"""Numbers that may be left out, and are in no right body."""


def right_body(door: Door) -> tuple[dict[str, object], Any]:
    """The parameters and the right body of a door with every number it may have."""
    parameters, right = CALLS[str(door)]()
    body = json.loads(msgspec.json.encode(right))
    for row in body if isinstance(body, list) else [body]:
        if row is not None:
            row |= FURTHER.get(str(door), {})
    return parameters, body


def numbers(body: Any, path: Path = ()) -> Iterator[Path]:
    """Where in a body numbers are, numbers told as text included."""
    if isinstance(body, dict):
        for key, inner in body.items():
            yield from numbers(inner, (*path, key))
    elif isinstance(body, list):
        for place, inner in enumerate(body):
            yield from numbers(inner, (*path, place))
    elif not isinstance(body, bool) and _is_number(body):
        yield path


def _is_number(value: Any) -> bool:
    try:
        return Decimal(value).is_finite()
    except (InvalidOperation, TypeError, ValueError):
        return False


def with_token(body: Any, path: Path, token: str) -> bytes:
    """A body with the number at a path replaced by any text of JSON, or of no JSON."""
    changed = copy.deepcopy(body)
    within = changed
    for step in path[:-1]:
        within = within[step]
    within[path[-1]] = MARK
    return msgspec.json.encode(changed).replace(msgspec.json.encode(MARK), token.encode())


def stock() -> tuple[Any, ...]:
    """Everything a quantity could have changed."""
    balances = StockBalance.objects.order_by("pk").values_list(
        "sellable", "received", "in_transit", "reserved", "allocated"
    )
    return (list(balances), LedgerEntry.objects.count(), Reservation.objects.count())


def fault_of(door: Door, path: Path, name: str, status: int, answer: Any, was: Any) -> str:
    """What is wrong with an answer to a number, or nothing."""
    if status >= 500:
        return "a fault"
    if status >= 400:
        if stock() != was:
            return "refused and changed all the same"
        if not answer["detail"] or "sys." in answer["detail"]:
            return f"says {answer['detail']}"
        is_named = str(answer.get("field", "")).endswith(str(path[-1]))
        is_shape = status == 422 and path[-1] in UNITS and "malformed" not in answer["detail"]
        return f"names {answer.get('field')}" if is_shape and not is_named else ""
    if path[-1] in UNITS and name in UNMEANT and not _is_refused_in(answer, path):
        return "taken"
    rebuilt = rebuild_balances(by=SYSTEM)
    return "" if (rebuilt.difference, rebuilt.ledger_sum) == (0, 0) else "the books disagree"


def _is_refused_in(answer: Any, path: Path) -> bool:
    """Whether the row that a number is in was refused in the answer of many rows."""
    rows = answer.get("results", []) if isinstance(answer, dict) else []
    places = [step for step in path if isinstance(step, int)]
    return bool(rows and places and rows[places[0]].get("field") == path[-1])


@pytest.mark.req("INT-13", "EVT-05")
@pytest.mark.parametrize("door", WRITING, ids=str)
def test_no_number_is_a_fault_is_taken_for_another_or_half_refused(tenant, door: Door):
    caller = _caller()
    parameters, body = right_body(door)
    address = door.route
    for name, value in parameters.items():
        address = _filled(address, name, value)
    was, faults = stock(), []

    for path in numbers(body):
        for name, token in (UNMEANT | NUMBERS).items():
            with transaction.atomic():
                status, answer = caller.call(
                    door.method, address, raw=with_token(body, path, token)
                )
                if fault := fault_of(door, path, name, status, answer, was):
                    faults.append((path, name, status, fault))
                transaction.set_rollback(True)

    assert faults == []
