"""Posting: exactly once, in any order, balanced, never clamped."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from django.db import connection

from inventory_control.events.models import DeadLetter, HeldEvent, InventoryEvent, Redelivery
from inventory_control.stock.models import Assertion, LedgerEntry, Reservation, StockBalance
from inventory_control.stock.services import rebuild_balances
from inventory_control.stock.states import Verdict
from tests.factories import SYSTEM, event, hour, item, node, outcomes, send
from tests.oracle import expected


@pytest.fixture(autouse=True)
def places(tenant) -> None:
    """SOCK at S1."""
    item()
    node()


def balance(sku: str = "SOCK", code: str = "S1") -> StockBalance:
    """The one balance row of an item at a node."""
    found: StockBalance = StockBalance.objects.get(item__sku=sku, node__code=code)
    return found


def assert_books_agree() -> None:
    """Double entry sums to zero and the balances are the fold of the entries."""
    rebuilt = rebuild_balances(by=SYSTEM)

    assert (rebuilt.difference, rebuilt.ledger_sum) == (0, 0)


@pytest.mark.req("LED-01", "EVT-07")
def test_a_sale_moves_units_to_the_customer():
    assert outcomes(event("receipt.recorded", 10), event("sale.recorded", 3)) == ["posted"] * 2

    assert balance().sellable == 7
    lines = LedgerEntry.objects.order_by("id").values_list("state", "quantity")
    assert list(lines) == [("supplier", -10), ("sellable", 10), ("sellable", -3), ("customer", 3)]
    assert_books_agree()


@pytest.mark.req("LED-14")
def test_stock_goes_below_zero_rather_than_losing_a_fact():
    outcomes(event("sale.recorded", 3))

    assert balance().sellable == -3


@pytest.mark.req("EVT-07")
def test_the_same_event_twice_posts_once_and_answers_with_the_first_id():
    body = event("receipt.recorded", 10)

    (first,) = send(body)
    again, third = send(body, body)

    assert (again.outcome, again.event_id) == ("duplicate", first.event_id)
    assert (third.outcome, third.event_id) == ("duplicate", first.event_id)
    assert balance().sellable == 10


@pytest.mark.req("EVT-07")
def test_the_same_event_twice_in_one_batch_posts_once():
    body = event("receipt.recorded", 10)

    assert outcomes(body, body) == ["posted", "duplicate"]
    assert balance().sellable == 10


@pytest.mark.req("EVT-07")
def test_what_comes_again_is_counted_by_who_delivered_it():
    body, other = event("receipt.recorded", 10), event("sale.recorded", 1)

    outcomes(body, other)
    outcomes(body, body, other)

    counted = Redelivery.objects.values_list("received_from", "events")
    assert list(counted) == [("pos", 3)]


@pytest.mark.req("EVT-07")
def test_one_fact_by_two_roads_posts_once():
    by_webhook = event("receipt.recorded", 10, business_key="GRN-1/1")
    by_file = event("receipt.recorded", 10, business_key="GRN-1/1", source="file")

    assert outcomes(by_webhook, by_file) == ["posted", "duplicate"]
    assert balance().sellable == 10


@pytest.mark.req("EVT-07", "INT-16")
def test_the_same_id_with_other_content_is_a_conflict_and_both_bodies_are_kept():
    body = event("receipt.recorded", 10)
    outcomes(body)

    assert outcomes({**body, "quantity": 11}) == ["conflict"]

    assert balance().sellable == 10
    letter = DeadLetter.objects.get()
    assert (letter.code, b'"quantity":11' in bytes(letter.body)) == ("content_conflict", True)
    assert b'"quantity":10' in bytes(InventoryEvent.objects.get().raw)


@pytest.mark.req("EVT-05")
@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"item": "GHOST"}, "unknown_item", "item"),
        ({"node": "NOWHERE"}, "unknown_node", "node"),
        ({"quantity": "ten"}, "invalid_field", "quantity"),
        ({"quantity": -4}, "not_positive", "quantity"),
        ({"quantity": 10**13}, "invalid_field", "quantity"),
        ({"type": "sale.imagined"}, "unknown_type", "type"),
        ({"occurred_at": "2199-01-01T00:00:00Z"}, "in_the_future", "occurred_at"),
        ({"occurred_at": "1999-01-01T00:00:00Z"}, "too_old", "occurred_at"),
        ({"occurred_at": "2024-01-01T00:00:00"}, "invalid_field", "occurred_at"),
        ({"from_state": "limbo"}, "unmapped_state", "from_state"),
        ({"surprise": 1}, "invalid_field", ""),
    ],
)
def test_a_bad_row_is_kept_with_its_field_and_moves_nothing(
    change: dict[str, Any], code: str, field: str
):
    good = event("receipt.recorded", 1)

    answers = send({**event("sale.recorded", 1), **change}, good)

    assert [str(answer.outcome) for answer in answers][1] == "posted"
    letter = DeadLetter.objects.get()
    assert (letter.code, letter.field) == (code, field)
    assert balance().sellable == 1


def s24() -> list[dict[str, Any]]:
    """The facts of script S24, in their true order."""
    line = {"order": "W-1", "line": "1"}
    return [
        event("stock.opened", 50, occurred_at=hour(0)),
        event("sale.recorded", 3, occurred_at=hour(1)),
        event("reservation.created", 5, occurred_at=hour(2), **line),
        event("order.shipped", 5, occurred_at=hour(3), **line),
        event("return.received", 1, occurred_at=hour(4), to_state="quarantined"),
        event(
            "return.inspected",
            1,
            occurred_at=hour(5),
            from_state="quarantined",
            to_state="sellable",
        ),
        event("stock.counted", 44, occurred_at=hour(6)),
        event("receipt.recorded", 10, occurred_at=hour(7)),
    ]


@pytest.mark.req("EVT-10")
@pytest.mark.parametrize("seed", range(12))
def test_five_sources_in_any_order_each_twice_end_at_54(seed: int):
    facts = s24() * 2
    random.Random(seed).shuffle(facts)

    for start in range(0, len(facts), 3):
        send(*facts[start : start + 3])

    assert (balance().sellable, balance().reserved, balance().quarantined) == (54, 0, 0)
    assert Assertion.objects.get(quantity=44).verdict == Verdict.ACCEPTED
    assert_books_agree()


@pytest.mark.req("EVT-10")
def test_commit_ship_and_release_end_the_same_in_every_order():
    item("HAT")
    line = {"order": "O", "line": "1", "item": "HAT"}
    facts = [
        event("receipt.recorded", 20, item="HAT", occurred_at=hour(0)),
        event("order.created", 8, occurred_at=hour(1), **line),
        event("order.shipped", 5, occurred_at=hour(2), **line),
        event("order.cancelled", 2, occurred_at=hour(3), **line),
    ]

    ends = set()
    for order in itertools.permutations(facts):
        with connection.cursor() as cursor:
            cursor.execute("SAVEPOINT attempt")
            for fact in order:
                send(fact)
            found = balance("HAT")
            ends.add((found.sellable, found.reserved, Reservation.objects.get().open))
            cursor.execute("ROLLBACK TO attempt")

    assert ends == {(15, 1, 1)}


@pytest.mark.req("EVT-10")
def test_a_count_out_of_tolerance_waits_and_freezes_and_a_late_sale_makes_it_right():
    outcomes(
        event("stock.opened", 50, occurred_at=hour(0)),
        event("stock.counted", 40, occurred_at=hour(5)),
    )
    assert (balance().sellable, balance().counts_pending) == (50, 1)

    outcomes(event("sale.recorded", 9, occurred_at=hour(3)))

    assert (balance().sellable, balance().counts_pending) == (40, 0)
    assert Assertion.objects.get(quantity=40).verdict == Verdict.ACCEPTED
    assert_books_agree()


@pytest.mark.req("EVT-10")
def test_an_accepted_count_falls_back_to_pending_when_an_earlier_event_arrives_late():
    outcomes(
        event("stock.opened", 50, occurred_at=hour(0)),
        event("stock.counted", 49, occurred_at=hour(5)),
    )
    assert balance().sellable == 49

    outcomes(event("receipt.recorded", 30, occurred_at=hour(2)))

    assert (balance().sellable, balance().counts_pending) == (80, 1)
    assert_books_agree()


@pytest.mark.req("LED-18")
def test_a_correction_reverses_and_replaces():
    sale = event("sale.recorded", 7)
    outcomes(event("receipt.recorded", 20), sale)

    fix = event(
        "event.corrected", 2, item=None, node=None, reason="typed wrong",
        corrects={"source": "pos", "source_id": sale["source_id"]},
    )  # fmt: skip
    assert outcomes(fix, fix) == ["posted", "duplicate"]

    assert balance().sellable == 18
    assert_books_agree()


@pytest.mark.req("LED-18")
def test_a_correction_that_comes_first_is_held_and_posts_with_its_original():
    sale = event("sale.recorded", 7)
    fix = event(
        "event.corrected", item=None, node=None, reason="cancelled at the till",
        corrects={"source": "pos", "source_id": sale["source_id"]},
    )  # fmt: skip
    assert outcomes(event("receipt.recorded", 20), fix) == ["posted", "held"]

    outcomes(sale)

    assert (balance().sellable, HeldEvent.objects.count()) == (20, 0)
    assert_books_agree()


@pytest.mark.req("LED-15")
def test_a_transfer_is_in_transit_at_its_destination_until_received():
    node("S2")
    outcomes(
        event("receipt.recorded", 10),
        event("transfer.shipped", 4, to_node="S2"),
        event("transfer.received", 3, node="S2"),
    )

    assert balance().sellable == 6
    arrived = balance(code="S2")
    assert (arrived.sellable, arrived.in_transit) == (3, 1)
    assert_books_agree()


@pytest.mark.req("LED-03", "LED-05")
def test_damaged_goods_do_not_become_sellable_without_quarantine():
    outcomes(event("receipt.recorded", 5), event("damage.recorded", 2))

    (refused,) = send(event("return.inspected", 2, from_state="damaged", to_state="sellable"))

    assert refused.outcome == "quarantined"
    assert (balance().sellable, balance().damaged) == (3, 2)


def _random_facts(rng: random.Random, count: int) -> list[dict[str, Any]]:
    facts = []
    for number in range(count):
        place = {"item": rng.choice(["SOCK", "HAT"]), "node": rng.choice(["S1", "S2"])}
        at = hour(rng.randrange(0, 40))
        kind = rng.choice(
            ["sale.recorded", "receipt.recorded", "damage.recorded", "return.received",
             "stock.counted", "stock.counted", "order.created", "order.shipped", "order.cancelled",
             "adjustment.recorded"]
        )  # fmt: skip
        extra: dict[str, Any] = {}
        quantity = rng.randrange(1, 12)
        if kind.startswith("order."):
            where = {
                ("SOCK", "S1"): "a",
                ("SOCK", "S2"): "b",
                ("HAT", "S1"): "c",
                ("HAT", "S2"): "d",
            }
            line = where[place["item"], place["node"]]
            extra = {"order": f"O{rng.randrange(3)}", "line": line}
        if kind == "adjustment.recorded":
            extra = {"reason": "found"}
        if kind == "stock.counted":
            quantity = rng.randrange(0, 30)
        facts.append(
            event(kind, quantity, occurred_at=at, source_id=f"r{number}", **place, **extra)
        )
        if rng.random() < 0.08 and kind != "stock.opened":
            facts.append(
                event(
                    "event.corrected",
                    rng.choice([None, 3]),
                    item=None,
                    node=None,
                    occurred_at=hour(41),
                    source_id=f"c{number}",
                    reason="wrong",
                    corrects={"source": "pos", "source_id": f"r{number}"},
                )
            )
            for again in range(rng.randrange(0, 4)):
                facts.append(
                    event(
                        "event.corrected",
                        rng.choice([None, 2, 5]),
                        item=None,
                        node=None,
                        occurred_at=hour(40 + rng.randrange(0, 3)),
                        source_id=f"c{number}/{again}",
                        reason="wrong again",
                        corrects={
                            "source": "pos",
                            "source_id": rng.choice(
                                [f"r{number}", f"c{number}"]
                                + [f"c{number}/{earlier}" for earlier in range(again)]
                            ),
                        },
                    )
                )
    return facts


@pytest.mark.req("EVT-10", "LED-04")
@pytest.mark.parametrize("seed", range(25))
def test_any_order_of_arrival_ends_where_the_oracle_ends(seed: int):
    rng = random.Random(seed)
    item("HAT")
    node("S2")
    facts = _random_facts(rng, 60)
    arriving = facts + rng.sample(facts, 20)
    rng.shuffle(arriving)

    while arriving:
        size = rng.randrange(1, 9)
        send(*arriving[:size])
        arriving = arriving[size:]

    truth = expected(facts)
    found = {
        (row.item.sku, row.node.code, state): getattr(row, state)
        for row in StockBalance.objects.select_related("item", "node")
        for state in ("sellable", "received", "damaged")
    }
    assert {k: v for k, v in found.items() if v} == {k: v for k, v in truth.positions.items() if v}
    reserved = {
        (row.item.sku, row.node.code): row.reserved
        for row in StockBalance.objects.select_related("item", "node")
    }
    assert {k: v for k, v in reserved.items() if v} == {
        k: v for k, v in truth.reserved.items() if v
    }
    assert_books_agree()
