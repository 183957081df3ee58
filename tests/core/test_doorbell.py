"""Bells: rung once, heard again, and rested on as long as a stage works."""

from __future__ import annotations

from uuid import uuid4

import pytest

from inventory_control.core import doorbell
from inventory_control.core.tenancy import TenantRef


@pytest.fixture
def sent(monkeypatch):
    """The countdowns, in seconds, of the messages that were sent."""
    told: list[float | None] = []
    monkeypatch.setattr(doorbell, "_silent_until", 0.0)
    monkeypatch.setattr(
        doorbell.current_app, "send_task", lambda *_, countdown, **__: told.append(countdown)
    )
    return told


def tenant(*, is_sandbox: bool = False) -> TenantRef:
    return TenantRef(uuid4(), "tenant_rung", "rung", is_sandbox=is_sandbox, is_open=True)


def test_a_bell_is_rung_once_until_it_is_answered(sent):
    mine, other = tenant(), tenant()

    doorbell.press("detect", mine)
    doorbell.press("detect", mine)
    doorbell.press("detect", other)
    doorbell.press("deliver", mine)

    assert sent == [None, None, None]


@pytest.mark.parametrize(
    ("stage", "took", "rest"),
    [
        ("availability", 0.0, 0.3),
        ("availability", 0.2, 0.8),
        ("detect", 0.1, 1.0),
        ("detect", 0.3, 2.4),
        ("deliver", 9.0, 1.0),
        ("workflows", 9.0, 5.0),
    ],
)
def test_a_stage_rests_a_moment_or_as_long_as_it_works(sent, stage, took, rest):
    mine = tenant()

    doorbell.answer(stage, mine, took=took)
    doorbell.press(stage, mine)

    assert len(sent) == 1
    assert sent[0] is not None
    assert rest - 0.1 < sent[0] <= rest


def test_while_a_message_rests_this_process_asks_nobody_whether_to_ring(sent, monkeypatch):
    mine, moment = tenant(), [100.0]
    monkeypatch.setattr(doorbell.time, "monotonic", lambda: moment[0])
    doorbell.answer("detect", mine, took=0.0)
    doorbell.press("detect", mine)
    doorbell._flags().delete(doorbell._flag("detect", mine))

    doorbell.press("detect", mine)
    assert len(sent) == 1

    moment[0] += 0.51
    doorbell.press("detect", mine)
    assert len(sent) == 2


def test_a_sandbox_does_not_rest(sent):
    mine = tenant(is_sandbox=True)

    doorbell.answer("detect", mine, took=5.0)
    doorbell.press("detect", mine)
    doorbell.answer("detect", mine, took=5.0)
    doorbell.press("detect", mine)

    assert sent == [None, None]


@pytest.mark.parametrize(
    ("waited", "silent_ms"), [(0.0, 5_000), (20.0, 65_000), (3_600.0, 120_000)]
)
def test_a_bell_stays_silent_for_as_long_as_messages_wait(sent, monkeypatch, waited, silent_ms):
    monkeypatch.setattr(doorbell, "_lags", {})
    one, other = tenant(), tenant()
    doorbell.answer("reports", tenant(), took=0.0, waited=waited)

    doorbell.press("reports", one)  # learns of it
    doorbell.press("reports", other)

    assert 4_000 < doorbell._flags().pttl(doorbell._flag("reports", one)) <= 5_000
    silent = doorbell._flags().pttl(doorbell._flag("reports", other))
    assert silent_ms - 1_000 < silent <= silent_ms
