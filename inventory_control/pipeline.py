"""The map of the product: every stage, in the order facts flow through them.

A stage looks for its own due rows and does them; a bell only says "look now" (house rule 7).
`run_stage` is what a worker calls, `unsettled` what the sandbox clock waits for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from ai_advice.selectors import is_advice_due
from ai_advice.services import advise_due
from connectors.selectors import is_delivery_due, is_intake_due, is_replay_due
from connectors.services import deliver_due, replay_due, take_in, tell_subscribers
from exceptions.selectors import is_detection_due
from exceptions.services import (
    LOOK,
    SERIALS,
    SHELVES,
    detect_due,
    follow_serials,
    follow_shelves,
    watch_sources,
)
from inventory_control.availability.services import RESUME, look_again, recalculate_due
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import answer, is_noted, ring
from inventory_control.core.errors import Refused
from inventory_control.core.telemetry import log, stage_seconds, tenant_label
from inventory_control.core.tenancy import current_tenant
from inventory_control.events.selectors import (
    SUBSCRIBERS,
    is_naming_due,
    is_source_due,
    is_work_due,
)
from inventory_control.fulfilment.selectors import is_queueing_due
from inventory_control.fulfilment.services import queue_backorders
from inventory_control.kpi.selectors import is_count_due
from inventory_control.kpi.services import count_tenant
from inventory_control.notifications.selectors import is_outcome_due
from inventory_control.notifications.services import follow_notifications
from inventory_control.orders.selectors import is_booking_due, is_following_due
from inventory_control.orders.services import book_events, follow_events
from inventory_control.reconciliation.selectors import is_reporting_due
from inventory_control.reconciliation.services import (
    COMPARE_TIMER,
    compare_on_schedule,
    take_reports,
)
from inventory_control.stock.api.postponed import take_postponed
from inventory_control.stock.selectors import is_marked
from inventory_control.stock.services import (
    MASTERS,
    NEARS,
    expire_due,
    follow_masters,
    mark_promoted,
    post_named,
)
from inventory_control.timers.selectors import has_due, next_due_at
from inventory_control.timers.services import Handler, fire_due
from tenants.selectors import has_kept_calls
from workflows.selectors import is_run_due
from workflows.services import escalate_approval, run_due


def ring_detection(_subject_id: str) -> None:
    """What a timer does that only says "look again": a document fell due."""
    ring("detect")


def ring_sources(_code: str) -> None:
    """What the timer of a source does: it may have fallen silent meanwhile."""
    ring("sources")


TIMER_HANDLERS: dict[str, Handler] = {
    "approval.escalate": escalate_approval,
    "order.expected": ring_detection,
    "reservation.expire": expire_due,
    RESUME: look_again,
    COMPARE_TIMER: compare_on_schedule,
    LOOK: ring_sources,
    NEARS: mark_promoted,
}
"""Which function each kind of timer calls."""


def fire_timers(*, by: Actor) -> int:
    """Fire what is due now."""
    return fire_due(TIMER_HANDLERS, by=by)


@dataclass(frozen=True, slots=True)
class Stage:
    """One station: `run` does what is due and says how much, `is_due` whether anything waits.

    `due_at` is the product time at which the next of it falls due by itself, where that happens.
    """

    name: str
    meaning: str
    run: Callable[..., int]
    is_due: Callable[[], bool]
    due_at: Callable[[], datetime | None] | None = None


STAGES = (
    Stage(
        "postponed",
        "What came during maintenance is posted.",
        take_postponed,
        has_kept_calls,
    ),
    Stage("intake", "Kept messages become posted events.", take_in, is_intake_due),
    Stage("names", "What waited for a name posts once it is known.", post_named, is_naming_due),
    Stage(
        "replay", "What is to be taken in again passes the same door.", replay_due, is_replay_due
    ),
    Stage(
        "orders", "Orders follow what was shipped and received.", follow_events, is_following_due
    ),
    Stage("erp", "What moved becomes documents of the ERP.", book_events, is_booking_due),
    Stage("backorders", "Who waits for stock joins the queue.", queue_backorders, is_queueing_due),
    Stage(
        MASTERS,
        "What events say of masters reaches the catalog.",
        follow_masters,
        lambda: is_work_due(MASTERS),
    ),
    Stage("availability", "What may be sold is worked out anew.", recalculate_due, is_marked),
    Stage(
        SUBSCRIBERS,
        "Whoever subscribed to an event is to be told of it.",
        tell_subscribers,
        lambda: is_work_due(SUBSCRIBERS),
    ),
    Stage("reports", "What other systems say is noted.", take_reports, is_reporting_due),
    Stage(
        "notifications",
        "What became of messages to customers is noted, and what they took back is not sent.",
        follow_notifications,
        is_outcome_due,
    ),
    Stage(SHELVES, "What shelves show is kept.", follow_shelves, lambda: is_work_due(SHELVES)),
    Stage(SERIALS, "Numbered units are followed.", follow_serials, lambda: is_work_due(SERIALS)),
    Stage("sources", "Who was heard, and how well, is kept.", watch_sources, is_source_due),
    Stage("detect", "Risks become exceptions.", detect_due, is_detection_due),
    Stage("advise", "Exceptions get advice.", advise_due, is_advice_due),
    Stage("workflows", "Advice is checked, approved, carried out.", run_due, is_run_due),
    Stage(
        "timers",
        "What fell due is done.",
        fire_timers,
        lambda: has_due(clock.now()),
        next_due_at,
    ),
    Stage("deliver", "Commands leave and are acknowledged.", deliver_due, is_delivery_due),
    Stage("count", "The partner's counters are written.", count_tenant, is_count_due),
)
_logger = log(__name__)
LOOKS_KEPT = 10_000
"""Of how many looks a process remembers how long they took."""
_took: dict[tuple[str, UUID], float] = {}
"""Seconds of the last look of a stage for a tenant, in this process."""
_BY_NAME = {stage.name: stage for stage in STAGES}


def run_stage(name: str, *, waited: float | None = None) -> int:
    """Do what is due of one stage in the current tenant, and take its note away when none is left.

    The bell is answered first, so that a ring during the work is heard again. `waited` is how long,
    in seconds, the message waited by which the stage was called: one whose note is gone meanwhile
    was overtaken by another, and nothing is done.
    """
    stage, tenant = _stage(name), current_tenant()
    answer(name, tenant, took=_took.get((name, tenant.id), 0.0), waited=waited)
    if waited is not None and not is_noted(name):
        return 0
    started = time.perf_counter()
    done = stage.run(by=Actor.system(name))
    _take_note_away(stage)
    seconds = time.perf_counter() - started
    if len(_took) >= LOOKS_KEPT:
        _took.clear()
    _took[name, tenant.id] = seconds
    stage_seconds.labels(tenant=tenant_label(), stage=name).observe(seconds)
    _logger.info("stage.ran", stage=name, done=done, milliseconds=round(seconds * 1000, 1))
    return done


def unsettled() -> list[str]:
    """The stages of the current tenant that still have something due, in order."""
    return [stage.name for stage in STAGES if stage.is_due()]


def is_settled() -> bool:
    """Whether nothing at all is due in the current tenant; stops asking at the first that is."""
    return not any(stage.is_due() for stage in STAGES)


def ring_all() -> None:
    """Ring every bell of the current tenant that has a reason to be heard."""
    with transaction.atomic():
        for name in unsettled():
            ring(name)


def _stage(name: str) -> Stage:
    try:
        return _BY_NAME[name]
    except KeyError:
        raise Refused(f"No stage is called {name}.", field="stage") from None


@transaction.atomic
def _take_note_away(stage: Stage) -> None:
    """Delete the stage's note in `due` when nothing is left and nobody is adding to it; put it off
    when time alone will bring something.

    The note is locked before the question is asked: whoever marks meanwhile waits for this
    transaction and then writes a new note.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT ic_sys.hold_due(%s)", [stage.name])
        (is_held,) = cursor.fetchone()
        if not is_held or stage.is_due():
            return
        due_at = stage.due_at and stage.due_at()
        if due_at is None:
            cursor.execute("SELECT ic_sys.clear_due(%s)", [stage.name])
        else:
            until = clock.real_now() + (due_at - clock.now())
            cursor.execute("SELECT ic_sys.put_off_due(%s, %s)", [stage.name, until])
