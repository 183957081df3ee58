"""The hot doors: what integrators send, rightly and wrongly."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.stock.models import LedgerEntry, Reservation, StockBalance
from tests.factories import event, item, node, outcomes
from tests.http import Api, gzipped, ndjson


@pytest.fixture
def api(tenant) -> Api:
    """A till that may send events and reserve."""
    item()
    node()
    return Api("events.write", "stock.reserve")


def plain(body: dict[str, Any]) -> dict[str, Any]:
    """A body as JSON would carry it."""
    return msgspec.json.decode(msgspec.json.encode(body))


@pytest.mark.req("EVT-07")
def test_one_event_is_posted_then_known(api: Api):
    body = event("receipt.recorded", 10)

    status, posted = api.post("events", body)
    again, known = api.post("events", body)

    assert (status, posted["outcome"]) == (201, "posted")
    assert (again, known["outcome"], known["event_id"]) == (200, "duplicate", posted["event_id"])
    assert StockBalance.objects.get().sellable == 10


@pytest.mark.req("EVT-07")
def test_the_same_id_with_other_content_is_409_and_both_bodies_are_kept(api: Api):
    body = event("receipt.recorded", 10)
    api.post("events", body)

    status, problem = api.post("events", {**body, "quantity": 12})

    assert (status, problem["code"]) == (409, "content_conflict")
    assert StockBalance.objects.get().sellable == 10
    assert b'"quantity":12' in bytes(DeadLetter.objects.get().body)


@pytest.mark.req("EVT-05", "INT-13")
def test_a_bad_event_names_its_field_and_is_kept(api: Api):
    status, problem = api.post("events", event("sale.recorded", -2))

    assert (status, problem["code"], problem["field"]) == (422, "invalid_event", "quantity")
    assert "above zero" in problem["detail"]
    assert api.last.headers["Content-Type"] == "application/problem+json"
    assert (DeadLetter.objects.get().code, InventoryEvent.objects.count()) == ("not_positive", 0)


@pytest.mark.req("EVT-05")
def test_a_refused_event_stays_kept_when_an_idempotency_key_came_with_it(api: Api):
    body = event("sale.recorded", -2)

    first = api.post("events", body, idempotency_key="k1")
    second = api.post("events", body, idempotency_key="k1")

    assert (first[0], second[0], DeadLetter.objects.get().seen) == (422, 422, 2)


@pytest.mark.req("INT-16")
def test_an_event_of_an_unknown_item_posts_under_its_key_once_the_item_is_known(api: Api):
    body = event("receipt.recorded", 5, item="HAT")

    first, _ = api.post("events", body, idempotency_key="k1")
    item("HAT")
    second, posted = api.post("events", body, idempotency_key="k1")
    third, same = api.post("events", body, idempotency_key="k1")

    assert (first, second, third, posted["outcome"]) == (422, 201, 201, "posted")
    assert same == posted
    assert StockBalance.objects.get().sellable == 5


@pytest.mark.req("INT-16")
def test_a_conflict_stays_the_answer_of_its_key_also_when_stock_has_come(api: Api):
    wanted = {"lines": [{"order": "W", "line": "1", "item": "SOCK", "node": "S1", "quantity": 5}]}

    refused = api.post("reservations", wanted, idempotency_key="k1")
    api.post("events", event("receipt.recorded", 5))
    again = api.post("reservations", wanted, idempotency_key="k1")
    anew, _ = api.post("reservations", wanted, idempotency_key="k2")

    assert (refused[0], again, anew) == (409, refused, 201)


@pytest.mark.req("INT-16")
def test_an_idempotency_key_replays_and_refuses_another_body(api: Api):
    body = event("receipt.recorded", 10)

    status, first = api.post("events", body, idempotency_key="abc")
    replay, same = api.post("events", body, idempotency_key="abc")
    other, problem = api.post("events", {**body, "quantity": 11}, idempotency_key="abc")

    assert (status, replay, same) == (201, 201, first)
    assert (other, problem["code"]) == (422, "idempotency_key_reused")
    assert StockBalance.objects.get().sellable == 10


@pytest.mark.req("EVT-05")
def test_broken_json_in_line_7000_of_10000_harms_no_other_line(api: Api):
    rows: list[Any] = [event("receipt.recorded", 1) for _ in range(10_000)]
    rows[6_999] = b'{"type": "receipt.recorded", '

    status, answer = api.post(
        "events/bulk",
        raw=gzipped(ndjson(*rows)),
        content_type="application/x-ndjson",
        content_encoding="gzip",
    )

    assert (status, answer["counts"]) == (200, {"posted": 9_999, "quarantined": 1})
    assert answer["results"][6_999]["code"] == "broken_json"
    assert StockBalance.objects.get().sellable == 9_999


@pytest.mark.req("INT-20")
def test_seven_bad_of_ten_thousand_are_named_by_row_and_harm_no_other(api: Api):
    rows: list[Any] = [event("receipt.recorded", 1) for _ in range(10_000)]
    bad = {
        0: (event("receipt.recorded", 0), "quarantined", "not_positive", "quantity"),
        998: (event("receipt.recorded"), "quarantined", "missing_field", "quantity"),
        1_000: (event("receipt.recorded", 1, item="GHOST"), "unmapped", "unknown_item", "item"),
        4_999: (event("receipt.recorded", 1, node="S404"), "unmapped", "unknown_node", "node"),
        5_000: (event("nonsense.happened", 1), "quarantined", "unknown_type", "type"),
        7_777: (event("receipt.recorded", 1, colour="red"), "quarantined", "invalid_field", ""),
        9_999: (event("receipt.recorded", 1, source="erp"), "quarantined", "foreign_source", "source"),
    }  # fmt: skip
    for place, (body, *_) in bad.items():
        rows[place] = body

    status, answer = api.post("events/bulk", rows)

    assert (status, answer["counts"]) == (200, {"posted": 9_993, "quarantined": 5, "unmapped": 2})
    assert [row["row"] for row in answer["results"]] == list(range(10_000))
    refused = {
        row["row"]: (row["outcome"], row["code"], row["field"])
        for row in answer["results"]
        if row["outcome"] != "posted"
    }
    assert refused == {place: tuple(told) for place, (_, *told) in bad.items()}
    assert (StockBalance.objects.get().sellable, DeadLetter.objects.count()) == (9_993, 7)


@pytest.mark.req("EVT-05")
def test_a_bulk_array_answers_row_by_row(api: Api):
    good = event("receipt.recorded", 3)
    ghost = event("receipt.recorded", 3, item="GHOST")

    status, answer = api.post("events/bulk", [good, good, ghost, {**good, "quantity": 4}])

    assert status == 200
    outcomes_ = [row["outcome"] for row in answer["results"]]
    assert outcomes_ == ["posted", "duplicate", "unmapped", "conflict"]
    assert [row["row"] for row in answer["results"]] == [0, 1, 2, 3]


@pytest.mark.req("INT-13")
@pytest.mark.parametrize(
    ("raw", "headers", "status", "code"),
    [
        (b"[]", {}, 400, "unreadable_body"),
        (b"nonsense", {}, 400, "unreadable_body"),
        (b"\x1f\x8bbroken", {"content_encoding": "gzip"}, 400, "unreadable_body"),
        (b"x" * (21 * 1024 * 1024), {}, 413, "body_too_large"),
        (gzipped(b"0" * (50 * 1024 * 1024)), {"content_encoding": "gzip"}, 413, "body_too_large"),
        (b"[1]", {"content_encoding": "br"}, 400, "unreadable_body"),
    ],
)
def test_an_unreadable_body_is_refused_whole(
    api: Api, raw: bytes, headers: dict[str, str], status: int, code: str
):
    answered, problem = api.post("events/bulk", raw=raw, **headers)

    assert (answered, problem["code"]) == (status, code)
    assert InventoryEvent.objects.count() == 0


@pytest.mark.req("INT-12")
def test_without_a_key_with_a_wrong_one_or_without_the_scope_nothing_is_read(api: Api):
    reader = Api("stock.read", name="reader")
    body = event("receipt.recorded", 1)

    refused, problem = reader.post("events", body)
    reader.key = reader.key[:-2] + "xx"
    wrong, _ = reader.post("events", body)
    reader.key = ""
    missing, _ = reader.post("events", body)

    assert (refused, problem["code"], wrong, missing) == (403, "not_permitted", 401, 401)
    assert InventoryEvent.objects.count() == 0


@pytest.mark.req("EVT-04")
def test_a_key_speaks_for_its_own_sources_only(api: Api):
    status, problem = api.post("events", event("sale.recorded", 1, source="erp"))

    assert (status, problem["field"]) == (422, "source")


@pytest.mark.req("LED-08")
def test_a_reservation_takes_what_is_there_and_says_what_is_left(api: Api):
    outcomes(event("receipt.recorded", 10))
    line = {"order": "W-1", "line": "1", "item": "SOCK", "node": "S1", "quantity": 7}

    granted, first = api.post("reservations", {"lines": [line]})
    refused, problem = api.post("reservations", {"lines": [{**line, "line": "2"}]})
    partly, second = api.post("reservations", {"lines": [{**line, "line": "3", "partial": True}]})

    assert (granted, first["lines"][0]["granted"]) == (201, 7)
    assert (refused, problem["code"], problem["available"]) == (409, "not_available", 3)
    assert (partly, second["lines"][0]["granted"]) == (200, 3)
    assert (StockBalance.objects.get().reserved, Reservation.objects.count()) == (10, 2)


@pytest.mark.req("LED-08")
def test_a_refused_line_leaves_nothing_of_its_call(api: Api):
    outcomes(event("receipt.recorded", 10))
    line = {"order": "W-1", "line": "1", "item": "SOCK", "node": "S1", "quantity": 6}

    status, _ = api.post("reservations", {"lines": [line, {**line, "line": "2"}]})

    assert (status, Reservation.objects.count(), StockBalance.objects.get().reserved) == (409, 0, 0)
    assert LedgerEntry.objects.count() == 2


@pytest.mark.req("LED-08", "INT-16")
def test_the_same_line_again_is_answered_as_before(api: Api):
    outcomes(event("receipt.recorded", 10))
    line = {"order": "W-1", "line": "1", "item": "SOCK", "node": "S1", "quantity": 6}

    api.post("reservations", {"lines": [line]})
    status, again = api.post("reservations", {"lines": [line]})

    assert (status, again["lines"][0]["granted"], again["lines"][0]["is_repeat"]) == (201, 6, True)
    assert StockBalance.objects.get().reserved == 6
