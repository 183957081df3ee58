"""Holds: what somebody freezes is not promised, confirmed or shown to a channel."""

from __future__ import annotations

import pytest

from inventory_control.availability.models import Availability
from inventory_control.availability.services import recalculate_due
from inventory_control.core.errors import IllegalMove
from inventory_control.stock.errors import FrozenError
from inventory_control.stock.models import Hold, Reservation, StockBalance
from inventory_control.stock.services import (
    confirm,
    freeze,
    rebuild_balances,
    reserve,
    unfreeze,
)
from inventory_control.stock.values import ReservationLine
from tests.console.test_pages import sign_in
from tests.factories import POSTER, SYSTEM, channel, event, item, node, outcomes, planner
from tests.http import Api
from tests.orders.documents import told
from tests.races.test_posting import assert_books_agree, together

LINE = {"order": "W-1", "line": "1", "item": "SOCK", "node": "S1", "quantity": 1}


@pytest.fixture
def api(tenant) -> Api:
    """Somebody who may hold and reserve; 10 of SOCK at S1, 4 of them reserved, sold on WEB."""
    item()
    channel("WEB", node())
    outcomes(event("receipt.recorded", 10), event("reservation.created", 4, order="O", line="1"))
    return Api("stock.hold", "stock.read", "stock.reserve")


def shown() -> int:
    """What the channel should show, once worked out."""
    recalculate_due(by=SYSTEM)
    return Availability.objects.get().quantity


@pytest.mark.req("LED-21")
def test_a_frozen_item_is_worth_nothing_until_the_hold_is_lifted(api: Api):
    assert shown() == 6

    status, hold = api.post("holds", {"item": "SOCK", "node": "S1", "reason": "recall"})
    assert (status, hold["status"], shown()) == (201, "placed", 0)

    refused, problem = api.post("reservations", {"lines": [LINE]})
    assert (refused, problem["code"]) == (409, "frozen")
    assert problem["detail"] == "SOCK is frozen at S1 until its hold is lifted."
    _, figures = api.get("availability?item=SOCK")
    assert (figures["nodes"][0]["ats"], figures["nodes"][0]["is_frozen"]) == (0, True)
    assert figures["nodes"][0]["reserved"] == 4

    lifted, answer = api.post(f"holds/{hold['id']}/lift", {"reason": "cleared by quality"})
    assert (lifted, answer["status"], shown()) == (200, "lifted", 6)
    assert api.post("reservations", {"lines": [LINE]})[0] == 201
    assert told("hold") == ["hold.placed", "hold.lifted"]


@pytest.mark.req("LED-21")
def test_nothing_is_confirmed_for_picking_while_frozen(api: Api):
    hold = freeze(sku="SOCK", node="S1", reason="recall", by=SYSTEM)

    with pytest.raises(FrozenError):
        confirm(order="O", line="1", by=POSTER)
    assert (Reservation.objects.get().confirmed, StockBalance.objects.get().allocated) == (0, 0)

    unfreeze(hold, reason="cleared", by=SYSTEM)
    assert confirm(order="O", line="1", by=POSTER) == 4


@pytest.mark.req("LED-21")
def test_two_holds_need_two_liftings_and_each_is_lifted_once(api: Api):
    first = freeze(sku="SOCK", node="S1", reason="recall", by=SYSTEM)
    second = freeze(sku="SOCK", node="S1", reason="count", by=SYSTEM)

    unfreeze(first, reason="cleared", by=SYSTEM)
    assert (shown(), StockBalance.objects.get().holds) == (0, 1)
    with pytest.raises(IllegalMove):
        unfreeze(first, reason="again", by=SYSTEM)
    assert StockBalance.objects.get().holds == 1

    unfreeze(second, reason="counted", by=SYSTEM)
    assert (shown(), rebuild_balances(by=SYSTEM).difference) == (6, 0)
    status = api.post(f"holds/{second.pk}/lift", {"reason": "again"})[0]
    assert status == 409


@pytest.mark.req("LED-21")
def test_a_place_that_never_held_stock_can_be_frozen_before_it_arrives(api: Api):
    node("S2")
    freeze(sku="SOCK", node="S2", reason="supplier recall", by=SYSTEM)

    outcomes(event("receipt.recorded", 5, node="S2"))

    refused, problem = api.post("reservations", {"lines": [{**LINE, "node": "S2"}]})
    assert (refused, problem["code"]) == (409, "frozen")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"item": "GHOST", "node": "S1", "reason": "x"}, "item"),
        ({"item": "SOCK", "node": "GHOST", "reason": "x"}, "node"),
        ({"item": "SOCK", "node": "S1", "reason": " "}, "reason"),
    ],
)
def test_a_bad_hold_names_its_field_and_freezes_nothing(api: Api, body, field):
    status, problem = api.post("holds", body)

    assert status in (400, 422)
    assert field in (problem.get("field", ""), *problem.get("fields", {}))
    assert (Hold.objects.count(), StockBalance.objects.get().holds) == (0, 0)


def test_holding_takes_the_right_to(api: Api):
    reader = Api("stock.read", "stock.reserve", name="reader")

    assert reader.post("holds", {"item": "SOCK", "node": "S1", "reason": "x"})[0] == 403
    assert reader.get("holds")[0] == 200
    assert Hold.objects.count() == 0


def test_holds_are_listed_newest_first_by_what_they_freeze(api: Api):
    node("S2")
    first = freeze(sku="SOCK", node="S1", reason="one", by=SYSTEM)
    second = freeze(sku="SOCK", node="S2", reason="two", by=SYSTEM)
    unfreeze(first, reason="over", by=SYSTEM)

    assert [row["id"] for row in api.get("holds?item=SOCK")[1]["results"]] == [
        second.pk, first.pk,
    ]  # fmt: skip
    assert [row["id"] for row in api.get("holds?status=placed")[1]["results"]] == [second.pk]


@pytest.mark.req("LED-21", "LED-08")
def test_reservations_that_race_with_a_hold_come_before_it_or_are_refused(committed):
    item()
    node()
    outcomes(event("receipt.recorded", 100))
    by = planner("stock.hold")

    def one(number: int) -> int:
        line = ReservationLine(order="W", line=str(number), sku="SOCK", node="S1", quantity=1)
        return reserve([line], by=POSTER)[0].granted

    answers = together(
        committed,
        *[lambda n=n: one(n) for n in range(10)],
        lambda: freeze(sku="SOCK", node="S1", reason="recall", by=by),
        *[lambda n=n: one(n) for n in range(10, 20)],
    )

    granted = sum(answer for answer in answers if isinstance(answer, int))
    assert (StockBalance.objects.get().reserved, StockBalance.objects.get().holds) == (granted, 1)
    assert one(99) == 0
    assert_books_agree()


@pytest.mark.req("LED-21")
def test_the_item_page_freezes_with_a_reason_and_says_so_until_it_is_lifted(api: Api):
    client = sign_in("planner")
    assert b"Freeze\xe2\x80\xa6" in client.get("/items/SOCK/").content

    empty = client.post("/items/SOCK/holds/", {"node": "S1", "reason": " "})
    assert (empty.status_code, Hold.objects.count()) == (422, 0)
    assert b"Say why" in empty.content
    client.post("/items/SOCK/holds/", {"node": "S1", "reason": "recall 7"})

    hold = Hold.objects.get()
    page = client.get("/items/SOCK/").content
    assert b"<b>Frozen at S1</b>: recall 7" in page
    answer = client.post(
        f"/items/SOCK/holds/{hold.pk}/lift/",
        {"reason": "cleared"},
        headers={"HX-Request": "true"},
    )
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/items/SOCK/")
    assert b"Frozen at S1" not in client.get("/items/SOCK/").content


def test_who_may_not_hold_sees_the_banner_without_the_buttons(api: Api):
    freeze(sku="SOCK", node="S1", reason="recall 7", by=SYSTEM)
    client = sign_in("auditor")

    page = client.get("/items/SOCK/").content

    assert b"<b>Frozen at S1</b>" in page
    assert b"Lift the hold" not in page
    assert client.post("/items/SOCK/holds/", {"node": "S1", "reason": "x"}).status_code == 403
