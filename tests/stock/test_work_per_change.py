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


def counted(function: str, table: str) -> int:
    """What PostgreSQL counted of a table in the present transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s::regclass)", [table])
        return cursor.fetchone()[0]


def test_a_change_of_a_balance_stays_on_its_page(sock: None):
    for _ in range(20):
        outcomes(event("sale.recorded", 1))

    changed = counted("pg_stat_get_xact_tuples_updated", "stock_stockbalance")
    on_page = counted("pg_stat_get_xact_tuples_hot_updated", "stock_stockbalance")

    assert (changed, on_page) == (20, 20)


def test_no_order_reads_the_orders_before_it(sock: None):
    before = counted("pg_stat_get_xact_numscans", "stock_reservation")
    for number in range(20):
        line = ReservationLine(f"W-{number}", "1", "SOCK", "S1", 1)
        (answer,) = reserve([line], by=SYSTEM)
        assert answer.granted == 1

    assert counted("pg_stat_get_xact_numscans", "stock_reservation") - before == 0
