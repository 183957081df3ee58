"""What a change of stock costs the database, counted and planned by PostgreSQL itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory_control.availability.selectors import Figures, LookUp
from inventory_control.core.sql import pipelined, positional
from inventory_control.core.tenancy import on_shared_session
from inventory_control.stock.services import check, in_one_transaction, reserve
from inventory_control.stock.values import ReservationLine
from tests.factories import SYSTEM, event, item, node, outcomes

LINE = ReservationLine("W-1", "1", "SOCK", "S1", 1)
BELIEFS = {
    "counted while it was empty": (0, 1),
    "counted while it was young": (3, 1),
    "never counted": (-1, 0),
    "counted while it was long": (1_000_000, 20_000),
}
"""What PostgreSQL can think of a table when it makes a plan: its rows and pages."""


def counted(table: str, *what: str) -> list[int]:
    """What PostgreSQL counted of a table and has not handed over: of this transaction, and perhaps
    of those before it.
    """
    counters = ", ".join(f"pg_stat_get_xact_{one}(%s::regclass)" for one in what)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counters}", [table] * len(what))
        return list(cursor.fetchone())


def test_a_change_of_a_balance_stays_on_its_page(tenant: Any):
    item()
    node()
    outcomes(event("receipt.recorded", 100))
    before = counted("stock_stockbalance", "tuples_updated", "tuples_hot_updated")
    for _ in range(20):
        outcomes(event("sale.recorded", 1))
    after = counted("stock_stockbalance", "tuples_updated", "tuples_hot_updated")

    assert [late - early for early, late in zip(before, after, strict=True)] == [20, 20]


def looked_up() -> None:
    """An item's figures, of every node and of one, as the door of look-ups asks for them."""
    with pipelined():
        assert Figures([LookUp("SOCK"), LookUp("SOCK", "S1")]).found()[0] is not None


WORK: dict[str, Callable[[], object]] = {
    "an order": lambda: reserve([LINE], by=SYSTEM),
    "a question": lambda: check([LINE], by=SYSTEM),
    "a sale": lambda: outcomes(event("sale.recorded", 1)),
    "a receipt by a document": lambda: outcomes(event("receipt.recorded", 1, document="PO-1")),
    "a look-up": looked_up,
}


@pytest.mark.parametrize("belief", BELIEFS)
@pytest.mark.parametrize("work", WORK)
def test_no_plan_on_the_way_of_a_till_reads_more_than_is_asked_for(
    committed: Any, work: str, belief: str
):
    item()
    node()
    outcomes(event("receipt.recorded", 100))
    with CaptureQueriesContext(connection) as ran:
        WORK[work]()
    asked = {one["sql"] for one in ran.captured_queries if is_prepared(one["sql"])}
    believe(committed.schema_name, *BELIEFS[belief])

    if work == "a look-up":
        with on_shared_session():
            found = read_at_large(asked)
    else:
        found = in_one_transaction(lambda: read_at_large(asked))

    assert len(asked) >= 2
    assert found == []


def is_prepared(statement: str) -> bool:
    """Whether the session keeps a plan of a statement; what Django runs shows its values."""
    return "%s" in statement or "%(" in statement


def believe(schema: str, rows: int, pages: int) -> None:
    """Have PostgreSQL think that of every table of a tenant, as after a count at another time."""
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as session:
        session.execute(
            "UPDATE pg_class SET reltuples = %s, relpages = %s"
            " WHERE relnamespace = %s::regnamespace AND relkind = 'r'",
            [rows, pages, schema],
        )


def read_at_large(statements: Collection[str]) -> list[str]:
    """The tables of which the plans of statements read every row, or more rows than were asked for:
    those of a whole node, say, to find an item's.
    """
    found = []
    for statement in statements:
        text, _ = positional(statement)
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {text.decode()}")
            ((plan,),) = cursor.fetchall()
        found += [
            f"{node['Node Type']} of {node['Relation Name']}: {statement.strip()[:60]}"
            for node in nodes_of(plan[0]["Plan"])
            if node["Node Type"].endswith("Scan")
            and "Relation Name" in node
            and (
                not ("Index Cond" in node or "Recheck Cond" in node)
                or "_id = " in node.get("Filter", "")
            )
        ]
    return found


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's node and those below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes_of(below)
