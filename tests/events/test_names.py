"""Names: whatever a source calls an item, a node or a status, or else its events wait for that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import DataError, connection

from exceptions.models import ExceptionCase
from inventory_control.catalog.models import Item, ItemIdentifier
from inventory_control.catalog.services import (
    InvalidRowError,
    put_item_identifiers,
    put_node_identifiers,
    put_state_mappings,
    remove_item_identifier,
    upsert_items,
    upsert_nodes,
)
from inventory_control.core.errors import NotPermitted
from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.stock.models import LedgerEntry, StockBalance
from inventory_control.stock.services import post_named, rebuild_balances, retrying
from tests.factories import SYSTEM, event, item, node, outcomes, planner, send
from tests.races.test_posting import together


@pytest.fixture
def places(tenant) -> None:
    """SOCK and HAT at S1 and S2."""
    for sku in ("SOCK", "HAT"):
        item(sku)
    for code in ("S1", "S2"):
        node(code)


def sellable(sku: str = "SOCK", code: str = "S1") -> int:
    """Units on the shelf."""
    found = StockBalance.objects.filter(item__sku=sku, node__code=code).first()
    return 0 if found is None else int(found.sellable)


def told(verb: str) -> list[tuple[str, dict[str, Any]]]:
    """Subject and data of the audit entries of a verb, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT subject_id, data FROM entry WHERE verb = %s ORDER BY id", [verb])
        return [(subject, json.loads(data)) for subject, data in cursor.fetchall()]


@pytest.mark.req("EVT-15")
def test_a_name_is_ours_first_then_its_sources_then_everybodys(places):
    put_item_identifiers(
        [
            {"value": "4006381333931", "kind": "gtin", "item": "SOCK"},
            {"value": "4006381333931", "source": "erp", "item": "HAT"},
            {"value": "A-77", "source": "pos", "item": "HAT"},
        ],
        by=SYSTEM,
    )

    everybodys = send(event("receipt.recorded", 1, item="4006381333931"), source="pos")
    erps = send(event("receipt.recorded", 2, item="4006381333931", source="erp"), source="pos")
    own = send(event("receipt.recorded", 4, item="A-77"), source="pos")
    ours = send(event("receipt.recorded", 8, item="HAT"), source="pos")

    assert [one.outcome for (one,) in (everybodys, erps, own, ours)] == ["posted"] * 4
    assert (sellable("SOCK"), sellable("HAT")) == (1, 14)


@pytest.mark.req("EVT-14", "EVT-15")
def test_two_connectors_that_name_one_store_differently_mean_one_node(places):
    put_node_identifiers(
        [
            {"value": "0017", "source": "pos", "node": "S1"},
            {"value": "LOC-S1", "source": "erp", "node": "S1"},
        ],
        by=SYSTEM,
    )

    (till,) = send(event("receipt.recorded", 10, node="0017"), source="pos")
    (erp,) = send(event("receipt.recorded", 5, node="LOC-S1"), source="erp")

    assert (till.outcome, erp.outcome) == ("posted", "posted")
    assert [(row.node.code, row.sellable) for row in StockBalance.objects.all()] == [("S1", 15)]


@pytest.mark.req("EVT-15")
def test_a_transfer_to_a_node_of_another_name_is_kept_under_ours(places):
    put_node_identifiers([{"value": "0018", "source": "wms", "node": "S2"}], by=SYSTEM)

    send(event("transfer.shipped", 3, to_node="0018", document="T-1"), source="wms")

    assert InventoryEvent.objects.get().details["to_node"] == "S2"
    assert b'"0018"' in bytes(InventoryEvent.objects.get().raw)
    assert StockBalance.objects.get(node__code="S2").in_transit == 3


@pytest.mark.req("EVT-15")
def test_a_name_of_another_source_is_not_guessed(places):
    put_item_identifiers([{"value": "L-1", "source": "market", "item": "SOCK"}], by=SYSTEM)

    (answer,) = send(event("receipt.recorded", 1, item="L-1"), source="pos")

    assert (answer.outcome, answer.code) == ("unmapped", "unknown_item")
    assert LedgerEntry.objects.count() == 0


@pytest.mark.req("EVT-15")
def test_a_name_with_two_meanings_elsewhere_is_ambiguous_and_says_which(places):
    put_item_identifiers(
        [
            {"value": "L-1", "source": "market", "item": "SOCK"},
            {"value": "L-1", "source": "bazaar", "item": "HAT"},
        ],
        by=SYSTEM,
    )

    (answer,) = send(event("receipt.recorded", 1, item="L-1"), source="pos")

    assert (answer.outcome, answer.code) == ("unmapped", "ambiguous_item")
    assert "HAT and of SOCK" in answer.reason
    assert LedgerEntry.objects.count() == 0


@pytest.mark.req("EVT-15", "EVT-11")
def test_events_of_an_unknown_listing_open_one_case_and_post_once_mapped(places, settle):
    bodies = [event("receipt.recorded", 1, item="LISTING-9") for _ in range(12)]
    assert outcomes(*bodies) == ["unmapped"] * 12
    settle()

    case = ExceptionCase.objects.get()
    assert (case.kind, case.key, case.status) == (
        "unmapped_identifier",
        "unmapped_identifier:item:pos:LISTING-9",
        "open",
    )
    first = DeadLetter.objects.order_by("id")[0]
    assert case.evidence == {
        "noun": "item",
        "source": "pos",
        "name": "LISTING-9",
        "waiting": 12,
        "since": first.received_at.isoformat(),
        "sample": first.source_id,
        "letter": first.pk,
    }

    put_item_identifiers(
        [{"value": "LISTING-9", "source": "pos", "kind": "listing", "item": "SOCK"}], by=SYSTEM
    )
    ran = settle()

    assert "names" in ran
    assert sellable() == 12
    assert set(DeadLetter.objects.values_list("status", flat=True)) == {"retried"}
    case.refresh_from_db()
    assert (case.status, case.resolution) == ("resolved", "cleared")
    assert outcomes(*bodies) == ["duplicate"] * 12
    assert sellable() == 12


@pytest.mark.req("EVT-15")
def test_an_item_that_comes_with_the_name_lets_its_events_post(places, settle):
    outcomes(event("receipt.recorded", 7, item="NEW"), event("receipt.recorded", 2, node="S9"))

    upsert_items([{"sku": "NEW", "name": "New"}], by=SYSTEM)
    settle()
    assert (sellable("NEW"), DeadLetter.objects.filter(status="open").count()) == (7, 1)

    upsert_nodes([{"code": "S9", "name": "Store 9"}], by=SYSTEM)
    settle()
    assert (sellable("SOCK", "S9"), DeadLetter.objects.filter(status="open").count()) == (2, 0)


@pytest.mark.req("EVT-15")
def test_an_event_with_two_unknown_names_waits_for_one_after_the_other(places, settle):
    outcomes(event("receipt.recorded", 5, item="X", node="Y"))

    put_item_identifiers([{"value": "X", "item": "SOCK"}], by=SYSTEM)
    settle()
    letter = DeadLetter.objects.get()
    assert (letter.code, letter.waits_name, letter.status) == ("unknown_node", "Y", "open")
    live = ExceptionCase.objects.filter(status="open").values_list("key", flat=True)
    assert list(live) == ["unmapped_identifier:node:pos:Y"]

    put_node_identifiers([{"value": "Y", "node": "S1"}], by=SYSTEM)
    settle()
    assert (sellable(), DeadLetter.objects.get().status) == (5, "retried")


@pytest.mark.req("EVT-15")
def test_an_opening_balance_that_waited_posts_with_the_right_its_sender_had(places, settle):
    outcomes(event("stock.opened", 50, item="LATER"))

    upsert_items([{"sku": "LATER", "name": "Later"}], by=SYSTEM)
    settle()

    assert sellable("LATER") == 50


@pytest.mark.req("EVT-15")
def test_a_name_that_is_mapped_while_its_event_is_being_kept_waits_for_nobody(committed, settle):
    item()
    node()

    def map_it() -> None:
        put_item_identifiers([{"value": "RACE", "item": "SOCK"}], by=SYSTEM)

    for number in range(5):
        ItemIdentifier.objects.all().delete()
        body = event("receipt.recorded", 1, item="RACE", source_id=f"race-{number}")
        answers = together(committed, lambda body=body: send(body)[0].outcome, map_it)
        assert answers[0] in ("posted", "unmapped")
        settle()
        assert sellable() == number + 1
    assert not DeadLetter.objects.filter(status="open").exists()


@pytest.mark.req("EVT-15", "EVT-07")
def test_rows_that_waited_post_once_from_eight_hands_at_a_time(committed):

    item()
    node()
    outcomes(*[event("receipt.recorded", 1, item="SOON") for _ in range(60)])
    ItemIdentifier.objects.create(value="SOON", item=Item.objects.get())

    answers = together(committed, *[lambda: post_named(by=SYSTEM) for _ in range(8)])

    assert sum(answers) == 60
    assert (sellable(), LedgerEntry.objects.count()) == (60, 120)
    rebuilt = rebuild_balances(by=SYSTEM)
    assert (rebuilt.difference, rebuilt.ledger_sum) == (0, 0)


@pytest.mark.req("EVT-16")
def test_a_status_of_the_erp_is_mapped_to_ours(places):
    put_state_mappings([{"source": "erp", "code": "QI", "state": "quarantined"}], by=SYSTEM)

    (answer,) = send(event("receipt.recorded", 6, to_state="QI"), source="erp")

    assert answer.outcome == "posted"
    balance = StockBalance.objects.get()
    assert (balance.quarantined, balance.sellable) == (6, 0)
    assert InventoryEvent.objects.get().details["to_state"] == "quarantined"


@pytest.mark.req("EVT-16")
def test_a_status_without_a_mapping_is_held_and_never_sellable(places, settle):
    rows = send(
        event("receipt.recorded", 6, to_state="ZZ"),
        event("stock.counted", 6, to_state="ZZ"),
        source="erp",
    )
    settle()

    assert [(row.outcome, row.code, row.field) for row in rows] == [
        ("unmapped", "unmapped_state", "to_state")
    ] * 2
    assert StockBalance.objects.count() == 0
    case = ExceptionCase.objects.get()
    assert (case.key, case.units) == ("unmapped_identifier:state:erp:ZZ", 2)

    put_state_mappings([{"source": "erp", "code": "ZZ", "state": "damaged"}], by=SYSTEM)
    settle()

    letters = DeadLetter.objects.order_by("status").values_list("status", "code")
    assert list(letters) == [("open", "unknown_state"), ("retried", "unmapped_state")]
    assert StockBalance.objects.get().sellable == 0


@pytest.mark.req("EVT-16")
def test_the_mapping_of_one_source_says_nothing_of_another(places):
    put_state_mappings([{"source": "erp", "code": "QI", "state": "quarantined"}], by=SYSTEM)

    (answer,) = send(event("receipt.recorded", 6, to_state="QI"), source="wms")

    assert (answer.outcome, answer.code) == ("unmapped", "unmapped_state")


@pytest.mark.req("EVT-15", "EVT-16")
def test_every_change_of_a_name_says_what_it_meant_before(places):
    put_item_identifiers([{"value": "N", "source": "pos", "item": "SOCK"}], by=SYSTEM)
    put_item_identifiers([{"value": "N", "source": "pos", "item": "HAT"}], by=SYSTEM)
    remove_item_identifier(ItemIdentifier.objects.get().pk, by=SYSTEM)
    put_state_mappings([{"source": "erp", "code": "QI", "state": "damaged"}], by=SYSTEM)

    assert told("identifier.set") == [
        ("pos:N", {"means": "SOCK", "was": None}),
        ("pos:N", {"means": "HAT", "was": "SOCK"}),
    ]
    assert told("identifier.removed") == [("pos:N", {"was": "HAT"})]
    assert told("state_mapping.set") == [("erp:QI", {"means": "damaged", "was": None})]
    assert [one.code for one in send(event("receipt.recorded", 1, item="N"))] == ["unknown_item"]


@pytest.mark.req("EVT-15")
@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"value": "HAT", "item": "SOCK"}, "[0].value"),
        ({"value": "N", "item": "GHOST"}, "[0].item"),
        ({"value": "", "item": "SOCK"}, "[0].value"),
        ({"value": "N", "item": "SOCK", "surprise": 1}, "[0].surprise"),
        ({"value": "N", "item": "SOCK", "kind": "isbn"}, "[0].kind"),
    ],
)
def test_a_name_that_would_never_be_found_is_refused(places, row: dict[str, Any], field: str):
    with pytest.raises(InvalidRowError) as refused:
        put_item_identifiers([row], by=SYSTEM)

    assert refused.value.field == field


@pytest.mark.req("EVT-15")
def test_mapping_needs_its_permission(places):
    rows = [{"value": "N", "item": "SOCK"}]

    with pytest.raises(NotPermitted):
        put_item_identifiers(rows, by=planner("catalog.read"))
    assert put_item_identifiers(rows, by=planner("catalog.map")) == 1


@pytest.mark.req("EVT-15", "EVT-11")
def test_a_row_that_breaks_its_batch_stops_no_other_and_stays_for_a_person(
    committed, monkeypatch: pytest.MonkeyPatch, settle
):
    item()
    node()
    outcomes(*[event("receipt.recorded", n, item="SOON", source_id=f"s{n}") for n in (1, 2, 4)])
    post = retrying.post_events

    def breaking(drafts: Any, *, by: Any) -> Any:
        if any(draft.event.source_id == "s2" for draft in drafts):
            raise DataError("it does not fit")
        return post(drafts, by=by)

    monkeypatch.setattr(retrying, "post_events", breaking)
    upsert_items([{"sku": "SOON", "name": "Soon"}], by=SYSTEM)
    settle()

    assert sellable("SOON") == 5
    letter = DeadLetter.objects.get(status="open")
    assert (letter.source_id, letter.code, letter.reason) == ("s2", "not_posted", "it does not fit")
    monkeypatch.undo()
    assert retrying.retry_letter(letter.pk, by=SYSTEM).outcome == "posted"
    assert sellable("SOON") == 7
