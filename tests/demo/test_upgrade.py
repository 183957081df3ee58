"""A newer checkout goes on with the tables of an older one."""

from __future__ import annotations

import os
from typing import Any

import psycopg
import pytest
from psycopg import sql

from inventory_control.demo.running import UPGRADE, run_command
from tests.conftest import SETTINGS_MODULE

MIGRATION = ("stock", "0009_probe_either_way")
INDEXES = """
    SELECT indexname FROM pg_indexes
     WHERE schemaname = %s AND tablename = 'stock_stockbalance' ORDER BY indexname
"""


@pytest.fixture
def older(house: Any) -> str:
    """The schema of a tenant as the release before `MIGRATION` left it."""
    schema: str = house[0].schema_name
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as session:
        session.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
        session.execute("DELETE FROM django_migrations WHERE (app, name) = (%s, %s)", MIGRATION)
        session.execute("DROP INDEX balance_of_node")
        session.execute(
            "CREATE INDEX stock_stockbalance_node_id_a08df98d ON stock_stockbalance (node_id)"
        )
    return schema


def indexes_of(schema: str) -> list[str]:
    """The indexes of a tenant's balances."""
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"]) as session:
        return [name for (name,) in session.execute(INDEXES, [schema])]


def test_a_tenant_of_an_earlier_release_is_brought_to_this_one(older: str):
    before = indexes_of(older)
    owner = {**os.environ, "IC_LOGIN": "owner", "DJANGO_SETTINGS_MODULE": SETTINGS_MODULE}
    run_command(UPGRADE, owner)
    upgraded = indexes_of(older)
    run_command(UPGRADE, owner)

    assert before == ["stock_stockbalance_node_id_a08df98d", "stock_stockbalance_pkey"]
    assert upgraded == ["balance_of_node", "stock_stockbalance_pkey"]
    assert indexes_of(older) == upgraded
