"""What a change of stock costs the database, counted by PostgreSQL itself."""

from __future__ import annotations

import pytest
from django.db import connection

from inventory_control.stock.services import reserve
from inventory_control.stock.values import ReservationLine
from tests.factories import SYSTEM, event, item, node, outcomes


@pytest.fixture
def sock(tenant) -> None:
    """An item with 100 units at S1."""
    item()
    node()
    outcomes(event("receipt.recorded", 100))


def counted(table: str, *what: str) -> list[int]:
    """What PostgreSQL counted of a table and has not handed over: of this transaction, and perhaps
    of those before it.
    """
    counters = ", ".join(f"pg_stat_get_xact_{one}(%s::regclass)" for one in what)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counters}", [table] * len(what))
        return list(cursor.fetchone())


def test_a_change_of_a_balance_stays_on_its_page(sock: None):
    before = counted("stock_stockbalance", "tuples_updated", "tuples_hot_updated")
    for _ in range(20):
        outcomes(event("sale.recorded", 1))
    after = counted("stock_stockbalance", "tuples_updated", "tuples_hot_updated")

    assert [late - early for early, late in zip(before, after, strict=True)] == [20, 20]


def test_no_order_reads_the_orders_before_it(sock: None):
    before = counted("stock_reservation", "numscans")
    for number in range(20):
        line = ReservationLine(f"W-{number}", "1", "SOCK", "S1", 1)
        (answer,) = reserve([line], by=SYSTEM)
        assert answer.granted == 1

    assert counted("stock_reservation", "numscans") == before
