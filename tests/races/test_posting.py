"""Races on the ledger: real threads, real connections, real commits."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from inventory_control.core.tenancy import in_tenant
from inventory_control.stock.models import LedgerEntry, StockBalance
from inventory_control.stock.services import rebuild_balances, reserve
from inventory_control.stock.values import ReservationLine
from tests.factories import POSTER, SYSTEM, event, hour, item, node, outcomes, send


def together(tenant: Any, *acts: Callable[[], Any]) -> list[Any]:
    """Run acts at the same moment, each in a thread and session of its own; their answers."""
    gate = threading.Barrier(len(acts))
    answers: list[Any] = [None] * len(acts)

    def run(place: int, act: Callable[[], Any]) -> None:
        try:
            with in_tenant(tenant):
                gate.wait()
                answers[place] = act()
        except BaseException as error:  # noqa: BLE001 - the answer of this thread
            answers[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def assert_books_agree() -> None:
    """Balances are the fold of the ledger."""
    rebuilt = rebuild_balances(by=SYSTEM)
    assert (rebuilt.difference, rebuilt.ledger_sum) == (0, 0)


@pytest.mark.req("EVT-07")
def test_one_event_from_twenty_threads_posts_once(committed):
    item()
    node()
    body = event("receipt.recorded", 10, business_key="GRN-9/1")

    answers = together(committed, *[lambda: send(body)[0].outcome for _ in range(20)])

    assert sorted(answers) == ["duplicate"] * 19 + ["posted"]
    assert (StockBalance.objects.get().sellable, LedgerEntry.objects.count()) == (10, 2)


@pytest.mark.req("LED-18", "EVT-10")
def test_corrections_of_one_sale_at_the_same_moment_leave_the_last_by_source_time(committed):
    item()
    node()
    send(event("sale.recorded", 50, source_id="s", occurred_at=hour(0)))
    fixes = [
        event("event.corrected", number, item=None, node=None, reason="wrong", source_id=f"c{number}",
              occurred_at=hour(number), corrects={"source": "pos", "source_id": "s"})
        for number in range(1, 13)
    ]  # fmt: skip

    answers = together(committed, *[lambda body=body: outcomes(body) for body in fixes])

    assert {outcome for (outcome,) in answers} <= {"posted", "noted"}
    assert StockBalance.objects.get().sellable == -12
    assert_books_agree()


@pytest.mark.req("EVT-07")
def test_batches_that_overlap_in_opposite_order_neither_deadlock_nor_double(committed):
    for number in range(20):
        item(f"I{number}")
    node()
    facts = [
        event("receipt.recorded", 1, item=f"I{n % 20}", business_key=f"K{n}") for n in range(200)
    ]
    rng = random.Random(3)
    batches = [rng.sample(facts, len(facts)) for _ in range(6)]

    answers = together(committed, *[lambda rows=rows: outcomes(*rows) for rows in batches])

    assert not [answer for answer in answers if isinstance(answer, BaseException)]
    assert sum(answer.count("posted") for answer in answers) == 200
    assert {row.sellable for row in StockBalance.objects.all()} == {10}
    assert_books_agree()


@pytest.mark.req("LED-08")
def test_a_hundred_threads_cannot_share_ten_units(committed):
    item()
    node()
    outcomes(event("receipt.recorded", 10))

    def ask(number: int) -> int:
        line = ReservationLine(order=f"O{number}", line="1", sku="SOCK", node="S1", quantity=1)
        return reserve([line], by=POSTER)[0].granted

    answers: list[Any] = []
    for start in range(0, 100, 25):
        acts = [lambda number=number: ask(number) for number in range(start, start + 25)]
        answers += together(committed, *acts)

    assert sorted(answers) == [0] * 90 + [1] * 10
    row = StockBalance.objects.get()
    assert (row.sellable, row.reserved) == (10, 10)
    assert_books_agree()


@pytest.mark.req("LED-08")
def test_orders_over_two_nodes_in_opposite_order_do_not_deadlock(committed):
    item()
    node()
    node("S2")
    outcomes(event("receipt.recorded", 40), event("receipt.recorded", 40, node="S2"))

    def ask(number: int) -> list[int]:
        nodes = ["S1", "S2"] if number % 2 else ["S2", "S1"]
        lines = [
            ReservationLine(order=f"O{number}", line=code, sku="SOCK", node=code, quantity=2)
            for code in nodes
        ]
        return [answer.granted for answer in reserve(lines, by=POSTER)]

    answers = together(committed, *[lambda number=number: ask(number) for number in range(20)])

    assert answers == [[2, 2]] * 20
    assert {row.reserved for row in StockBalance.objects.all()} == {40}


@pytest.mark.req("EVT-10")
def test_counts_and_sales_that_race_end_where_the_true_order_ends(committed):
    item()
    node()
    line = {"order": "W-1", "line": "1"}
    facts = [
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
    rng = random.Random(5)
    deliveries = [rng.sample(facts, len(facts)) for _ in range(4)]

    answers = together(
        committed, *[lambda mine=mine: [outcomes(one) for one in mine] for mine in deliveries]
    )

    assert not [answer for answer in answers if isinstance(answer, BaseException)]
    row = StockBalance.objects.get()
    assert (row.sellable, row.reserved, row.quarantined) == (54, 0, 0)
    assert_books_agree()


@pytest.mark.req("LED-08")
def test_one_order_line_reserved_by_ten_at_once_holds_once_and_all_hear_the_same(committed):
    item()
    node()
    send(event("receipt.recorded", 100))
    line = ReservationLine(
        order="O1", line="1", sku="SOCK", node="S1", quantity=7, channel="", is_partial=False
    )

    answers = together(committed, *[lambda: reserve([line], by=POSTER)[0] for _ in range(10)])

    assert [answer.granted for answer in answers] == [7] * 10
    assert sorted(answer.is_repeat for answer in answers) == [False] + [True] * 9
    assert StockBalance.objects.get().reserved == 7
    assert_books_agree()
