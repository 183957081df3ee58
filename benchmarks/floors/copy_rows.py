"""Floor B: COPY of the very rows the product keeps, two clients; no audit, ATS or HTTP.

The tables are copies of a tenant's own, with every index and constraint: event with payload, both
keys, two ledger legs, the balance. Whatever the product adds on top is its own cost.
"""

from __future__ import annotations

import hashlib
import threading
from itertools import count

import psycopg
from psycopg import sql

from benchmarks.floors.copy_entries import timed
from benchmarks.floors.facts import ITEMS, START, Fact

TABLES = (
    "events_inventoryevent",
    "events_sourcekey",
    "events_businesskey",
    "stock_ledgerentry",
    "stock_stockbalance",
)
EVENT = """
    COPY floor_b.events_inventoryevent (
        id, source, source_id, business_key, type, kind, schema_version, occurred_at, recorded_at,
        item_id, node_id, quantity, details, raw, received_from, correlation_id, flags
    ) FROM STDIN (FORMAT BINARY)
"""
EVENT_TYPES = [
    "int8", "text", "text", "text", "text", "text", "int2", "timestamptz", "timestamptz", "int8",
    "int8", "int8", "jsonb", "bytea", "text", "text", "text[]",
]  # fmt: skip
LEG = """
    COPY floor_b.stock_ledgerentry (
        posted_at, event_id, item_id, node_id, state, lot, quantity, cause, occurred_at
    ) FROM STDIN (FORMAT BINARY)
"""
LEG_TYPES = [
    "timestamptz", "int8", "int8", "int8", "text", "text", "int8", "text", "timestamptz",
]  # fmt: skip
BALANCE = """
    INSERT INTO floor_b.stock_stockbalance AS mine (
        item_id, node_id, received, quarantined, sellable, refurbishable, damaged, vendor_return,
        in_transit, reserved, allocated, counts_pending, holds, changed_at
    )
    SELECT item_id, 1, 0, 0, sum(quantity), 0, 0, 0, 0, 0, 0, 0, 0, %s
      FROM unnest(%s::bigint[], %s::bigint[]) AS leg (item_id, quantity)
     GROUP BY item_id ORDER BY item_id
    ON CONFLICT (item_id, node_id) DO UPDATE SET
        sellable = mine.sellable + excluded.sellable, changed_at = excluded.changed_at
"""


def prepare(superuser_url: str, tenant_schema: str) -> None:
    """Copy the shape of a tenant's tables, with their indexes, into the floor's schema."""
    with psycopg.connect(superuser_url, autocommit=True) as session:
        session.execute("DROP SCHEMA IF EXISTS floor_b CASCADE; CREATE SCHEMA floor_b")
        session.execute("CREATE SEQUENCE floor_b.ledger_id")
        for table in TABLES:
            partition = sql.SQL(" PARTITION BY RANGE (posted_at)")
            is_ledger = table == "stock_ledgerentry"
            session.execute(
                sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL){}").format(
                    sql.Identifier("floor_b", table),
                    sql.Identifier(tenant_schema, table),
                    partition if is_ledger else sql.SQL(""),
                )
            )
        session.execute(
            """
            CREATE TABLE floor_b.ledger_default PARTITION OF floor_b.stock_ledgerentry DEFAULT;
            ALTER TABLE floor_b.stock_ledgerentry
                ALTER COLUMN id SET DEFAULT nextval('floor_b.ledger_id')
            """
        )


def run(superuser_url: str, clients: list[list[list[Fact]]], *, first_id: int) -> float:
    """COPY each client's batches, a transaction each; events per second over all clients."""
    gate = threading.Barrier(len(clients) + 1)
    ids = count(first_id)
    lock = threading.Lock()

    def work(mine: list[list[Fact]]) -> None:
        with psycopg.connect(superuser_url) as session, session.cursor() as cursor:
            gate.wait()
            for batch in mine:
                with lock:
                    numbered = [(next(ids), fact) for fact in batch]
                _copy(cursor, numbered)
                session.commit()

    return timed(clients, work, gate)


def _copy(cursor: psycopg.Cursor, numbered: list[tuple[int, Fact]]) -> None:
    """The rows of one batch: keys in order, events, legs, balance."""
    with cursor.copy(
        "COPY floor_b.events_businesskey (key, event_id) FROM STDIN (FORMAT BINARY)"
    ) as copy:
        copy.set_types(["text", "int8"])
        for number, fact in sorted(numbered, key=lambda one: one[1].business_key):
            copy.write_row((fact.business_key, number))
    with cursor.copy(
        "COPY floor_b.events_sourcekey (source, source_id, event_id, content)"
        " FROM STDIN (FORMAT BINARY)"
    ) as copy:
        copy.set_types(["text", "text", "int8", "bytea"])
        for number, fact in numbered:
            content = hashlib.sha256(fact.body).digest()
            copy.write_row(("till", fact.source_id, number, content))
    with cursor.copy(EVENT) as copy:
        copy.set_types(EVENT_TYPES)
        for number, fact in numbered:
            copy.write_row(
                (
                    number, "till", fact.source_id, fact.business_key, "sale.recorded", "move", 1,
                    fact.occurred_at, START, fact.item, 1, fact.quantity,
                    f'{{"business_key":"{fact.business_key}"}}', fact.body, "till", "bench", [],
                )
            )  # fmt: skip
    with cursor.copy(LEG) as copy:
        copy.set_types(LEG_TYPES)
        for number, fact in numbered:
            at, item = fact.occurred_at, fact.item
            copy.write_row((START, number, item, 1, "sellable", "", -fact.quantity, "move", at))
            copy.write_row((START, number, item, 1, "customer", "", fact.quantity, "move", at))
    cursor.execute(
        BALANCE,
        [
            START,
            [fact.item for _, fact in numbered],
            [-fact.quantity for _, fact in numbered],
        ],
    )


def prepare_single(superuser_url: str, tenant_schema: str) -> None:
    """What the bare view needs besides: ids of its own, one row to read, stock to promise."""
    with psycopg.connect(superuser_url, autocommit=True) as session:
        session.execute(
            """
            CREATE SEQUENCE IF NOT EXISTS floor_b.event_id START 900000000;
            CREATE TABLE IF NOT EXISTS floor_b.item (
                id bigint PRIMARY KEY, sku text UNIQUE, name text
            );
            INSERT INTO floor_b.item
            SELECT n, 'ITEM-' || lpad(n::text, 5, '0'), 'Item' FROM generate_series(0, 1999) AS n
            ON CONFLICT DO NOTHING
            """
        )
        session.execute(
            sql.SQL("CREATE TABLE floor_b.stock_reservation (LIKE {} INCLUDING ALL)").format(
                sql.Identifier(tenant_schema, "stock_reservation")
            )
        )
        session.execute(
            """
            INSERT INTO floor_b.stock_stockbalance (
                item_id, node_id, received, quarantined, sellable, refurbishable, damaged,
                vendor_return, in_transit, reserved, allocated, counts_pending, holds, changed_at
            )
            SELECT item, 2, 0, 0, 10000000, 0, 0, 0, 0, 0, 0, 0, 0, now()
              FROM generate_series(0, %s - 1) AS item
            """,
            [ITEMS],
        )
