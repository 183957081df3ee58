"""Bells between stages: after commit, tell a stage of this tenant to look now.

The table is the queue, Celery is the doorbell (house rule 7). A ring that is lost costs a
few seconds: in the same transaction the tenant and stage are noted in the shared `due` table, and
the sweep rings again for every note it finds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from inventory_control.core import clock
from inventory_control.core.sql import hot, hot_write
from inventory_control.core.telemetry import bells_unheard, correlation_id, log
from inventory_control.core.tenancy import TenantRef, current_tenant

RUNG_FOR_MS = 5_000
"""How long one unanswered ring silences the next at least; the stage clears it when it starts."""
WAITS = 3
"""It silences as many times longer as messages of its stage wait just now: where five hundred tenants
wait, those behind would ring again before they were heard, and every repeat would make all wait longer."""
SILENT_AT_MOST_MS = 120_000
"""Never longer: a message that a killed worker held comes back after an hour, and says so."""
LAG_KEPT_MS = 60_000
"""After how long without an answer nobody knows any more how long messages of a stage wait."""
PROMPT = frozenset({"intake", "availability", "deliver"})
"""Stages between an event and the figure a channel shows; workers of their own hear their bells, so
that no long look of another stage keeps a shop from what it may sell."""
PROMPT_QUEUE = "prompt"


@dataclass(frozen=True, slots=True)
class Rest:
    """How long a stage of a tenant rests after it began a look, in milliseconds.

    At least `least`, so that under load it takes what came meanwhile together; one whose looks are
    long works one part in `parts` of its time, but rests `most` at the most. A sandbox does not rest,
    because its clock waits for every look.
    """

    least: int
    parts: int
    most: int

    def after(self, took: float) -> int:
        """How long, when the last look took so many seconds."""
        return max(self.least, min(self.most, round(1_000 * took * self.parts)))


PROMPT_REST = Rest(least=300, parts=4, most=1_000)
REST = Rest(least=1_000, parts=8, most=5_000)
BELLS_KEPT = 10_000
"""How many bells a process remembers to leave alone."""
SILENT_FOR_S = 1.0
"""After a failed ring, how long this process leaves the broker alone."""

_logger = log(__name__)
_silent_until = 0.0
_quiet: dict[tuple[str, UUID], float] = {}
"""Until when a bell need not be pressed: its message is on its way and rests at least that long."""
_lags: dict[str, int] = {}
"""How long, in milliseconds, the messages of a stage waited when this process asked last."""
_held: ContextVar[list[tuple[str, TenantRef]] | None] = ContextVar("bells_held", default=None)
_redis: list[Redis] = []


def ring(stage: str) -> None:
    """Note that a stage has work in the current tenant, and ring its bell after commit.

    Never fails because of the broker: the note in `due` is what counts.
    """
    tenant = current_tenant()
    hot_write("SELECT ic_sys.mark_due(%s::text)", [stage])
    transaction.on_commit(lambda: press(stage, tenant))


@contextmanager
def bells_held() -> Iterator[None]:
    """Press the bells of a block's transactions when it ends, not while others wait for it."""
    held: list[tuple[str, TenantRef]] = []
    token = _held.set(held)
    try:
        yield
    finally:
        _held.reset(token)
        for stage, tenant in dict.fromkeys(held):
            press(stage, tenant)


def press(stage: str, tenant: TenantRef) -> None:
    """Send the message "look now"; rings still unanswered are not repeated."""
    global _silent_until
    held = _held.get()
    if held is not None:
        held.append((stage, tenant))
        return
    now = time.monotonic()
    if now < _quiet.get((stage, tenant.id), 0.0):
        return
    if now < _silent_until:
        bells_unheard.inc()
        return
    try:
        with _flags().pipeline() as asked:
            silent = min(SILENT_AT_MOST_MS, RUNG_FOR_MS + WAITS * _lags.get(stage, 0))
            asked.set(_flag(stage, tenant), "1", nx=True, px=silent)
            asked.pttl(_rest(stage, tenant))
            asked.get(_lag(stage))
            is_first, left, lag = asked.execute()
        _lags[stage] = int(lag or 0)
        rests_for = 0.0 if tenant.is_sandbox else max(0, left) / 1_000
        if is_first:
            current_app.send_task(
                f"stages.{stage}",
                args=[str(tenant.id)],
                headers={
                    "ic_tenant": str(tenant.id),
                    "ic_correlation": correlation_id(),
                    "ic_due": clock.real_now().timestamp() + rests_for,
                },
                queue=PROMPT_QUEUE if stage in PROMPT else None,
                countdown=rests_for or None,
                retry=False,
                ignore_result=True,
            )
        if len(_quiet) >= BELLS_KEPT:
            _quiet.clear()
        # Half of it: the worker's clock, by which the message waits, need not be ours.
        _quiet[stage, tenant.id] = now + rests_for / 2
    except (OperationalError, RedisError, OSError) as error:
        _silent_until = time.monotonic() + SILENT_FOR_S
        bells_unheard.inc()
        _logger.warning("bell.unheard", stage=stage, error=str(error))


def answer(stage: str, tenant: TenantRef, *, took: float, waited: float | None = None) -> None:
    """Let the bell ring again; a stage calls this before it looks, so that nothing is missed.

    `took` is how long its last look took, `waited` how long the message had to wait, in seconds. Flag
    and rest change as one: a message that is sent while a stage rests waits until it has.
    """
    rests_for = (PROMPT_REST if stage in PROMPT else REST).after(took)
    try:
        with _flags().pipeline() as told:
            told.delete(_flag(stage, tenant))
            if waited is not None:
                told.set(_lag(stage), round(1_000 * waited), px=LAG_KEPT_MS)
            if not tenant.is_sandbox:
                told.set(_rest(stage, tenant), "1", px=rests_for)
            told.execute()
    except RedisError as error:
        _logger.warning("bell.unanswered", stage=stage, error=str(error))


def is_noted(stage: str) -> bool:
    """Whether the stage's note in the current tenant is still there."""
    ((found,),) = hot("SELECT ic_sys.is_noted(%s::text)", [stage])
    return bool(found)


def _flag(stage: str, tenant: TenantRef) -> str:
    return f"bell:{tenant.id.hex}:{stage}"


def _rest(stage: str, tenant: TenantRef) -> str:
    return f"rest:{tenant.id.hex}:{stage}"


def _lag(stage: str) -> str:
    return f"lag:{stage}"


def _flags() -> Redis:
    if not _redis:
        _redis.append(
            Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.2)
        )
    return _redis[0]
