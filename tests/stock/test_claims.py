"""The life of a reservation: checked, confirmed, given back, expired; each only once."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory_control.core import clock
from inventory_control.events.models import InventoryEvent
from inventory_control.policies.services import set_policy
from inventory_control.stock.errors import InvalidExpiryError
from inventory_control.stock.models import Reservation, StockBalance
from inventory_control.stock.rules import claim_state, expiry_at
from inventory_control.stock.services import (
    confirm,
    expire_due,
    rebuild_balances,
    release,
    reserve,
)
from inventory_control.stock.values import ReservationLine
from inventory_control.timers.models import Timer
from inventory_control.timers.services import fire_due
from tests.factories import POSTER, SYSTEM, channel, event, item, node, outcomes
from tests.http import Api
from tests.races.test_posting import assert_books_agree, together

LINE = {"order": "W-1", "line": "1", "item": "SOCK", "node": "S1", "quantity": 6}


@pytest.fixture
def api(tenant) -> Api:
    """A shop that may reserve, with 10 of SOCK at S1."""
    item()
    node()
    outcomes(event("receipt.recorded", 10))
    return Api("stock.reserve", "stock.read")


def counters() -> tuple[int, int, int]:
    """Sellable, reserved and allocated units of the one balance."""
    row = StockBalance.objects.get()
    return row.sellable, row.reserved, row.allocated


def expire(at: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let the timers of a moment fire; says how many did."""
    monkeypatch.setattr(clock, "now", lambda: at)
    return fire_due({"reservation.expire": expire_due}, by=SYSTEM)


@pytest.mark.req("INT-02")
def test_checking_says_what_would_be_granted_and_keeps_nothing(api: Api):
    status, answer = api.post("reservations/check", {"lines": [LINE, {**LINE, "line": "2"}]})

    assert status == 200
    first, second = answer["lines"]
    assert (first["granted"], first["code"], first["available"]) == (6, "", 10)
    assert (second["granted"], second["code"]) == (0, "not_available")
    assert second["reason"] == "4 of SOCK available at S1."
    assert (Reservation.objects.count(), counters()) == (0, (10, 0, 0))


@pytest.mark.req("INT-02", "LED-09")
def test_confirming_allocates_what_was_reserved_and_no_more(api: Api):
    api.post("reservations", {"lines": [LINE]})

    part = api.post("reservations/confirm", {"order": "W-1", "line": "1", "quantity": 4})
    assert (part, counters()) == ((200, {"confirmed": 4}), (10, 2, 4))
    rest = api.post("reservations/confirm", {"order": "W-1", "line": "1"})
    assert (rest, counters()) == ((200, {"confirmed": 2}), (10, 0, 6))

    status, problem = api.post("reservations/confirm", {"order": "W-1", "line": "1"})
    assert (status, problem["code"], problem["held"]) == (409, "nothing_reserved", 0)
    assert counters() == (10, 0, 6)


@pytest.mark.req("INT-02", "LED-09")
def test_giving_back_twice_is_a_conflict_and_the_line_is_over(api: Api):
    api.post("reservations", {"lines": [LINE]})
    body = {"order": "W-1", "line": "1", "quantity": 6, "reason": "basket emptied"}

    assert api.post("reservations/release", body) == (200, {"held": 0})
    status, problem = api.post("reservations/release", body)
    assert (status, problem["code"]) == (409, "nothing_reserved")
    assert InventoryEvent.objects.get(type="reservation.released").details["reason"] == (
        "basket emptied"
    )

    again, ended = api.post("reservations", {"lines": [LINE]})
    assert (again, ended["code"]) == (409, "reservation_ended")
    assert counters() == (10, 0, 0)
    assert api.get("reservations/W-1/1")[1]["state"] == "released"


@pytest.mark.req("LED-09")
def test_what_is_not_confirmed_in_time_is_given_back_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    lines = [{**LINE, "line": str(number), "quantity": 2} for number in range(4)]
    api.post("reservations", {"lines": lines, "expires_in": 900})
    confirm(order="W-1", line="1", by=POSTER)
    outcomes(event("order.shipped", 2, order="W-1", line="2"))
    release(order="W-1", line="3", quantity=1, by=POSTER)
    assert (counters(), Timer.objects.count()) == ((8, 3, 2), 1)
    due = Timer.objects.get().due_at

    assert expire(due - timedelta(seconds=1), monkeypatch) == 0
    assert expire(due, monkeypatch) == 1
    assert counters() == (8, 0, 2)
    expire_due("")
    assert counters() == (8, 0, 2)

    states = {row["key"]: row["state"] for row in api.get("reservations?order=W-1")[1]["results"]}
    assert states == {
        "W-1/0": "expired", "W-1/1": "confirmed", "W-1/2": "shipped", "W-1/3": "expired",
    }  # fmt: skip
    given_back = InventoryEvent.objects.filter(source_id__endswith="/expired")
    assert sorted(given_back.values_list("source_id", "quantity")) == [
        ("W-1/0/expired", 2), ("W-1/3/expired", 1),
    ]  # fmt: skip
    assert rebuild_balances(by=SYSTEM).difference == 0


@pytest.mark.req("LED-09")
def test_an_expired_reservation_is_free_for_the_next(api: Api, monkeypatch: pytest.MonkeyPatch):
    api.post("reservations", {"lines": [{**LINE, "quantity": 10}], "expires_in": 60})
    other = {**LINE, "order": "W-2", "quantity": 10}
    assert api.post("reservations", {"lines": [other]})[0] == 409

    expire(Timer.objects.get().due_at, monkeypatch)

    assert api.post("reservations", {"lines": [other]})[0] == 201
    assert counters() == (10, 10, 0)


@pytest.mark.req("LED-08", "LED-09")
def test_expiring_and_confirming_at_once_end_in_one_of_the_two(committed):
    item()
    node()
    outcomes(event("receipt.recorded", 40))
    past = clock.now() + timedelta(seconds=1)
    lines = [
        ReservationLine(order="W", line=str(n), sku="SOCK", node="S1", quantity=1, expires_at=past)
        for n in range(20)
    ]
    reserve(lines, by=POSTER)
    Reservation.objects.update(expires_at=clock.now() - timedelta(seconds=1))

    together(
        committed,
        lambda: expire_due(""),
        *[lambda n=n: confirm(order="W", line=str(n), by=POSTER) for n in range(10)],
        lambda: expire_due(""),
    )

    kept = Reservation.objects.filter(confirmed=1, open=1).count()
    assert Reservation.objects.filter(released=1, confirmed=0, open=0).count() == 20 - kept
    row = StockBalance.objects.get()
    assert (row.sellable, row.reserved, row.allocated) == (40, 0, kept)
    assert_books_agree()


@pytest.mark.req("INT-02")
@pytest.mark.parametrize(
    ("policy", "asked", "status", "granted"),
    [
        ("all_or_nothing", {}, 409, 0),
        ("partial", {}, 200, 4),
        ("partial", {"mode": "all_or_nothing"}, 409, 0),
        ("all_or_nothing", {"mode": "partial"}, 200, 4),
    ],
)
def test_the_policy_says_whether_a_part_is_welcome_unless_the_call_does(
    api: Api, policy: str, asked: dict[str, Any], status: int, granted: int
):
    set_policy(key="reservations", value={"mode": policy}, by=SYSTEM)
    outcomes(event("sale.recorded", 6))

    answered, _ = api.post("reservations", {"lines": [LINE], **asked})

    assert (answered, StockBalance.objects.get().reserved) == (status, granted)


@pytest.mark.req("INT-02", "INT-13")
@pytest.mark.parametrize(
    ("asked", "field", "code"),
    [
        ({"lines": [{**LINE, "channel": "GHOST"}]}, "lines[0].channel", "unknown_channel"),
        ({"lines": [LINE], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "invalid_expiry"),
        (
            {"lines": [LINE], "expires_in": 60, "expires_at": "2099-01-01T00:00:00Z"},
            "expires_at",
            "invalid_expiry",
        ),
        ({"lines": [LINE], "expires_in": 0}, "expires_in", "invalid_event"),
        ({"lines": [LINE], "mode": "some"}, "mode", "invalid_event"),
        ({"lines": [{**LINE, "order": None}]}, "lines[0].order", "invalid_line"),
        (
            {"lines": [{**LINE, "occurred_at": "2001-01-01T00:00:00Z"}]},
            "lines[0].occurred_at",
            "invalid_line",
        ),
    ],
)
def test_a_bad_reservation_names_its_field_and_keeps_nothing(
    api: Api, asked: dict[str, Any], field: str, code: str
):
    channel("WEB")

    for path in ("reservations", "reservations/check"):
        status, problem = api.post(path, asked)
        assert (status, problem["field"], problem["code"]) == (422, field, code)

    assert (Reservation.objects.count(), Timer.objects.count()) == (0, 0)


def test_claims_are_listed_by_order_or_item_and_never_all_of_them(api: Api):
    api.post("reservations", {"lines": [{**LINE, "line": str(n), "quantity": 1} for n in "abc"]})

    page = api.get("reservations?item=SOCK&limit=2")[1]
    rest = api.get(page["next"].removeprefix("/api/v1/"))[1]

    assert [row["key"] for row in page["results"]] == ["W-1/a", "W-1/b"]
    assert [row["key"] for row in rest["results"]] == ["W-1/c"]
    assert api.get("reservations")[0] == 422
    assert api.get("reservations/W-1/z")[0] == 404


@pytest.mark.req("LED-08")
def test_ten_thousand_lines_are_reserved_in_as_many_statements_as_ten(tenant):
    item()
    node()
    outcomes(event("receipt.recorded", 20_000))

    def statements(order: str, count: int) -> int:
        lines = [
            ReservationLine(order=order, line=str(n), sku="SOCK", node="S1", quantity=1)
            for n in range(count)
        ]
        with CaptureQueriesContext(connection) as asked:
            granted = reserve(lines, by=POSTER)
        assert sum(one.granted for one in granted) == count
        return len(asked)

    assert statements("few", 10) == statements("many", 10_000)
    assert counters() == (20_000, 10_010, 0)


@pytest.mark.req("LED-04", "LED-08")
def test_a_lost_reserved_counter_is_named_with_its_place_and_mended(committed):
    item()
    node()
    outcomes(event("receipt.recorded", 10), event("reservation.created", 4, order="W", line="1"))
    StockBalance.objects.update(reserved=9, holds=1)
    said = StringIO()

    with pytest.raises(CommandError, match="disagree"):
        call_command("rebuild_balances", tenant=committed.label, repair=True, stdout=said)

    lines = said.getvalue().splitlines()[1:]
    assert lines == ["  SOCK at S1: holds is 1, not 0", "  SOCK at S1: reserved is 9, not 4"]
    assert_books_agree()


@pytest.mark.parametrize(
    ("counters", "word"),
    [
        ((5, 0, 0, 0), "reserved"),
        ((5, 2, 0, 0), "part_confirmed"),
        ((5, 5, 0, 0), "confirmed"),
        ((5, 0, 5, 0), "shipped"),
        ((5, 0, 0, 5), "released"),
        ((5, 0, 3, 4), "overdrawn"),
        ((0, 0, 3, 0), "shipped"),
    ],
)
def test_the_state_of_a_claim_in_one_word(counters: tuple[int, int, int, int], word: str):
    committed, confirmed, shipped, released = counters

    found = claim_state(
        committed=committed,
        confirmed=confirmed,
        shipped=shipped,
        released=released,
        is_expired=False,
    )

    assert found == word


def test_an_expiry_is_rounded_up_to_the_second():
    now = clock.now().replace(microsecond=500_000)

    assert expiry_at(now=now) is None
    assert expiry_at(now=now, expires_in=60) == now.replace(microsecond=0) + timedelta(seconds=61)
    with pytest.raises(InvalidExpiryError):
        expiry_at(now=now, expires_at=now)
