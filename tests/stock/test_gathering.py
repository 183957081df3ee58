"""Single events that many callers send at once: one transaction, and an answer for each."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from inventory_control.core.errors import NotPermitted
from inventory_control.core.tenancy import in_tenant
from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.people.errors import KeyRefusedError
from inventory_control.people.models import ApiKey
from inventory_control.people.services import revoke_key
from inventory_control.stock.api.views import _refuse_unserved
from inventory_control.stock.errors import NotAvailableError
from inventory_control.stock.models import LedgerEntry, Reservation, StockBalance
from inventory_control.stock.services import gathering
from inventory_control.stock.values import ReservationLine
from tests.factories import SYSTEM, event, item, node
from tests.http import Api


def at_once(
    tenant: Any, calls: list[tuple[Api, dict[str, Any], str]], path: str = "events"
) -> list[tuple[int, Any]]:
    """Send bodies at the same moment, each from a thread of its own, with a correlation id each."""
    gate = threading.Barrier(len(calls))
    answers: list[Any] = [None] * len(calls)

    def run(place: int, api: Api, body: dict[str, Any], correlation: str) -> None:
        try:
            gate.wait()
            answers[place] = api.post(path, body, x_correlation_id=correlation)
        finally:
            with in_tenant(tenant):
                connection.close()

    threads = [
        threading.Thread(target=run, args=(place, *call)) for place, call in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def audit_counts() -> list[int]:
    """How many events each audit entry of a posting speaks of."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (data ->> 'count')::int FROM entry WHERE verb = 'events.posted' ORDER BY id"
        )
        return [count for (count,) in cursor.fetchall()]


@pytest.mark.req("EVT-07", "GOV-01")
def test_forty_events_at_once_post_once_each_in_fewer_transactions(committed, monkeypatch):
    item()
    node()
    api = Api("events.write")
    turns: list[int] = []
    posted = gathering._posted
    monkeypatch.setattr(
        gathering, "_posted", lambda company: turns.append(len(company)) or posted(company)
    )
    calls = [(api, event("receipt.recorded", 1), f"cause-{number:02d}") for number in range(40)]

    answers = at_once(committed, calls)

    assert [status for status, _ in answers] == [201] * 40
    assert len({body["event_id"] for _, body in answers}) == 40
    assert (StockBalance.objects.get().sellable, LedgerEntry.objects.count()) == (40, 80)
    assert sum(turns) == 40
    assert audit_counts() == turns
    told = InventoryEvent.objects.values_list("correlation_id", flat=True)
    assert sorted(told) == [f"cause-{number:02d}" for number in range(40)]


@pytest.mark.req("SEC-02")
def test_a_revoked_key_and_one_without_the_right_harm_nobody_in_their_company(committed):
    item()
    node()
    good = Api("events.write", name="till")
    bare = Api("stock.read", name="display")
    gone = Api("events.write", name="lost-till")
    revoke_key(prefix=ApiKey.objects.get(name="lost-till").prefix, by=SYSTEM)
    bodies = [event("receipt.recorded", 1) for _ in range(9)]

    answers = at_once(
        committed,
        [
            (api, body, f"cause-{n:02d}")
            for n, (api, body) in enumerate(zip((good, bare, gone) * 3, bodies, strict=True))
        ],
    )

    assert [status for status, _ in answers] == [201, 403, 401] * 3
    assert gone.last.headers["WWW-Authenticate"] == "Bearer"
    assert {body["code"] for status, body in answers if status == 403} == {"not_permitted"}
    assert StockBalance.objects.get().sellable == 3


@pytest.mark.req("EVT-11")
def test_each_caller_gets_its_own_answer_whatever_its_company(committed):
    item()
    node()
    api = Api("events.write")
    known = event("receipt.recorded", 5)
    assert api.post("events", known)[0] == 201
    other = {**known, "quantity": 6}
    unknown = {**event("receipt.recorded", 1), "item": "NOWHERE"}

    answers = at_once(
        committed,
        [
            (api, known, "cause-01"),
            (api, other, "cause-02"),
            (api, unknown, "cause-03"),
            (api, event("receipt.recorded", 2), "cause-04"),
        ],
    )

    assert [status for status, _ in answers] == [200, 409, 422, 201]
    assert [body.get("outcome") or body["code"] for _, body in answers] == [
        "duplicate", "content_conflict", "invalid_event", "posted",
    ]  # fmt: skip
    assert answers[2][1]["field"] == "item"
    assert StockBalance.objects.get().sellable == 7
    assert sorted(DeadLetter.objects.values_list("code", flat=True)) == [
        "content_conflict", "unknown_item",
    ]  # fmt: skip


def order(number: int, quantity: int) -> dict[str, Any]:
    """A reservation of SOCK at S1."""
    line = {"line": "1", "item": "SOCK", "node": "S1", "quantity": quantity}
    return {"order": f"O{number}", "lines": [line]}


@pytest.mark.req("LED-08")
def test_twenty_orders_at_once_for_seven_units_get_exactly_seven(committed):
    item()
    node()
    till = Api("events.write", "stock.reserve")
    till.post("events", event("receipt.recorded", 7))

    answers = at_once(
        committed,
        [(till, order(number, 1), f"cause-{number:02d}") for number in range(20)],
        "reservations",
    )

    assert sorted(status for status, _ in answers) == [201] * 7 + [409] * 13
    refused = [body for status, body in answers if status == 409]
    assert {(one["code"], one["available"], one["requested"]) for one in refused} == {
        ("not_available", 0, 1)
    }
    assert StockBalance.objects.get().reserved == 7
    granted = {f"cause-{n:02d}" for n, (status, _) in enumerate(answers) if status == 201}
    told = InventoryEvent.objects.filter(type="reservation.created")
    assert set(told.values_list("correlation_id", flat=True)) == granted


@pytest.mark.req("LED-08")
def test_in_one_turn_orders_are_served_as_they_came_and_a_refused_one_takes_nothing(committed):
    item()
    item("HAT")
    node()
    till = Api("events.write", "stock.reserve")
    bare = Api("events.write", name="display")
    till.post("events", event("receipt.recorded", 5))

    def asked(secret: str, number: int, quantity: int, *more: str, partial: bool = False) -> Any:
        lines = [
            ReservationLine(f"O{number}", str(n), sku, "S1", quantity, is_partial=partial)
            for n, sku in enumerate(("SOCK", *more), 1)
        ]
        return gathering._Order(
            secret, lines, lambda found: _refuse_unserved(lines, found), f"cause-{number}"
        )

    whole, first, again, denied, unknown, rest, late = gathering._promise(
        [
            asked(till.key, 1, 5, "HAT"),
            asked(till.key, 2, 3),
            asked(till.key, 2, 3),
            asked(bare.key, 3, 1),
            asked("not-a-key.at-all", 4, 1),
            asked(till.key, 5, 9, partial=True),
            asked(till.key, 6, 1),
        ]
    )

    assert (type(whole), whole.field) == (NotAvailableError, "lines[1].quantity")
    assert [(one.granted, one.is_repeat) for one in first + again] == [(3, False), (3, True)]
    assert (type(denied), type(unknown)) == (NotPermitted, KeyRefusedError)
    assert [(one.granted, one.available) for one in rest] == [(2, 2)]
    assert (type(late), late.extra["available"]) == (NotAvailableError, 0)
    assert dict(Reservation.objects.values_list("key", "open")) == {"O2/1": 3, "O5/1": 2}
    assert StockBalance.objects.get().reserved == 5
    told = InventoryEvent.objects.filter(type="reservation.created").order_by("source_id")
    assert list(told.values_list("correlation_id", flat=True)) == ["cause-2", "cause-5"]


def test_a_bad_body_is_explained_only_to_who_may_send_one(committed):
    till = Api("stock.reserve")
    assert till.post("reservations", {"lines": []})[0] == 422
    till.key = "not-a-key.at-all"
    assert till.post("reservations", {"lines": []})[0] == 401
