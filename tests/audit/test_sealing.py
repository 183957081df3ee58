"""Sealing and export: commit-safe order, proofs that hold, and a verifier that finds every lie."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from inventory_control.audit import verify
from inventory_control.audit.merkle import verify_inclusion
from inventory_control.audit.models import AuditEntry, AuditLeaf, TreeHead
from inventory_control.audit.selectors import (
    NotSealedError,
    proof_for,
    timeline_of,
    writes_counted,
)
from inventory_control.audit.services import record
from inventory_control.core.tenancy import current_tenant
from tenants import tasks
from tests.conftest import ROOT, SETTINGS_MODULE
from tests.factories import planner

SEALER = """
import json, sys, django
django.setup()
from pathlib import Path
from inventory_control.audit.services import export_log, seal
from inventory_control.core.tenancy import in_tenant
from tenants.selectors import tenant_labelled
with in_tenant(tenant_labelled(sys.argv[1])):
    print(seal() if len(sys.argv) == 2 else export_log(Path(sys.argv[2])))
"""


def until_quiet() -> None:
    """Wait until every transaction that runs by now has ended, whatever test it belongs to.

    Transactions are numbered for the whole server, and a log is sealed up to the oldest that runs.
    """
    patience = time.monotonic() + 120
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as session:
        ((mine,),) = session.execute("SELECT pg_current_xact_id()::text").fetchall()
        while True:
            asked = "SELECT pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8"
            if session.execute(asked, [mine]).fetchone() == (True,):
                return
            assert time.monotonic() < patience
            time.sleep(0.05)


def as_sealer(*arguments: str) -> int:
    """Run seal or export in a process of its own with the sealer's login."""
    done = subprocess.run(
        [sys.executable, "-c", SEALER, *arguments],
        cwd=ROOT,
        env={**os.environ, "IC_LOGIN": "sealer", "DJANGO_SETTINGS_MODULE": SETTINGS_MODULE},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def write(number: int) -> None:
    """One entry about thing `number`."""
    record(
        "thing.changed",
        subject=("thing", str(number)),
        by=planner(),
        data={"n": number, "share": 0.05, "big": 2**60},
    )


@pytest.mark.req("GOV-01")
def test_entries_are_sealed_in_order_and_each_has_a_proof(committed):
    for number in range(7):
        write(number)
    until_quiet()

    with pytest.raises(NotSealedError):
        proof_for(AuditEntry.objects.earliest("id").pk)
    assert as_sealer("alder") == 7
    assert as_sealer("alder") == 0

    assert [leaf.number for leaf in AuditLeaf.objects.order_by("entry_id")] == list(range(7))
    assert TreeHead.objects.get().size == 7
    for entry in AuditEntry.objects.all():
        proof = proof_for(entry.pk)
        verify_inclusion(
            index=proof.number,
            size=proof.head.size,
            leaf=bytes.fromhex(proof.leaf),
            path=[bytes.fromhex(one) for one in proof.path],
            root=bytes.fromhex(proof.head.root),
        )
    (told,) = timeline_of(("thing", "3"))
    assert (told.is_sealed, told.data) == (True, {"n": 3, "share": "0.05", "big": str(2**60)})


@pytest.mark.req("GOV-01")
def test_an_entry_of_an_open_transaction_holds_back_only_what_came_after_it(committed):
    write(1)
    until_quiet()
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"]) as other:
        other.execute(
            f"INSERT INTO {committed.audit_schema}.entry (at, actor_kind, actor_id, actor_name,"
            " verb, subject_kind, subject_id, correlation_id, data)"
            " VALUES (clock_timestamp(), 'system', 'x', 'x', 'a.b', 'thing', '2', 'c', '{}')"
        )
        write(3)
        assert as_sealer("alder") == 1
        other.commit()

    until_quiet()
    assert as_sealer("alder") == 2
    order = AuditLeaf.objects.order_by("number").values_list("entry__subject_id", flat=True)
    assert list(order) == ["1", "2", "3"]


@pytest.mark.req("GOV-02")
def test_the_export_verifies_offline_and_an_altered_row_is_named(committed, tmp_path: Path):
    for number in range(20):
        write(number)

    until_quiet()
    assert as_sealer("alder", str(tmp_path)) == 20
    assert verify.verify_export(tmp_path)["entries"] == 20
    alone = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "verify.py"), str(tmp_path)],
        cwd="/",
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(alone.stdout.splitlines()[-1])["ok"] is True

    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute(
            f"""UPDATE {committed.audit_schema}.entry SET data = '{{"n": 99}}'
                 WHERE subject_id = '13'"""
        )
    as_sealer("alder", str(tmp_path))
    with pytest.raises(verify.VerificationError) as found:
        verify.verify_export(tmp_path)
    assert found.value.leaf == 13


@pytest.mark.req("GOV-01")
def test_an_empty_log_exports_with_a_signed_head_of_size_zero(committed, tmp_path: Path):
    assert as_sealer("alder", str(tmp_path)) == 0

    assert verify.verify_export(tmp_path)["entries"] == 0


@pytest.mark.req("GOV-01", "LED-01")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {a}.entry SET verb = 'x'",
        "DELETE FROM {a}.entry",
        "TRUNCATE {a}.entry",
        "INSERT INTO {a}.leaf VALUES (0, 1, '1', '')",
        "INSERT INTO {a}.entry (id, at, actor_kind, actor_id, actor_name, verb, subject_kind,"
        " subject_id, correlation_id, data) OVERRIDING SYSTEM VALUE"
        " VALUES (1, clock_timestamp(), '', '', '', '', '', '', '', '{{}}')",
        "DROP TABLE {a}.entry",
        "ALTER TABLE {a}.entry DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "UPDATE {t}.stock_ledgerentry SET quantity = 0",
        "DELETE FROM {t}.stock_ledgerentry",
        "TRUNCATE {t}.stock_ledgerentry",
        "ALTER TABLE {t}.stock_ledgerentry DETACH PARTITION {t}.stock_ledgerentry_default",
        "UPDATE {t}.stock_ledgerentry_default SET quantity = 0",
    ],
)
def test_the_running_application_cannot_rewrite_its_books(tenant, statement: str):
    from django.db import DatabaseError, connection, transaction

    text = statement.format(a=tenant.audit_schema, t=tenant.schema_name)
    with (
        pytest.raises(DatabaseError) as refused,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(text)
    assert refused.value.__cause__.sqlstate in {"42501", "428C9"}


@pytest.mark.req("GOV-01")
def test_a_log_that_was_still_is_left_alone_until_it_is_written_to_or_a_full_round(
    committed, tenant_b, monkeypatch
):
    visited: list[str] = []
    monkeypatch.setattr(tasks, "_still", {})
    monkeypatch.setattr(tasks, "seal", lambda: visited.append(current_tenant().label) or 0)

    def round_of(number: int) -> list[str]:
        visited.clear()
        monkeypatch.setattr(tasks, "_rounds", itertools.count(number))
        tasks.seal_logs()
        return list(visited)

    both = sorted([committed.label, tenant_b.label])
    counted_still()
    assert round_of(1) == both
    assert round_of(2) == []
    write(1)
    counted_still()
    assert round_of(3) == [committed.label]
    assert round_of(4) == []
    assert round_of(tasks.FULL_ROUND_EVERY) == both


@pytest.mark.req("GOV-01")
def test_a_log_that_had_entries_to_seal_is_looked_at_again(committed, tenant_b, monkeypatch):
    visited: list[str] = []
    monkeypatch.setattr(tasks, "_still", {})
    monkeypatch.setattr(tasks, "_rounds", itertools.count(1))
    monkeypatch.setattr(tasks, "seal", lambda: visited.append(current_tenant().label) or 1)
    counted_still()

    tasks.seal_logs()
    tasks.seal_logs()

    assert visited == sorted([committed.label, tenant_b.label]) * 2


def counted_still() -> None:
    """Have the server count what was written by now, and wait until its counts rest."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
    before, patience = None, time.monotonic() + 30
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
        counts = writes_counted()
        if counts == before:
            return
        assert time.monotonic() < patience
        before = counts
        time.sleep(0.2)
