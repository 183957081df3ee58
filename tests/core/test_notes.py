"""Notes in `due`: overtaken messages do nothing, and time alone brings a stage back."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from uuid import UUID

import pytest
from django.db import connection

from inventory_control.core import clock
from inventory_control.core.doorbell import is_noted, ring
from inventory_control.core.tenancy import TenantRef, in_public, in_tenant
from inventory_control.pipeline import run_stage
from inventory_control.timers.models import Timer
from inventory_control.timers.services import set_timers
from inventory_control.timers.states import TimerStatus
from tenants import tasks
from tenants.models import DueStage


@pytest.fixture
def pressed(monkeypatch) -> list[tuple[str, UUID]]:
    """The bells the sweep presses."""
    found: list[tuple[str, UUID]] = []
    monkeypatch.setattr(tasks, "press", lambda stage, tenant: found.append((stage, tenant.id)))
    return found


def sweep_at(moment, monkeypatch) -> None:
    """Let the sweep run at a moment."""
    monkeypatch.setattr(clock, "real_now", lambda: moment)
    tasks.sweep()


def test_a_message_whose_note_is_gone_does_nothing(committed: TenantRef):
    ring("count")

    assert [run_stage("count", waited=0.0), is_noted("count")] == [1, False]
    assert run_stage("count", waited=50.0) == 0
    assert run_stage("count") == 1


@pytest.mark.req("SLA-03")
def test_a_timer_fires_at_its_moment_though_nothing_else_happens(
    committed: TenantRef, pressed: list, monkeypatch: pytest.MonkeyPatch
):
    began = clock.real_now()
    due_at = clock.now() + timedelta(minutes=15)
    set_timers(kind="order.expected", due={"PO-1": due_at})
    run_stage("timers", waited=0.0)

    sweep_at(began + timedelta(minutes=14), monkeypatch)
    assert ("timers", committed.id) not in pressed
    sweep_at(began + timedelta(minutes=15, seconds=1), monkeypatch)
    assert ("timers", committed.id) in pressed

    monkeypatch.setattr(clock, "now", lambda: due_at)
    with in_tenant(committed):
        assert run_stage("timers", waited=0.0) == 1
        assert Timer.objects.get().status == TimerStatus.FIRED
        assert not is_noted("timers")


def test_a_nearer_timer_brings_the_note_forward(committed: TenantRef):
    now = clock.now()
    set_timers(kind="order.expected", due={"PO-1": now + timedelta(hours=5)})
    run_stage("timers", waited=0.0)
    set_timers(kind="order.expected", due={"PO-2": now + timedelta(hours=2)})
    assert note(committed.id) is None

    run_stage("timers", waited=0.0)

    put_off = note(committed.id)
    assert put_off is not None
    assert abs(put_off - now - timedelta(hours=2)) < timedelta(seconds=5)


def test_timers_set_before_notes_could_wait_are_looked_at_once(committed: TenantRef):
    migration = import_module("tenants.migrations.0003_notes_put_off")

    with in_public(), connection.cursor() as cursor:
        cursor.execute(migration.LOOK_ONCE)

    assert note(committed.id) is None


def note(tenant_id: UUID):
    """When the one note may be looked at; None: now."""
    with in_public():
        return DueStage.objects.get(stage="timers", tenant_id=tenant_id).not_before
