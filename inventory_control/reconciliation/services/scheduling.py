"""The schedule of comparisons: one timer row at a time, so that a restart loses none."""

from __future__ import annotations

from inventory_control.core import clock
from inventory_control.policies.selectors import current_policy
from inventory_control.reconciliation.models import ControlTotal, PositionReport
from inventory_control.reconciliation.rules import POLICY, terms_of
from inventory_control.timers.selectors import is_set
from inventory_control.timers.services import set_timers

COMPARE_TIMER = "reconciliation.compare"
_SUBJECT = "schedule"


def keep_schedule() -> None:
    """Set the next comparison unless one is set: from the first report on there always is one."""
    has_something = PositionReport.objects.exists() or ControlTotal.objects.exists()
    if has_something and not is_set(COMPARE_TIMER):
        set_next()


def set_next() -> None:
    """Set the comparison after this one, an interval from now."""
    interval = terms_of(current_policy(POLICY).value).interval
    set_timers(kind=COMPARE_TIMER, due={_SUBJECT: clock.now() + interval})
