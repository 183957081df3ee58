"""How the workflows hold and close cases, as sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from django.db import connection, transaction

from exceptions import permissions
from exceptions.models import ExceptionCase
from exceptions.selectors.detection import CASE_SQL
from exceptions.states import LIVE, Resolution, Status
from exceptions.values import Closure
from inventory_control.audit.services import advance_all, record_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.permissions import require

_by_resolution = attrgetter("resolution")


@transaction.atomic
def govern(case_ids: Mapping[int, str], *, by: Actor) -> frozenset[int]:
    """Let workflow runs govern cases (case id -> run id): from now on only a run's end closes them.

    An empty run id lets a case go. Returns the cases that were live; a closed one is left alone,
    and its run should not start.
    """
    require(by, permissions.HANDLE)
    if not case_ids:
        return frozenset()
    with connection.cursor() as cursor:
        cursor.execute(
            CASE_SQL["govern_cases"], [list(case_ids), [str(run) for run in case_ids.values()]]
        )
        governed = sorted(pk for (pk,) in cursor.fetchall())
    record_all(
        "case.governed",
        kind="exceptioncase",
        subjects={str(pk): {"run": str(case_ids[pk])} for pk in governed},
        by=by,
    )
    return frozenset(governed)


@transaction.atomic
def close_cases(closures: Sequence[Closure], *, by: Actor) -> frozenset[int]:
    """Close cases whose effect is confirmed, or that need no action, or were refused.

    A case somebody closed meanwhile is left as it is. Returns the cases closed. A place is looked
    at again when `quiet_until` has passed, and at once after a confirmed effect: a risk that
    outlived its remedy opens a new case. Other closures without a quiet time stand until the
    place changes.
    """
    require(by, permissions.HANDLE)
    wanted = {closure.case_id: closure for closure in closures}
    cases = {
        case.pk: case
        for case in ExceptionCase.objects.select_for_update(of=("self",))
        .filter(pk__in=wanted, status__in=LIVE)
        .order_by("pk")
    }
    live = sorted((wanted[pk] for pk in cases), key=_by_resolution)
    now = clock.now()
    for resolution, group in groupby(live, key=_by_resolution):
        advance_all(
            [cases[closure.case_id] for closure in group],
            Status.RESOLVED,
            by=by,
            verb="case.resolved",
            resolution=resolution,
            closed_at=now,
        )
    if live:
        _explain(live, by)
        ring("detect")
        ring("count")
    return frozenset(cases)


def _explain(closures: Sequence[Closure], by: Actor) -> None:
    """Write each closure's own words and quiet time: one statement, one audit batch."""
    now = clock.now()
    quiet = [
        now if closure.resolution == Resolution.EFFECT_CONFIRMED else closure.quiet_until
        for closure in closures
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            CASE_SQL["explain_closures"],
            [
                [closure.case_id for closure in closures],
                [closure.reason[:300] for closure in closures],
                quiet,
            ],
        )
    record_all(
        "case.explained",
        kind="exceptioncase",
        subjects={
            str(closure.case_id): {"reason": closure.reason, "quiet_until": until}
            for closure, until in zip(closures, quiet, strict=True)
        },
        by=by,
    )
