"""How the log is searched: on a log of some length no filter reads the whole table."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from psycopg import sql

from inventory_control.events.selectors import event_search
from inventory_control.events.values import EventFilters
from tests.factories import event, hour, item, node, outcomes

SEARCHES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"item": "SOCK"}, "event_of_item"),
    ({"item": "SOCK", "since": hour(0), "until": hour(24)}, "event_of_item"),
    ({"order": "O50"}, "event_of_order"),
    ({"document": "PO-1"}, "event_of_document"),
    ({"correlation_id": "cause-7"}, "event_summary"),
    ({"node": "S2"}, "event_summary|event_of_item"),
    ({"type": "damage.recorded"}, "event_summary|event_of_message"),
    ({"source": "erp"}, "event_summary"),
    ({"received_from": "erp"}, "event_summary"),
    ({"since": hour(-240), "until": hour(-216)}, "event_summary"),
    ({"type": "sale.recorded", "since": hour(-240), "until": hour(-216)}, "event_summary"),
    ({"learnt_since": hour(-240), "learnt_until": hour(-216)}, "event_of_day"),
    ({"type": "sale.recorded"}, "events_inventoryevent_pkey"),
    ({}, "events_inventoryevent_pkey"),
)
"""What is asked, and the index that must answer it; what is rare is cheap by either of two."""


@pytest.fixture
def long_log(committed: Any) -> None:
    """Sixty thousand older events: a cause for each hundred, one order in fifty, few of ERP."""
    item()
    node()
    node("S2")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO events_inventoryevent (
                source, source_id, type, kind, schema_version, occurred_at, recorded_at, item_id,
                node_id, quantity, details, raw, received_from, correlation_id, flags
            )
            SELECT CASE WHEN is_rare THEN 'erp' ELSE 'pos' END, 'n' || n,
                   CASE WHEN is_rare THEN 'damage.recorded' ELSE 'sale.recorded' END, 'move', 1,
                   %s + n * interval '2 minutes', %s + n * interval '2 minutes',
                   1000000 + n %% 300, (SELECT id FROM catalog_node WHERE code = 'S1'), 1,
                   CASE WHEN n %% 50 = 0 THEN jsonb_build_object('order', 'O' || n)
                        ELSE '{}'::jsonb END,
                   convert_to(repeat('x', 300), 'utf8'),
                   CASE WHEN is_rare THEN 'erp' ELSE 'pos' END, 'cause-' || n / 100, '{}'
              FROM generate_series(1, 60000) AS n,
                   LATERAL (SELECT n BETWEEN 9000 AND 9005 AS is_rare) AS rare
            """,
            [hour(0) - timedelta(days=90)] * 2,
        )
    outcomes(
        event("receipt.recorded", 9, document="PO-1"),
        event("pick.failed", 1, node="S2"),
    )
    table = sql.Identifier(committed.schema_name, "events_inventoryevent")
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as session:
        session.execute(sql.SQL("VACUUM ANALYZE {}").format(table))


@pytest.mark.req("EVT-27")
def test_no_filter_reads_the_whole_log(long_log: None):
    plans = {}
    for asked, index in SEARCHES:
        with CaptureQueriesContext(connection) as ran:
            event_search(EventFilters(**asked))
        plan = _plan(ran.captured_queries[-1]["sql"])
        plans[str(asked)] = (
            any(one in plan for one in index.split("|")),
            "Seq Scan on events_inventoryevent" in plan,
            plan,
        )

    wrong = {
        asked: plan
        for asked, (is_served, is_read, plan) in plans.items()
        if is_read or not is_served
    }
    assert wrong == {}


def _plan(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + statement)
        return "\n".join(line for (line,) in cursor.fetchall())
