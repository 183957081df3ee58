"""Test S2: wherever tenant context is lost or wrong, an error is raised, counted, and nothing moves.

T1 to T11 are the traps of schema switching, C1 to C8 those of tasks. Every one of them silently
read or wrote another tenant, or `public`, with the usual set-up.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.db import DataError, connection, connections, transaction
from psycopg import sql

from inventory_control.catalog.models import Item, Node
from inventory_control.celery import app
from inventory_control.core.postgresql.base import ContextError
from inventory_control.core.rounds import RoundFailedError, go_round
from inventory_control.core.telemetry import context_errors
from inventory_control.core.tenancy import TenantTask, current_tenant, in_public, in_tenant
from tests.conftest import empty
from tests.factories import item

pytestmark = pytest.mark.req("TEN-02", "SEC-05")
SEEN: list[Any] = []


@app.task(base=TenantTask, name="tests.look")
def look() -> None:
    """What a task does: read its tenant's rows."""
    SEEN.append((connection.schema_name, list(Item.objects.values_list("sku", flat=True))))


@app.task(name="tests.look_unguarded")
def look_unguarded() -> None:
    """A task somebody forgot to give the base class."""
    SEEN.append(list(Item.objects.values_list("sku", flat=True)))


@pytest.fixture
def two(house, django_db_blocker) -> Iterator[tuple[Any, Any]]:
    """Two tenants with one item each, under the same primary key."""
    first, second = house
    with django_db_blocker.unblock():
        for tenant, sku in ((first, "OF-A"), (second, "OF-B")):
            with in_tenant(tenant):
                Item.objects.create(pk=1, sku=sku, name=sku)
        SEEN.clear()
        yield first, second
        connection.close()
    for tenant in house:
        empty(tenant)


def alarms() -> float:
    """How often the alarm counter rang."""
    return context_errors._value.get()


def refused(act: Callable[[], object], *, rings: bool = True) -> None:
    """The act raises ContextError and the alarm rings."""
    before = alarms()
    with pytest.raises(ContextError):
        act()
    assert alarms() > before or not rings


def in_thread(act: Callable[[], object]) -> BaseException | None:
    """Run an act in a thread of its own; what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            raised.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


def count_and_close() -> int:
    """Count in whatever thread this is, and leave it no open session."""
    try:
        return Item.objects.count()
    finally:
        connections.close_all()


def items_of(tenant: Any) -> list[str]:
    """The item codes a tenant holds."""
    with in_tenant(tenant):
        return list(Item.objects.order_by("pk").values_list("sku", flat=True))


def test_t1_a_queryset_built_in_a_does_not_run_in_b(two):
    first, second = two
    with in_tenant(first):
        built = Item.objects.all()
    with in_tenant(second):
        refused(lambda: list(built))
        refused(lambda: built.update(name="stolen"))
        refused(lambda: built.filter(pk=1).delete())
    assert (items_of(first), items_of(second)) == (["OF-A"], ["OF-B"])


def test_t2_a_queryset_does_not_run_after_its_context(two):
    with in_tenant(two[0]):
        built = Item.objects.all()
    refused(lambda: list(built))
    with in_public():
        refused(lambda: list(built))


def test_t3_a_row_read_in_a_is_not_saved_or_deleted_in_b(two):
    first, second = two
    with in_tenant(first):
        row = Item.objects.get()
    with in_tenant(second):
        row.name = "stolen"
        refused(row.save)
        refused(row.delete)
    assert (items_of(first), items_of(second)) == (["OF-A"], ["OF-B"])


def test_t4_a_thread_starts_with_no_context(two):
    with in_tenant(two[0]):
        raised = in_thread(Item.objects.count)
        assert isinstance(raised, ContextError)


def test_t5_async_work_in_another_thread_has_no_context(two):
    async def ask() -> int:
        return await sync_to_async(count_and_close, thread_sensitive=False)()

    with in_tenant(two[0]):
        raised = in_thread(lambda: asyncio.run(ask()))
        assert isinstance(raised, ContextError)


def test_t6_async_orm_has_no_context(two):
    async def ask() -> int:
        return await Item.objects.acount()

    raised = in_thread(lambda: asyncio.run(ask()))
    assert isinstance(raised, ContextError)


def test_t7_a_cache_key_of_a_is_not_read_in_b_nor_without_a_tenant(two):
    first, second = two
    with in_tenant(first):
        cache.set("figure", "of A", 60)
        assert cache.get("figure") == "of A"
    with in_tenant(second):
        assert cache.get("figure") is None
    refused(lambda: cache.get("figure"))


def test_t8_nobody_clears_the_shared_cache(two):
    first, second = two
    with in_tenant(first):
        cache.set("figure", "of A", 60)
    with in_tenant(second):
        refused(cache.clear, rings=False)
    with in_tenant(first):
        assert cache.get("figure") == "of A"


def test_t9_a_missing_table_is_an_error_and_never_found_in_public(two):
    first, _ = two
    superuser = os.environ["DATABASE_SUPERUSER_URL"]
    with psycopg.connect(superuser, autocommit=True) as session:
        session.execute("CREATE TABLE public.catalog_gone (LIKE tenant_alder.catalog_node)")
        session.execute("INSERT INTO public.catalog_gone SELECT * FROM public.catalog_gone")
    try:
        with (
            in_tenant(first),
            connection.cursor() as cursor,
            pytest.raises(Exception, match="does not exist"),
        ):
            cursor.execute("SELECT * FROM catalog_gone")
        connection.close()
        with (
            in_tenant(first),
            connection.cursor() as cursor,
            pytest.raises(Exception, match="permission denied"),
        ):
            cursor.execute("SELECT * FROM public.catalog_gone")
    finally:
        connection.close()
        with psycopg.connect(superuser, autocommit=True) as session:
            session.execute("DROP TABLE public.catalog_gone")


def test_t10_a_tenant_without_schema_or_role_is_refused_and_the_session_closed(two):
    first, _ = two
    ghost = type(first)(
        id=uuid4(), schema_name="tenant_ghost", label="ghost", is_sandbox=False, is_open=True
    )
    with in_tenant(first):
        assert Item.objects.count() == 1
    with in_tenant(ghost):
        refused(Item.objects.count)
        assert connection.connection is None


def test_t10_dropping_the_role_of_b_while_a_is_active_reaches_neither_a_nor_b(two):
    first, second = two
    superuser = os.environ["DATABASE_SUPERUSER_URL"]
    with psycopg.connect(superuser, autocommit=True) as session:
        oid = session.execute(
            "SELECT oid FROM pg_database WHERE datname = current_database()"
        ).fetchone()[0]
        role = sql.Identifier(second.role("app", oid))
        with in_tenant(first):
            assert Item.objects.count() == 1
            session.execute(sql.SQL("ALTER ROLE {} RENAME TO gone").format(role))
            try:
                with in_tenant(second):
                    refused(lambda: Item.objects.create(pk=7, sku="NEW", name="new"))
            finally:
                session.execute(sql.SQL("ALTER ROLE gone RENAME TO {}").format(role))
    assert (items_of(first), items_of(second)) == (["OF-A"], ["OF-B"])


def test_t11_after_commit_work_cannot_run_in_another_context(two):
    first, _ = two

    def act() -> None:
        with in_public(), transaction.atomic(), in_tenant(first):
            transaction.on_commit(Item.objects.count)

    refused(act)


def test_the_tenant_does_not_change_inside_an_open_transaction(two):
    first, second = two

    def act() -> None:
        with in_tenant(first), transaction.atomic():
            item("HALF", pk=7)
            with in_tenant(second):
                Node.objects.count()

    refused(act)
    assert items_of(first) == ["OF-A"]


def test_not_even_after_a_savepoint_was_rolled_back(two):
    first, second = two

    def act() -> None:
        with in_tenant(first), transaction.atomic():
            item("HALF", pk=7)
            with suppress(RuntimeError), transaction.atomic():
                raise RuntimeError("undone")
            with in_tenant(second):
                Node.objects.count()

    refused(act)
    assert items_of(first) == ["OF-A"]


def test_nor_when_the_transaction_was_opened_outside_of_both(two):
    first, second = two

    def act() -> None:
        with transaction.atomic():
            with in_tenant(first):
                item("HALF", pk=7)
            with in_tenant(second):
                item("HALF", pk=7)

    refused(act)
    assert (items_of(first), items_of(second)) == (["OF-A"], ["OF-B"])


def test_a_statement_that_fails_with_its_switch_leaves_the_session_where_it_may_be_used(two):
    first, second = two
    assert items_of(first) == ["OF-A"]
    with in_tenant(second):
        with pytest.raises(DataError), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        assert list(Item.objects.values_list("sku", flat=True)) == ["OF-B"]
    assert items_of(first) == ["OF-A"]


def test_a_cursor_of_a_does_not_run_outside_and_reads_b_inside_b(two):
    first, second = two
    with in_tenant(first):
        cursor = connection.cursor()
        cursor.execute("SELECT sku FROM catalog_item")
        assert cursor.fetchall() == [("OF-A",)]
    refused(lambda: cursor.execute("SELECT sku FROM catalog_item"))
    with in_tenant(second):
        cursor.execute("SELECT sku FROM catalog_item")
        assert cursor.fetchall() == [("OF-B",)]
    cursor.close()


def test_c1_a_task_runs_in_the_tenant_its_argument_and_header_name(two):
    first, second = two
    for tenant in (first, second):
        look.apply(args=[str(tenant.id)], headers={"ic_tenant": str(tenant.id)}, throw=True)

    assert SEEN == [("tenant_alder", ["OF-A"]), ("tenant_birch", ["OF-B"])]


def test_c2_a_chain_built_in_a_and_sent_in_b_is_refused(two):
    first, second = two
    with in_tenant(first):
        built = look.si(str(first.id)) | look.si(str(first.id))
    with in_tenant(second):
        refused(lambda: built.apply(headers={"ic_tenant": str(second.id)}, throw=True))
    assert SEEN == []


def test_c3_a_task_sent_after_commit_from_public_without_its_tenant_is_refused(two):
    def act() -> None:
        with in_public(), transaction.atomic():
            transaction.on_commit(lambda: look.apply(args=[str(two[0].id)], throw=True))

    refused(act)
    assert SEEN == []


def test_c4_a_thread_inside_a_task_has_no_context(two):
    raised = in_thread(lambda: in_thread_of_task(two[0]))
    assert isinstance(raised, ContextError)


def in_thread_of_task(tenant: Any) -> None:
    """Start a thread inside a tenant, as a task might, and hand on what it raised."""
    with in_tenant(tenant):
        raised = in_thread(Item.objects.count)
    if raised is not None:
        raise raised


def test_c5_a_tenant_that_is_gone_stops_the_task(two):
    gone = str(uuid4())
    refused(lambda: look.apply(args=[gone], headers={"ic_tenant": gone}, throw=True))
    assert SEEN == []


def test_c6_a_task_without_the_base_class_has_no_context(two):
    refused(lambda: look_unguarded.apply(throw=True))
    assert SEEN == []


def test_c7_a_missing_header_stops_the_task(two):
    refused(lambda: look.apply(args=[str(two[0].id)], throw=True))
    assert SEEN == []


def test_c8_a_task_leaves_nothing_behind_for_the_next_one(two):
    first, _ = two
    look.apply(args=[str(first.id)], headers={"ic_tenant": str(first.id)}, throw=True)

    refused(lambda: look_unguarded.apply(throw=True))
    assert SEEN == [("tenant_alder", ["OF-A"])]


def test_a_session_is_given_up_once_it_has_worked_for_too_many_tenants(two, settings):
    settings.TENANTS_PER_SESSION = 1
    connection.close()
    pids = []
    for tenant in (*two, *two, two[1]):
        with in_tenant(tenant):
            assert Item.objects.count() == 1
        pids.append(connection.connection.info.backend_pid)
        connection.close_if_unusable_or_obsolete()

    assert pids[0] == pids[1]
    assert len(set(pids)) == 3
    assert connection.connection is not None


def test_a_round_does_its_work_in_every_tenant_however_it_ends_in_one(two, settings):
    settings.TENANTS_PER_SESSION = 1
    connection.close()
    seen, pids = [], []

    def look_in() -> None:
        seen.append(current_tenant().label)
        Item.objects.count()
        pids.append(connection.connection.info.backend_pid)
        if len(seen) == 1:
            raise ValueError("a fault of the first")

    with pytest.raises(RoundFailedError, match="in 1 tenants"):
        go_round((*two, two[0]), look_in)

    assert seen == [two[0].label, two[1].label, two[0].label]
    assert pids[0] == pids[1] != pids[2]
    refused(Item.objects.count)


def test_public_holds_no_tenant_table(two):
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"]) as session:
        found = session.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename ~"
            " '^(catalog|events|stock|orders|availability|exceptions|ai_advice|workflows|"
            "connectors|outbox|timers|policies)_'"
        ).fetchall()

    assert found == []
