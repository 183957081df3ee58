"""Test A3: every role against every forbidden attempt on the audit log and the ledger."""

from __future__ import annotations

import os
from typing import Any

import psycopg
import pytest
from psycopg import sql

AUDIT = {
    "update": "UPDATE {a}.entry SET verb = 'x'",
    "update nothing": "UPDATE {a}.entry SET verb = 'x' WHERE false",
    "delete": "DELETE FROM {a}.entry",
    "truncate": "TRUNCATE {a}.entry",
    "drop": "DROP TABLE {a}.entry CASCADE",
    "drop schema": "DROP SCHEMA {a} CASCADE",
    "disable trigger": "ALTER TABLE {a}.entry DISABLE TRIGGER ALL",
    "drop trigger": "DROP TRIGGER append_only ON {a}.entry",
    "add column": "ALTER TABLE {a}.entry ADD COLUMN x text",
    "change owner": "ALTER TABLE {a}.entry OWNER TO CURRENT_USER",
    "replication role": "SET session_replication_role = replica",
    "upsert": "INSERT INTO {a}.head (size, root, frontier, signed_at, key_id, signature)"
    " VALUES (0, decode(repeat('00', 32), 'hex'), '', clock_timestamp(), '', '')"
    " ON CONFLICT (size) DO UPDATE SET key_id = 'x'",
    "copy": "COPY {a}.entry FROM PROGRAM 'echo'",
    "replace function": "CREATE OR REPLACE FUNCTION ic_sys.refuse_change() RETURNS trigger"
    " LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "become the log's owner": "SET ROLE ic_audit",
    "forge the number": "INSERT INTO {a}.entry (id, at, actor_kind, actor_id, actor_name, verb,"
    " subject_kind, subject_id, correlation_id, data) OVERRIDING SYSTEM VALUE VALUES"
    " (1, clock_timestamp(), '', '', '', '', '', '', '', '{{}}')",
}
LEDGER = {
    "ledger update": "UPDATE {t}.stock_ledgerentry SET quantity = 0",
    "ledger partition update": "UPDATE {t}.stock_ledgerentry_default SET quantity = 0",
    "ledger delete": "DELETE FROM {t}.stock_ledgerentry",
    "ledger truncate": "TRUNCATE {t}.stock_ledgerentry",
    "ledger detach": "ALTER TABLE {t}.stock_ledgerentry DETACH PARTITION {t}.stock_ledgerentry_default",
    "ledger drop": "DROP TABLE {t}.stock_ledgerentry",
    "become the owner": "SET ROLE ic_owner",
}
SEALING = {
    "seal": "INSERT INTO {a}.leaf (number, entry_id, tx, hash)"
    " VALUES (0, 1, '1', decode(repeat('00', 32), 'hex'))",
}
ROLES = {
    "application": ("DATABASE_URL", "t"),
    "application, no tenant": ("DATABASE_URL", ""),
    "advice": ("DATABASE_AI_URL", "a"),
    "advice, no tenant": ("DATABASE_AI_URL", ""),
    "sealer": ("DATABASE_SEALER_URL", ""),
    "provisioner": ("DATABASE_OWNER_URL", ""),
    "owner of the tables": ("DATABASE_OWNER_URL", "ic_owner"),
}
RUN_TIME = ("application", "application, no tenant", "advice", "advice, no tenant", "sealer")
REFUSED = frozenset({"42501", "428C9", "42P01", "3F000"})


def attempts() -> list[tuple[str, str, str]]:
    """Role, name of the attempt, statement."""
    rows = [(role, name, text) for role in ROLES for name, text in AUDIT.items()]
    rows += [(role, name, text) for role in RUN_TIME for name, text in LEDGER.items()]
    rows += [
        (role, name, text) for role in ROLES if role != "sealer" for name, text in SEALING.items()
    ]
    return rows


@pytest.mark.req("GOV-01", "LED-01")
@pytest.mark.parametrize(
    ("role", "name", "text"), attempts(), ids=[f"{role}: {name}" for role, name, _ in attempts()]
)
def test_the_attempt_is_refused(tenant_a: Any, role: str, name: str, text: str):
    variable, prefix = ROLES[role]
    with psycopg.connect(os.environ[variable]) as session:
        if prefix in {"t", "a"}:
            oid = session.execute(
                "SELECT oid FROM pg_database WHERE datname = current_database()"
            ).fetchone()[0]
            chosen = tenant_a.role("app" if prefix == "t" else "ai", oid)
            session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(chosen)))
        elif prefix:
            session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(prefix)))
        with pytest.raises(psycopg.Error) as refused:
            session.execute(text.format(a=tenant_a.audit_schema, t=tenant_a.schema_name))

    assert refused.value.sqlstate in REFUSED
