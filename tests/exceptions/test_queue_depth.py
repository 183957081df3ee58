"""A page deep in a long queue reads as little of the database as the first one."""

from __future__ import annotations

import json
import os
import re

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from psycopg import sql

from exceptions.selectors import exception_queue
from exceptions.values import QueueFilters
from inventory_control.core.tenancy import TenantRef

PAGE = 40
INDEX_OF_ORDER = {"urgency": "case_queue", "money": "case_by_money"}


@pytest.mark.req("EXC-01")
def test_page_one_thousand_of_fifty_thousand_cases_costs_what_page_one_does(committed, fill):
    fill(50_000)
    _analyze(committed)

    for order, index in INDEX_OF_ORDER.items():
        filters = QueueFilters(order=order)
        deep = exception_queue(filters, limit=999 * PAGE).next_after

        assert len(exception_queue(filters, deep, PAGE).cases) == PAGE
        assert _reads(filters, "", index) <= PAGE * 6
        assert _reads(filters, deep, index) <= PAGE * 6


def _reads(filters: QueueFilters, after: str, index: str) -> int:
    """Database pages one page of the queue reads; its plan walks the index of its order."""
    with CaptureQueriesContext(connection) as queries:
        exception_queue(filters, after, PAGE)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {queries[0]['sql']}")
        (answer,) = cursor.fetchone()
    plan = answer if isinstance(answer, str) else json.dumps(answer)
    assert f'"{index}"' in plan
    return sum(
        int(blocks) for blocks in re.findall(r'"Shared (?:Hit|Read) Blocks": (\d+)', plan)[:2]
    )


def _analyze(tenant: TenantRef) -> None:
    """Count the rows for the planner, as autovacuum does; only the owner of a table may."""
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as session:
        session.execute(
            sql.SQL("VACUUM ANALYZE {}").format(
                sql.Identifier(tenant.schema_name, "exceptions_exceptioncase")
            )
        )
