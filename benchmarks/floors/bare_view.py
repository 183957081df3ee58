"""Floor C: one bare WSGI view that posts one event, and null views for the routing floor.

msgspec decodes, one psycopg connection per thread runs the one-row posting statement over the same
tables as floor B. No Django, no authentication, no audit. `BENCH_URL` names the database.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import psycopg

POST = """
    WITH business AS (
        INSERT INTO floor_b.events_businesskey (key, event_id)
        VALUES (%(business_key)s, nextval('floor_b.event_id')) ON CONFLICT DO NOTHING
        RETURNING event_id
    ),
    source AS (
        INSERT INTO floor_b.events_sourcekey (source, source_id, event_id, content)
        SELECT 'till', %(source_id)s, event_id, %(content)s FROM business ON CONFLICT DO NOTHING
        RETURNING event_id
    ),
    event AS (
        INSERT INTO floor_b.events_inventoryevent (
            id, source, source_id, business_key, type, kind, schema_version, occurred_at,
            recorded_at, item_id, node_id, quantity, details, raw, received_from, correlation_id,
            flags
        )
        SELECT event_id, 'till', %(source_id)s, %(business_key)s, %(type)s, 'move', 1,
               %(occurred_at)s, %(now)s, %(item)s, 1, %(quantity)s, '{}', %(body)s, 'till',
               'bench', '{}'
          FROM source
    ),
    leg AS (
        INSERT INTO floor_b.stock_ledgerentry (
            posted_at, event_id, item_id, node_id, state, lot, quantity, cause, occurred_at
        )
        SELECT %(now)s, event_id, %(item)s, 1, state, '', sign * %(quantity)s, 'move',
               %(occurred_at)s
          FROM source, (VALUES ('sellable', -1), ('customer', 1)) AS side (state, sign)
    ),
    balance AS (
        INSERT INTO floor_b.stock_stockbalance AS mine (
            item_id, node_id, received, quarantined, sellable, refurbishable, damaged,
            vendor_return, in_transit, reserved, allocated, counts_pending, holds, changed_at
        )
        SELECT %(item)s, 1, 0, 0, -%(quantity)s, 0, 0, 0, 0, 0, 0, 0, 0, %(now)s FROM source
        ON CONFLICT (item_id, node_id) DO UPDATE SET
            sellable = mine.sellable + excluded.sellable, changed_at = excluded.changed_at
    )
    SELECT event_id FROM source
"""
RESERVE = """
    WITH taken AS (
        UPDATE floor_b.stock_stockbalance
           SET reserved = reserved + %(quantity)s, changed_at = %(now)s
         WHERE item_id = %(item)s AND node_id = 2 AND sellable - reserved >= %(quantity)s
        RETURNING item_id
    )
    INSERT INTO floor_b.stock_reservation (
        key, channel, committed, confirmed, shipped, released, prior_open, prior_assigned,
        changed_at, item_id, node_id
    )
    SELECT %(key)s, '', %(quantity)s, 0, 0, 0, 0, 0, %(now)s, item_id, 2 FROM taken
    RETURNING committed
"""
"""Floor of a reservation: the conditional update and the row that remembers it."""
IMPORT = """
    WITH line AS (
        SELECT * FROM unnest(%(keys)s::text[], %(items)s::bigint[], %(quantities)s::bigint[])
                   AS line (key, item_id, quantity)
    ),
    wanted AS (
        SELECT item_id, sum(quantity) AS quantity FROM line GROUP BY item_id
    ),
    locked AS (
        SELECT item_id, quantity FROM floor_b.stock_stockbalance AS b JOIN wanted USING (item_id)
         WHERE node_id = 2 ORDER BY item_id FOR UPDATE OF b
    ),
    taken AS (
        UPDATE floor_b.stock_stockbalance AS mine
           SET reserved = reserved + locked.quantity, changed_at = %(now)s
          FROM locked
         WHERE mine.item_id = locked.item_id AND node_id = 2
           AND sellable - reserved >= locked.quantity
        RETURNING mine.item_id
    )
    INSERT INTO floor_b.stock_reservation (
        key, channel, committed, confirmed, shipped, released, prior_open, prior_assigned,
        changed_at, item_id, node_id
    )
    SELECT key, '', quantity, 0, 0, 0, 0, 0, %(now)s, item_id, 2 FROM line
     WHERE (item_id IN (SELECT item_id FROM taken)) IS TRUE
    RETURNING key, committed
"""
"""Floor of an order import: all lines of an item in one conditional update, a row for each. The items
are locked in order first: two imports would deadlock otherwise."""
ONE = "SELECT id, sku, name FROM floor_b.item WHERE sku = %(item)s"
"""Floor of a look-up: one row found by an index."""
Start = Callable[[str, list[tuple[str, str]]], Any]


class Sale(msgspec.Struct):
    """What the view decodes."""

    type: str
    source_id: str
    business_key: str
    occurred_at: datetime
    item: str
    node: str
    quantity: int


class OrderLine(msgspec.Struct):
    """One line of what /reserve and /import decode."""

    order: str
    line: str
    item: str
    quantity: int


class Order(msgspec.Struct):
    """What /reserve and /import decode."""

    lines: list[OrderLine]


_decode = msgspec.json.Decoder(Sale).decode
_decode_order = msgspec.json.Decoder(Order).decode
_here = threading.local()


def application(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    """POST /post posts one event, POST /reserve promises one line, POST /import many; GET /null
    answers nothing, GET /one reads the indexed row of the item asked for.
    """
    path = environ["PATH_INFO"]
    if path == "/null":
        body = b"{}"
    elif path == "/one":
        asked = dict(parse_qsl(environ["QUERY_STRING"]))
        row = _session().execute(ONE, asked).fetchone()
        body = msgspec.json.encode(row)
    else:
        asked = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        body = _POSTED[path](asked)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


def _post(body: bytes) -> bytes:
    sale = _decode(body)
    row = (
        _session()
        .execute(
            POST,
            {
                "business_key": sale.business_key,
                "source_id": sale.source_id,
                "content": hashlib.sha256(body).digest(),
                "type": sale.type,
                "occurred_at": sale.occurred_at,
                "now": datetime.now(UTC),  # noqa: TID251 - a floor has no product time
                "item": int(sale.item[5:]),
                "quantity": sale.quantity,
                "body": body,
            },
        )
        .fetchone()
    )
    return msgspec.json.encode({"event_id": row and row[0]})


def _reserve(body: bytes) -> bytes:
    order = _decode_order(body)
    (line,) = order.lines
    row = (
        _session()
        .execute(
            RESERVE,
            {
                "key": f"{line.order}/{line.line}",
                "item": int(line.item[5:]),
                "quantity": line.quantity,
                "now": datetime.now(UTC),  # noqa: TID251 - a floor has no product time
            },
        )
        .fetchone()
    )
    return msgspec.json.encode({"granted": row and row[0]})


def _import(body: bytes) -> bytes:
    lines = _decode_order(body).lines
    rows = (
        _session()
        .execute(
            IMPORT,
            {
                "keys": [f"{line.order}/{line.line}" for line in lines],
                "items": [int(line.item[5:]) for line in lines],
                "quantities": [line.quantity for line in lines],
                "now": datetime.now(UTC),  # noqa: TID251 - a floor has no product time
            },
        )
        .fetchall()
    )
    return msgspec.json.encode({"granted": rows})


_POSTED = {"/post": _post, "/reserve": _reserve, "/import": _import}


def _session() -> psycopg.Connection:
    session: psycopg.Connection | None = getattr(_here, "session", None)
    if session is None:
        session = _here.session = psycopg.connect(os.environ["BENCH_URL"], autocommit=True)
    return session
