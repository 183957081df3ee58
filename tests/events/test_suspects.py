"""Suspected duplicates: one business message under two ids waits for a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory_control.catalog.services import put_item_identifiers
from inventory_control.core.errors import Conflict, NotPermitted, Refused
from inventory_control.events.errors import NotSuspectedError
from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.events.services import discard
from inventory_control.stock.models import StockBalance
from inventory_control.stock.services import release_letter, retry_letter
from tests.factories import SYSTEM, event, hour, item, node, outcomes, planner, send
from tests.http import Api
from tests.races.test_posting import together
from workflows.services import configure


def receipt(**fields: Any) -> dict[str, Any]:
    """Ten SOCK of line 1 of GRN-1, by whatever id."""
    return event(
        "receipt.recorded",
        10,
        **{"document": "GRN-1", "line": "1", "occurred_at": hour(1), **fields},
    )


@pytest.fixture
def places(tenant) -> None:
    """SOCK and HAT at S1 and S2."""
    item()
    item("HAT")
    node()
    node("S2")


def sellable() -> int:
    """Units of SOCK at S1."""
    return int(StockBalance.objects.get(item__sku="SOCK", node__code="S1").sellable)


@pytest.mark.req("EVT-08")
def test_a_second_receipt_of_one_line_is_held_and_says_of_what(places):
    first = receipt()
    (posted,) = send(first)
    (held,) = send(receipt(occurred_at=hour(5)))

    assert (posted.outcome, held.outcome, held.code) == ("posted", "held", "suspected_duplicate")
    assert first["source_id"] in held.reason
    letter = DeadLetter.objects.get()
    assert (letter.status, letter.outcome, sellable()) == ("open", "held", 10)


@pytest.mark.req("EVT-08")
def test_two_of_one_batch_are_suspects_too(places):
    assert outcomes(receipt(), receipt(), receipt()) == ["posted", "held", "held"]
    assert sellable() == 10


@pytest.mark.req("EVT-08")
@pytest.mark.parametrize(
    "change",
    [
        {"line": "2"},
        {"line": None},
        {"document": "GRN-2"},
        {"quantity": 9},
        {"item": "HAT"},
        {"node": "S2"},
        {"lot": "L2"},
        {"attributes": {"delivery": 2}},
        {"source": "wms"},
        {"business_key": "GRN-1/1/b"},
        {"type": "transfer.received"},
        {"occurred_at": hour(1) - timedelta(days=7, seconds=1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_told_apart_by_anything_of_its_own_posts(places, change: dict[str, Any]):
    first = receipt()
    outcomes(first)
    other = {key: value for key, value in {**receipt(), **change}.items() if value is not None}

    assert outcomes(other) == ["posted"]
    assert DeadLetter.objects.count() == 0


@pytest.mark.req("EVT-08")
def test_types_that_policy_does_not_name_are_no_suspects(places):
    sale = {"document": "TILL-1", "line": "1", "occurred_at": hour(1)}
    assert (
        outcomes(event("sale.recorded", 1, **sale), event("sale.recorded", 1, **sale))
        == ["posted"] * 2
    )
    configure(key="suspected_duplicates", value={"types": [], "within_days": 30}, by=SYSTEM)

    assert outcomes(receipt(), receipt()) == ["posted"] * 2


@pytest.mark.req("EVT-08", "EVT-07")
def test_what_comes_again_under_its_own_id_is_a_duplicate_and_no_suspect(places):
    first, second = receipt(), receipt()
    outcomes(first, second)
    release_letter(DeadLetter.objects.get().pk, reason="two pallets", by=SYSTEM)

    assert outcomes(first, second) == ["duplicate", "duplicate"]
    assert outcomes(second, first) == ["duplicate", "duplicate"]
    assert (sellable(), DeadLetter.objects.count()) == (20, 1)


@pytest.mark.req("EVT-08")
def test_a_receipt_that_was_corrected_away_may_be_sent_anew(places):
    first = receipt()
    outcomes(first)
    outcomes(
        {
            "type": "event.corrected",
            "source_id": "c-1",
            "occurred_at": hour(2),
            "corrects": {"source": "pos", "source_id": first["source_id"]},
            "quantity": 0,
            "reason": "wrong line",
        }
    )

    assert outcomes(receipt()) == ["posted"]
    assert sellable() == 10


@pytest.mark.req("EVT-08")
def test_a_person_releases_for_a_reason_and_it_posts_once(places):
    outcomes(receipt(), receipt())
    letter = DeadLetter.objects.get()
    ada = planner("events.retry")

    with pytest.raises(Refused):
        release_letter(letter.pk, reason=" ", by=ada)
    with pytest.raises(NotPermitted):
        release_letter(letter.pk, reason="two pallets", by=planner("events.read"))
    assert retry_letter(letter.pk, by=ada).outcome == "held"
    assert release_letter(letter.pk, reason="two pallets", by=ada).outcome == "posted"
    with pytest.raises(Conflict):
        release_letter(letter.pk, reason="again", by=ada)

    letter.refresh_from_db()
    assert (letter.status, letter.decided_reason, sellable()) == ("retried", "two pallets", 20)


@pytest.mark.req("EVT-08")
def test_a_rejected_one_stays_rejected_when_it_comes_again(places):
    second = receipt()
    outcomes(receipt(), second)
    discard(DeadLetter.objects.get(), reason="sent twice", by=planner("events.retry"))

    assert outcomes(second) == ["held"]
    letter = DeadLetter.objects.get()
    assert (letter.status, letter.seen, sellable()) == ("discarded", 2, 10)


@pytest.mark.req("EVT-08")
def test_only_suspects_are_released(places):
    outcomes(event("receipt.recorded", 1, item="GHOST"))

    with pytest.raises(NotSuspectedError):
        release_letter(DeadLetter.objects.get().pk, reason="sure", by=SYSTEM)


@pytest.mark.req("EVT-08")
def test_an_unknown_name_that_turns_out_to_say_the_same_is_held_then(places, settle):
    assert outcomes(receipt(), receipt(item="OTHER-NAME")) == ["posted", "unmapped"]

    put_item_identifiers([{"value": "OTHER-NAME", "item": "SOCK"}], by=SYSTEM)
    settle()

    letter = DeadLetter.objects.get()
    assert (letter.status, letter.code, letter.waits_noun) == ("open", "suspected_duplicate", "")
    assert sellable() == 10


@pytest.mark.req("EVT-08")
def test_over_the_api_it_is_taken_and_held_then_released(places):
    till = Api("events.write", "events.read", "events.retry")
    till.post("events", receipt())

    status, body = till.post("events", receipt())
    assert (status, body["outcome"], body["code"]) == (202, "held", "suspected_duplicate")

    found = till.get("dead-letters?code=suspected_duplicate")[1]["results"]
    path = f"dead-letters/{found[0]['id']}/release"
    assert till.post(path, {})[0] in (400, 422)
    assert till.post(path, {"reason": "two pallets"})[1]["outcome"] == "posted"
    assert till.post(path, {"reason": "two pallets"})[0] == 409
    assert (sellable(), InventoryEvent.objects.count()) == (20, 2)


@pytest.mark.req("EVT-08")
def test_of_ten_twins_at_one_moment_one_posts(committed):
    item()
    node()
    twins = [receipt() for _ in range(10)]

    answers = together(committed, *[lambda body=body: send(body)[0].outcome for body in twins])

    assert sorted(answers) == ["held"] * 9 + ["posted"]
    assert sellable() == 10
