"""Floor A: single-entry posting by COPY, batches of 1,000, two clients; what PostgreSQL can do.

Per batch and transaction: binary COPY into a temporary table, the dedupe key, the entry, and the
balance aggregated and upserted in order of item.
"""

from __future__ import annotations

import threading
import time

import psycopg

from benchmarks.floors.facts import Fact

SCHEMA = """
    DROP SCHEMA IF EXISTS floor_a CASCADE;
    CREATE SCHEMA floor_a;
    CREATE TABLE floor_a.key (key text PRIMARY KEY);
    CREATE TABLE floor_a.entry (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL,
        item_id bigint NOT NULL, quantity bigint NOT NULL, occurred_at timestamptz NOT NULL
    );
    CREATE INDEX ON floor_a.entry (item_id, occurred_at);
    CREATE TABLE floor_a.balance (item_id bigint PRIMARY KEY, quantity bigint NOT NULL);
"""
STAGE = """
    CREATE TEMPORARY TABLE stage (
        key text NOT NULL, item_id bigint NOT NULL, quantity bigint NOT NULL,
        occurred_at timestamptz NOT NULL
    ) ON COMMIT DELETE ROWS
"""
POST = """
    WITH fresh AS (
        INSERT INTO floor_a.key SELECT key FROM stage ORDER BY key
        ON CONFLICT DO NOTHING RETURNING key
    ),
    posted AS (
        INSERT INTO floor_a.entry (key, item_id, quantity, occurred_at)
        SELECT key, item_id, quantity, occurred_at FROM stage JOIN fresh USING (key)
        RETURNING item_id, quantity
    )
    INSERT INTO floor_a.balance AS mine (item_id, quantity)
    SELECT item_id, sum(quantity) FROM posted GROUP BY item_id ORDER BY item_id
    ON CONFLICT (item_id) DO UPDATE SET quantity = mine.quantity + excluded.quantity
"""


def prepare(superuser_url: str) -> None:
    """Make the floor's tables anew."""
    with psycopg.connect(superuser_url, autocommit=True) as session:
        session.execute(SCHEMA)


def run(superuser_url: str, clients: list[list[list[Fact]]]) -> float:
    """Post each client's batches in its own thread and session; events per second over all."""
    gate = threading.Barrier(len(clients) + 1)

    def work(mine: list[list[Fact]]) -> None:
        with psycopg.connect(superuser_url) as session:
            session.execute(STAGE)
            session.commit()
            gate.wait()
            for batch in mine:
                with (
                    session.cursor() as cursor,
                    cursor.copy("COPY stage FROM STDIN (FORMAT BINARY)") as copy,
                ):
                    copy.set_types(["text", "int8", "int8", "timestamptz"])
                    for fact in batch:
                        copy.write_row(
                            (fact.business_key, fact.item, -fact.quantity, fact.occurred_at)
                        )
                session.execute(POST)
                session.commit()

    return timed(clients, work, gate)


def timed(clients: list[list[list[Fact]]], work: object, gate: threading.Barrier) -> float:
    """Start the clients together and time until the last is done."""
    threads = [threading.Thread(target=work, args=(mine,)) for mine in clients]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    gate.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    return sum(len(batch) for mine in clients for batch in mine) / seconds
