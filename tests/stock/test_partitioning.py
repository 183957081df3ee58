"""A ledger that has grown is split by date; nobody notices but the planner of queries."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection, connections, transaction
from django.db.utils import ProgrammingError

from inventory_control.core.tenancy import in_tenant
from inventory_control.provisioning import provision
from inventory_control.stock.models import LedgerEntry, StockBalance
from inventory_control.stock.selectors import ledger_of, position_as_of
from inventory_control.stock.services import rebuild_balances, split_ledger
from tenants.models import Partner
from tenants.services import create_tenant
from tests.factories import SYSTEM, event, hour, item, node, outcomes


@pytest.fixture
def young(house, django_db_blocker):
    """A tenant of its own, because a split cannot be rolled back without locking everybody."""
    from inventory_control.core.tenancy import in_public

    with django_db_blocker.unblock():
        with in_public():
            label = f"p{datetime.now(UTC):%H%M%S%f}"
            row = create_tenant(
                partner=Partner.objects.get(),
                name=label,
                label=label,
                domain=f"{label}.localhost",
                seed="#7a2e2e",
                is_sandbox=False,
            )
        ref = provision(row)
        with in_tenant(ref):
            yield ref
        connections.close_all()


def know_rows(tenant) -> None:
    """Have the server count the rows of the tables now, as it does by itself every minute."""
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as session:
        session.execute(f"ANALYZE {tenant.schema_name}.stock_ledgerentry_default")
        session.execute("SELECT pg_stat_force_next_flush()")


def parts(tenant) -> list[str]:
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"]) as session:
        rows = session.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            [f"{tenant.schema_name}.stock_ledgerentry"],
        ).fetchall()
    return sorted(name.rpartition(".")[2] for (name,) in rows)


@pytest.mark.req("LED-01", "LED-04", "LED-22")
def test_a_ledger_past_its_limit_is_split_and_reads_as_before(young):
    made = item()
    place = node()
    outcomes(*[event("receipt.recorded", 1, occurred_at=hour(n)) for n in range(30)])
    know_rows(young)
    assert split_ledger(by=SYSTEM, most=60) is False
    assert split_ledger(by=SYSTEM, most=59) is True

    assert parts(young) == ["stock_ledgerentry_1", "stock_ledgerentry_default"]
    outcomes(*[event("sale.recorded", 1, occurred_at=hour(40 + n)) for n in range(10)])
    know_rows(young)
    assert split_ledger(by=SYSTEM, most=19) is True

    assert parts(young) == [
        "stock_ledgerentry_1",
        "stock_ledgerentry_2",
        "stock_ledgerentry_default",
    ]
    outcomes(event("sale.recorded", 5, occurred_at=hour(55)))
    assert StockBalance.objects.get().sellable == 15
    assert LedgerEntry.objects.count() == 82
    assert position_as_of(made.pk, place.pk, hour(45))["sellable"] == 24
    assert [line.quantity for line in ledger_of(made.pk, limit=3)] == [5, -5, 1]
    assert rebuild_balances(by=SYSTEM).difference == 0


@pytest.mark.req("LED-01")
@pytest.mark.parametrize("part", ["stock_ledgerentry_1", "stock_ledgerentry_default"])
@pytest.mark.parametrize("act", ["UPDATE {} SET quantity = 0", "DELETE FROM {}", "TRUNCATE {}"])
def test_neither_part_can_be_changed_by_the_application(young, part, act):
    item()
    node()
    outcomes(event("receipt.recorded", 1))
    know_rows(young)
    split_ledger(by=SYSTEM, most=1)

    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(act.format(part))


@pytest.mark.req("LED-01")
def test_what_is_posted_while_the_ledger_is_split_is_there_afterwards(young):
    item()
    node()
    outcomes(*[event("receipt.recorded", 1) for _ in range(20)])
    know_rows(young)
    told: list[str] = []

    def post() -> None:
        with in_tenant(young):
            for _ in range(40):
                told.extend(outcomes(event("receipt.recorded", 1)))
        connections.close_all()

    poster = threading.Thread(target=post)
    poster.start()
    is_split = split_ledger(by=SYSTEM, most=30)
    poster.join()

    assert is_split
    assert told == ["posted"] * 40
    assert StockBalance.objects.get().sellable == 60
    assert rebuild_balances(by=SYSTEM).difference == 0
