"""Statements that travel together: their order, their failures, and a session that dies."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import psycopg
import pytest
from django.db import DataError, OperationalError, connection, transaction

from inventory_control.catalog.models import Node
from inventory_control.core.sql import hot, hot_later, hot_write, pipelined

MOMENT = datetime(2026, 11, 1, 10, 30, tzinfo=UTC)


def add_node(code: str) -> None:
    """Queue a node, through columns the model knows."""
    node = Node(code=code, name=code)
    fields = [field for field in Node._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(field.column for field in fields)
    types = ", ".join(f"%s::{field.db_type(connection).split(' ')[0]}" for field in fields)
    saved = [field.get_db_prep_save(getattr(node, field.attname), connection) for field in fields]
    values = ["{}" if value == [] else value for value in saved]
    hot_write(f"INSERT INTO catalog_node ({columns}) VALUES ({types})", values)


def codes() -> list[str]:
    """The nodes there are, asked through Django."""
    return list(Node.objects.order_by("code").values_list("code", flat=True))


def test_values_come_back_as_what_they_are(committed):
    ((row),) = hot(
        "SELECT %s::bigint, %s::text, %s::timestamptz, %s::bytea, %s::numeric, %s::bool,"
        " %s::text, %s::text[]",
        [7, "caf\u00e9", MOMENT, b"\x00\xff", Decimal("1.50"), True, None, '{"a,b",NULL}'],
    )

    assert row == (7, "caf\u00e9", MOMENT, b"\x00\xff", Decimal("1.50"), True, None, ["a,b", None])


def test_what_is_queued_goes_before_a_cursor_of_django(committed):
    with transaction.atomic(), pipelined():
        add_node("N1")
        later = hot_later("SELECT count(*) FROM catalog_node", [])
        add_node("N2")
        assert codes() == ["N1", "N2"]
        assert later.rows() == [(1,)]

    assert codes() == ["N1", "N2"]


def test_the_commit_goes_with_the_last_statement(committed):
    superuser = os.environ["DATABASE_SUPERUSER_URL"]
    with transaction.atomic(), pipelined(commits=True):
        add_node("N1")

    with psycopg.connect(superuser) as other:
        told = other.execute("SELECT code FROM tenant_alder.catalog_node").fetchall()
    assert told == [("N1",)]
    assert connection.get_autocommit()


def test_behind_a_failure_nothing_runs_and_the_session_goes_on(committed):
    divide = "SELECT 1 / %s::int"

    def act() -> None:
        with transaction.atomic(), pipelined():
            add_node("N1")
            hot_write(divide, [0])
            add_node("N2")

    with pytest.raises(DataError, match="division by zero"):
        act()
    assert codes() == []
    assert hot(divide, [1]) == [(1,)]
    with transaction.atomic(), pipelined():
        add_node("N3")
    assert codes() == ["N3"]


def test_a_text_is_whole_or_refused(committed):
    with pytest.raises(DataError, match="NUL"):
        hot("SELECT %s::text", ["cut\0off"])
    assert hot("SELECT %s::int", [4]) == [(4,)]


def test_a_statement_that_cannot_be_prepared_is_not_remembered(committed):
    for _ in range(2):
        with pytest.raises(Exception, match="no_such_table"):
            hot("SELECT * FROM no_such_table WHERE 1 = %s::int", [1])
    assert hot("SELECT %s::int", [4]) == [(4,)]


def test_a_session_that_dies_in_flight_is_an_error_and_the_next_one_works(committed):
    def act() -> None:
        with transaction.atomic(), pipelined():
            add_node("N1")
            ((pid,),) = hot("SELECT pg_backend_pid()", [])
            with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"]) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            add_node("N2")
            hot("SELECT 1", [])

    with pytest.raises(OperationalError):
        act()
    assert codes() == []
    with transaction.atomic(), pipelined():
        add_node("N2")
    assert codes() == ["N2"]


def test_moments_come_back_in_utc_whatever_zone_they_were_written_in(tenant):
    ((at, nothing),) = hot("SELECT timestamptz '2026-01-01 10:00:00.5+02', NULL::timestamptz", [])

    assert (at, nothing) == (datetime(2026, 1, 1, 8, 0, 0, 500_000, tzinfo=UTC), None)
    assert at.isoformat() == "2026-01-01T08:00:00.500000+00:00"
    assert msgspec.json.encode(at) == b'"2026-01-01T08:00:00.500000Z"'
