"""Dead letters: found, seen, mended, tried again one by one or together, given up for a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection

from inventory_control.catalog.services import put_item_identifiers
from inventory_control.core import clock
from inventory_control.core.errors import NotPermitted, Refused
from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.events.values import LetterFilter
from inventory_control.stock.models import LedgerEntry, StockBalance
from inventory_control.stock.services import post_rows, retry_found, retry_letter, retry_letters
from tests.factories import POSTER, SYSTEM, event, hour, item, node, outcomes, planner, send
from tests.http import Api
from workflows.services import configure


@pytest.fixture(autouse=True)
def places(tenant) -> None:
    """SOCK at S1."""
    item()
    node()


@pytest.fixture
def desk() -> Api:
    """Somebody who mends what was refused."""
    return Api("events.read", "events.write", "events.retry", "catalog.read", "catalog.map")


def lock_until(days_ago: int) -> None:
    """Lock everything up to a day."""
    day = (clock.now() - timedelta(days=days_ago)).date().isoformat()
    configure(key="period_lock", value={"until": day}, by=SYSTEM)


def unlock() -> None:
    """Lift the lock."""
    configure(key="period_lock", value={"until": None}, by=SYSTEM)


def verbs() -> list[str]:
    """What the audit log says of dead letters."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT verb FROM entry WHERE subject_kind = 'deadletter' ORDER BY id")
        return [verb for (verb,) in cursor.fetchall()]


@pytest.mark.req("EVT-11")
def test_twelve_letters_of_one_bad_name_are_found_mended_and_retried_together(desk: Api):
    outcomes(*[event("receipt.recorded", 1, item="BAD") for _ in range(12)])
    outcomes(event("receipt.recorded", -1), event("receipt.recorded", 1, node="BAD"))

    _, page = desk.get("dead-letters?code=unknown_item&source=pos&field=item&name=BAD&limit=10")
    assert (len(page["results"]), page["next"] is not None) == (10, True)
    letter = desk.get(f"dead-letters/{page['results'][0]['id']}")[1]
    assert (letter["waits_noun"], letter["waits_name"]) == ("item", "BAD")
    assert '"item":"BAD"' in letter["body"]

    again = desk.post("dead-letters/retry", {"filter": {"code": "unknown_item"}})[1]
    assert again["counts"] == {"unmapped": 12}
    assert again["results"][0]["code"] == "unknown_item"

    rows = [{"value": "BAD", "source": "pos", "item": "SOCK"}]
    assert desk.put("catalog/item-identifiers", rows) == (200, {"rows": 1})
    mended = desk.post("dead-letters/retry", {"filter": {"code": "unknown_item"}})[1]

    assert mended["counts"] == {"posted": 12}
    assert StockBalance.objects.get().sellable == 12
    assert DeadLetter.objects.filter(status="open").count() == 2
    assert verbs() == ["dead_letter.retried"] * 12


@pytest.mark.req("EVT-11")
def test_a_set_answers_each_letter_and_one_bad_one_stops_no_other(desk: Api):
    put_item_identifiers([{"value": "ALIAS", "item": "SOCK"}], by=SYSTEM)
    outcomes(event("sale.recorded", 1, item="X"), event("sale.recorded", -1))
    DeadLetter.objects.filter(code="unknown_item").update(
        body=msgspec.json.encode(event("sale.recorded", 1, item="ALIAS"))
    )
    good, bad = (DeadLetter.objects.get(code=code).pk for code in ("unknown_item", "not_positive"))

    status, answer = desk.post("dead-letters/retry", {"ids": [bad, good, 999_999, good]})

    assert status == 200
    assert [(row["letter_id"], row["outcome"]) for row in answer["results"]] == [
        (bad, "quarantined"),
        (good, "posted"),
        (999_999, "gone"),
    ]
    assert DeadLetter.objects.get(pk=bad).code == "not_positive"


@pytest.mark.req("EVT-11")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "ids"),
        ({"ids": [1], "filter": {"code": "x"}}, "ids"),
        ({"filter": {}}, "filter"),
        ({"filter": {"colour": "red"}}, "filter.colour"),
    ],
)
def test_a_call_that_does_not_say_which_letters_retries_none(
    desk: Api, body: dict[str, Any], field: str
):
    outcomes(event("sale.recorded", -1))

    status, problem = desk.post("dead-letters/retry", body)

    assert (status, problem["field"]) == (422, field)
    assert verbs() == []


@pytest.mark.req("EVT-11")
def test_a_letter_accepted_meanwhile_is_a_duplicate_and_a_discarded_one_is_closed(desk: Api):
    """Held rows post by themselves once their name is known: whoever presses after that is told so."""
    outcomes(event("sale.recorded", 1, item="LATER"), event("sale.recorded", -1))
    held, bad = (DeadLetter.objects.get(code=code).pk for code in ("unknown_item", "not_positive"))
    put_item_identifiers([{"value": "LATER", "item": "SOCK"}], by=SYSTEM)
    assert desk.post(f"dead-letters/{held}/retry", {})[1]["outcome"] == "posted"
    left = StockBalance.objects.get().sellable

    status, again = desk.post(f"dead-letters/{held}/retry", {})
    assert (status, again["outcome"], again["code"]) == (200, "duplicate", "")
    assert again["detail"] == "It was accepted before; nothing changed."
    assert desk.post(f"dead-letters/{bad}/discard", {"reason": "noise"})[0] == 200
    assert desk.post(f"dead-letters/{bad}/retry", {})[0] == 409
    together = desk.post("dead-letters/retry", {"ids": [held, bad]})[1]

    assert together["counts"] == {"duplicate": 1, "gone": 1}
    assert (StockBalance.objects.get().sellable, verbs()) == (
        left,
        ["dead_letter.retried", "dead_letter.discarded"],
    )


@pytest.mark.req("EVT-11")
def test_too_many_letters_a_call_are_refused():
    with pytest.raises(Refused, match="At most 5,000"):
        retry_letters(list(range(1, 5_002)), by=SYSTEM)


@pytest.mark.req("EVT-11")
def test_giving_up_needs_a_reason_and_the_right(desk: Api):
    outcomes(event("sale.recorded", -1))
    path = f"dead-letters/{DeadLetter.objects.get().pk}/discard"

    assert desk.post(path, {"reason": "  "})[0] in (400, 422)
    assert Api("events.read", name="reader").post(path, {"reason": "noise"})[0] == 403
    assert desk.post(path, {"reason": "noise"})[1]["status"] == "discarded"
    assert desk.post(path, {"reason": "noise"})[0] == 409
    assert verbs() == ["dead_letter.discarded"]
    with pytest.raises(NotPermitted):
        retry_found(LetterFilter(code="not_positive"), by=planner("events.read"))


@pytest.mark.req("EVT-05", "EVT-11")
def test_the_same_refused_body_is_one_letter_with_its_latest_reason():
    body = event("receipt.recorded", 1, item="X", node="Y")
    outcomes(body, body)
    put_item_identifiers([{"value": "X", "item": "SOCK"}], by=SYSTEM)
    outcomes(body)

    letter = DeadLetter.objects.get()
    assert (letter.seen, letter.code, letter.field) == (3, "unknown_node", "node")


@pytest.mark.req("EVT-11", "SEC-02")
def test_what_a_sender_had_no_right_to_say_needs_the_right_of_whoever_retries():
    rows = [
        msgspec.json.encode(event("receipt.recorded", 1, source="erp")),
        msgspec.json.encode(event("stock.opened", 5)),
    ]
    till = planner("events.write")
    post_rows(rows, received_from="pos", may_speak_for=lambda name: name == "pos", by=till)
    foreign = DeadLetter.objects.get(code="foreign_source").pk
    opening = DeadLetter.objects.get(code="not_permitted").pk
    clerk = planner("events.retry")

    assert retry_letter(foreign, by=clerk).code == "foreign_source"
    assert retry_letter(opening, by=clerk).code == "not_permitted"
    boss = planner("events.retry", "events.write", "events.open_stock")
    assert retry_letter(foreign, by=boss).outcome == "posted"
    assert retry_letter(opening, by=boss).outcome == "posted"


@pytest.mark.req("EVT-05")
def test_an_event_of_a_locked_period_is_kept_and_posts_when_the_lock_has_moved():
    lock_until(2)

    locked, counted, signal, open_one = send(
        event("receipt.recorded", 4, occurred_at=hour(1)),
        event("stock.counted", 4, occurred_at=hour(2)),
        event("pick.recorded", 4, occurred_at=hour(3)),
        event("receipt.recorded", 2),
    )

    assert [(one.outcome, one.code) for one in (locked, counted)] == [
        ("quarantined", "period_locked")
    ] * 2
    assert (signal.outcome, open_one.outcome) == ("noted", "posted")
    assert StockBalance.objects.get().sellable == 2
    (letter,) = [one for one in DeadLetter.objects.all() if b"receipt" in bytes(one.body)]
    assert (letter.code, letter.field) == ("period_locked", "occurred_at")
    assert retry_letter(letter.pk, by=SYSTEM).code == "period_locked"

    unlock()
    assert retry_letter(letter.pk, by=SYSTEM).outcome == "posted"
    assert StockBalance.objects.get().sellable == 6


@pytest.mark.req("EVT-05")
def test_the_locked_day_ends_at_midnight_utc():
    day = (clock.now() - timedelta(days=3)).date()
    configure(key="period_lock", value={"until": day.isoformat()}, by=SYSTEM)
    last = hour(24) - timedelta(microseconds=1)

    answers = send(
        event("receipt.recorded", 1, occurred_at=last),
        event("receipt.recorded", 2, occurred_at=hour(24)),
    )

    assert [answer.outcome for answer in answers] == ["quarantined", "posted"]


@pytest.mark.req("EVT-05", "EVT-07")
def test_a_lock_changes_nothing_of_what_was_posted_before():
    body = event("receipt.recorded", 4, occurred_at=hour(1))
    (first,) = send(body)
    correction = event(
        "event.corrected",
        1,
        item=None,
        node=None,
        corrects={"source": "pos", "source_id": body["source_id"]},
        reason="miscounted",
    )
    lock_until(2)

    (again,) = send(body)
    (corrected,) = send(correction)

    assert (again.outcome, again.event_id) == ("duplicate", first.event_id)
    assert (corrected.outcome, corrected.code, corrected.field) == (
        "quarantined",
        "period_locked",
        "corrects",
    )
    assert (StockBalance.objects.get().sellable, LedgerEntry.objects.count()) == (4, 2)

    unlock()
    letter = DeadLetter.objects.get()
    assert retry_letter(letter.pk, by=SYSTEM).outcome == "posted"
    lock_until(2)
    assert outcomes(correction) == ["duplicate"]
    assert StockBalance.objects.get().sellable == 1


@pytest.mark.req("EVT-05")
def test_a_locked_event_over_the_api_says_why(desk: Api):
    lock_until(2)

    status, problem = desk.post("events", event("receipt.recorded", 4, occurred_at=hour(1)))
    bulk = desk.post("events/bulk", [event("receipt.recorded", 5, occurred_at=hour(1))])[1]

    assert (status, problem["reason"], problem["field"]) == (422, "period_locked", "occurred_at")
    row = bulk["results"][0]
    assert (row["outcome"], row["code"], row["field"]) == (
        "quarantined",
        "period_locked",
        "occurred_at",
    )
    assert InventoryEvent.objects.count() == 0


@pytest.mark.req("EVT-15", "EVT-16")
def test_names_are_listed_and_taken_back_over_the_api(desk: Api):
    desk.put("catalog/item-identifiers", [{"value": "A", "source": "pos", "item": "SOCK"}])
    desk.put("catalog/node-identifiers", [{"value": "B", "node": "S1"}])
    desk.put("catalog/state-mappings", [{"source": "erp", "code": "QI", "state": "quarantined"}])

    (name,) = desk.get("catalog/item-identifiers?source=pos")[1]["results"]
    assert name == {
        "id": name["id"], "value": "A", "source": "pos", "kind": "other", "item": "SOCK",
    }  # fmt: skip
    assert desk.get("catalog/item-identifiers?source=erp")[1]["results"] == []
    (place,) = desk.get("catalog/node-identifiers")[1]["results"]
    (state,) = desk.get("catalog/state-mappings")[1]["results"]
    assert (place["node"], state["state"]) == ("S1", "quarantined")
    for noun, row in (
        ("item-identifiers", name),
        ("node-identifiers", place),
        ("state-mappings", state),
    ):
        assert desk.call("DELETE", f"catalog/{noun}/{row['id']}")[0] == 204
        assert desk.call("DELETE", f"catalog/{noun}/{row['id']}")[0] == 409
    reader = Api("catalog.read", name="reader")
    assert reader.put("catalog/item-identifiers", [{"value": "A", "item": "SOCK"}])[0] == 403
    assert POSTER.may("catalog.map") is False
    status, problem = desk.put(
        "catalog/state-mappings", [{"source": "erp", "code": "QI", "state": "limbo"}]
    )
    assert (status, problem["field"]) == (422, "[0].state")
