"""Maintenance loses no event: calls are kept, and posted in their order when the doors open."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from inventory_control.core import clock
from inventory_control.core.tenancy import in_public, in_tenant
from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.people.models import ApiKey
from inventory_control.pipeline import run_stage, unsettled
from tenants import selectors, services
from tests.factories import event, item, node
from tests.http import Api, gzipped, ndjson


@pytest.fixture
def doors(committed: Any) -> Iterator[Callable[[str], None]]:
    """Opens and shuts tenant A's doors; they are open at the end, with nothing left behind them."""

    def set_status(status: str) -> None:
        with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as session:
            session.execute(
                "UPDATE public.tenants_tenant SET status = %s WHERE id = %s", [status, committed.id]
            )
        connection.close()
        with in_tenant(committed):
            selectors.forget()

    yield set_status
    set_status("open")
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as session:
        session.execute("TRUNCATE ic_sys.kept_call")


@pytest.fixture
def till(doors: Callable[[str], None]) -> Api:
    """A till whose key may post and read, in a tenant that has just gone into maintenance."""
    item()
    node()
    return Api("events.write", "stock.read", sources=("*",))


def outside(tenant: Any, api: Api, *call: Any, **headers: Any) -> tuple[int, Any]:
    """A call as the server takes it: outside of every tenant."""
    with in_public():
        return api.post(*call, **headers)


@pytest.mark.req("EVT-12")
def test_events_of_a_tenant_in_maintenance_are_kept_and_posted_in_their_order(
    committed, doors, till
):
    doors("maintenance")
    first = event("receipt.recorded", 9, source_id="m1")
    assert outside(committed, till, "events", first)[0] == 202
    rows = [event("sale.recorded", 1, source_id=f"m{n}") for n in (2, 3)]
    body = gzipped(ndjson(*rows, b"{broken"))
    status, answer = outside(
        committed, till, "events/bulk", raw=body,
        content_type="application/x-ndjson", content_encoding="gzip",
    )  # fmt: skip
    assert (status, answer["outcome"], answer["receipt"].isdigit()) == (202, "kept", True)
    assert InventoryEvent.objects.count() == 0

    doors("open")
    with in_tenant(committed):
        assert "postponed" in unsettled()
        assert run_stage("postponed") == 2

        posted = InventoryEvent.objects.order_by("pk").values_list("source_id", "received_from")
        assert list(posted) == [("m1", "till"), ("m2", "till"), ("m3", "till")]
        assert DeadLetter.objects.get().code == "broken_json"
        assert "postponed" not in unsettled()
        assert run_stage("postponed") == 0


@pytest.mark.req("EVT-07", "EVT-12")
def test_a_call_repeated_afterwards_gets_the_answer_of_the_kept_one(committed, doors, till):
    doors("maintenance")
    body = event("receipt.recorded", 9, source_id="m1")
    for _ in range(2):
        assert outside(committed, till, "events", body, idempotency_key="K1")[0] == 202
    doors("open")
    with in_tenant(committed):
        assert run_stage("postponed") == 2
        assert InventoryEvent.objects.count() == 1
        sent = InventoryEvent.objects.get().pk

    status, answer = outside(committed, till, "events", body, idempotency_key="K1")
    assert (status, answer["outcome"], answer["event_id"]) == (201, "posted", str(sent))
    assert till.last.headers["Idempotent-Replay"] == "true"


@pytest.mark.req("EVT-05")
@pytest.mark.parametrize("fate", ["revoked", "wrong", "unpermitted"])
def test_the_key_is_checked_when_the_call_is_taken_in_and_nothing_is_lost(
    committed, doors, till, fate
):
    doors("maintenance")
    if fate == "wrong":
        till.key = till.key[:-3] + "xxx"
    body = event("receipt.recorded", 9, source_id="m1")
    assert outside(committed, till, "events", body)[0] == 202
    doors("open")
    with in_tenant(committed):
        if fate == "revoked":
            ApiKey.objects.update(revoked_at=clock.real_now() - timedelta(seconds=1))
        if fate == "unpermitted":
            ApiKey.objects.update(scopes=["stock.read"])
        assert run_stage("postponed") == 1

        assert InventoryEvent.objects.count() == 0
        letter = DeadLetter.objects.get()
        assert letter.code == (
            "not_permitted" if fate == "unpermitted" else "authentication_failed"
        )
        assert b'"m1"' in bytes(letter.body)


def test_a_body_that_cannot_be_read_ends_as_a_dead_letter(committed, doors, till):
    doors("maintenance")
    assert outside(committed, till, "events/bulk", raw=b"no array")[0] == 202
    doors("open")
    with in_tenant(committed):
        run_stage("postponed")

        assert DeadLetter.objects.get().code == "unreadable_body"


def test_everything_else_is_refused_and_so_is_what_finds_no_room(
    committed, doors, till, monkeypatch
):
    doors("maintenance")
    assert outside(committed, till, "reservations", {"lines": []})[0] == 503
    with in_public():
        assert till.get("availability?item=SOCK")[0] == 503
        assert till.put("items", [])[0] == 503

    monkeypatch.setattr(services, "KEPT_BYTES", 10)
    assert outside(committed, till, "events", event("receipt.recorded", 9))[0] == 503
    with in_tenant(committed):
        assert selectors.has_kept_calls() is False


def test_a_call_without_a_key_is_not_kept(committed, doors, till):
    doors("maintenance")
    till.key = ""
    assert outside(committed, till, "events", event("receipt.recorded", 9))[0] == 503


@pytest.mark.req("SEC-05")
def test_a_tenant_reaches_its_own_kept_calls_and_an_advisor_none(committed, doors, till, house):
    doors("maintenance")
    outside(committed, till, "events", event("receipt.recorded", 9))
    doors("open")

    with in_tenant(house[1]):
        assert selectors.oldest_kept_call() is None
        assert selectors.has_kept_calls() is False
    for variable, login, text in (
        ("DATABASE_AI_URL", "ai", "SELECT * FROM ic_sys.oldest_kept_call()"),
        ("DATABASE_AI_URL", "ai", "SELECT ic_sys.drop_kept_call(1)"),
        ("DATABASE_URL", "app", "SELECT * FROM ic_sys.kept_call"),
        (
            "DATABASE_URL", "app",
            "SELECT ic_sys.keep_call(gen_random_uuid(), '', '', '', '', '', '', '', '', 1)",
        ),
    ):  # fmt: skip
        with psycopg.connect(os.environ[variable]) as session:
            (oid,) = session.execute(
                "SELECT oid FROM pg_database WHERE datname = current_database()"
            ).fetchone()
            role = sql.Identifier(committed.role(login, oid))
            session.execute(sql.SQL("SET ROLE {}").format(role))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(text)
