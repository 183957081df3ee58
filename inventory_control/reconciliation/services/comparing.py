"""Comparing: every report against the ledger as it was at the report's moment, as a set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from inventory_control.audit.services import advance_all, record, record_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.permissions import require
from inventory_control.core.tenancy import current_tenant
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.values import PolicyValue
from inventory_control.reconciliation import permissions
from inventory_control.reconciliation.models import (
    Comparison,
    Discrepancy,
    DriftLine,
    DriftPoint,
)
from inventory_control.reconciliation.rules import POLICY, closing_words, judge, terms_of
from inventory_control.reconciliation.selectors.evidence import (
    accepted_differences,
    late_units_of,
    remedies_carried_out,
)
from inventory_control.reconciliation.selectors.reports import (
    channels_called,
    is_comparable,
    ours_for,
    reported,
    reports_after,
)
from inventory_control.reconciliation.services.scheduling import keep_schedule, set_next
from inventory_control.reconciliation.services.thawing import thaw_closed
from inventory_control.reconciliation.services.totals import check_totals
from inventory_control.reconciliation.states import LIVE, DiscrepancyStatus, Trigger
from inventory_control.reconciliation.values import Judged, Key, Terms

BATCH = 2_000
GONE = "The report was withdrawn."
_FIGURES = ("reported", "ledger", "gap", "explained", "unexplained", "value", "as_of")


@dataclass(slots=True)
class _Point:
    """How far one system was off in this run."""

    compared: int = 0
    off: int = 0
    units: int = 0
    value: Decimal = Decimal(0)


@dataclass(slots=True)
class _Run:
    """A run while it goes on: what it found so far."""

    at: datetime
    terms: Terms
    accepted: Mapping[Key, int]
    live: dict[Key, Discrepancy]
    figures: Counter[str] = field(default_factory=Counter)
    value: Decimal = Decimal(0)
    points: dict[str, _Point] = field(default_factory=lambda: defaultdict(_Point))
    off: list[Judged] = field(default_factory=list)
    seen: set[Key] = field(default_factory=set)
    new: list[Judged] = field(default_factory=list)
    again: list[tuple[Discrepancy, Judged]] = field(default_factory=list)
    matched: list[Discrepancy] = field(default_factory=list)


def compare_on_schedule(_subject_id: str) -> None:
    """What the timer of comparisons does: set the next one, then compare."""
    set_next()
    compare(trigger=Trigger.SCHEDULE, by=Actor.system("reconciliation"))


@transaction.atomic
def compare(*, trigger: Trigger = Trigger.REQUEST, by: Actor) -> Comparison:
    """Hold every system's last word against the ledger; returns the run with its figures.

    What the ledger did after a report's moment explains part of its gap. A material rest opens a
    discrepancy, or finds the one there is; one that is no longer material closes with its root
    cause. One run at a time: a second waits and then sees what the first wrote. Control totals
    that do not tie are looked at again.
    """
    require(by, permissions.COMPARE)
    _hold_comparing()
    policy = current_policy(POLICY)
    run = _Run(
        at=clock.now(),
        terms=terms_of(policy.value),
        accepted=accepted_differences(),
        live=_live(),
    )
    last = 0
    while rows := reports_after(last, BATCH):
        last = rows[-1].pk
        _compare_batch([reported(row) for row in rows], run)
    run.matched += [one for key, one in run.live.items() if key not in run.seen]
    comparison = _told(run, trigger, policy, by)
    _open(run, by)
    _see_again(run, by)
    _close(run, by)
    _note_drift(run, comparison)
    check_totals(by=by)
    keep_schedule()
    if run.new or run.again or run.matched:
        ring("detect")
    return comparison


def _hold_comparing() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{current_tenant().schema_name}.reconciliation"],
        )


def _live() -> dict[Key, Discrepancy]:
    rows = Discrepancy.objects.select_for_update().filter(status__in=LIVE).order_by("pk")
    return {(one.system, one.item_id, one.node_id, one.state): one for one in rows}


def _compare_batch(reports: Sequence[Any], run: _Run) -> None:
    """Judge a batch and sort each report by what it means."""
    channels = channels_called({report.system for report in reports})
    known = [report for report in reports if is_comparable(report, channels)]
    run.figures["unknown"] += len(reports) - len(known)
    for report, ours in zip(known, ours_for(known, channels, run.terms), strict=True):
        judged = judge(report, ours, run.terms.of(report.system).material)
        run.figures["compared"] += 1
        run.figures[_outcome(judged, run)] += 1
        _add(judged, run)


def _add(judged: Judged, run: _Run) -> None:
    """Count a number in; only those that are off are kept, because most agree."""
    units = abs(judged.gap.unexplained)
    point = run.points[judged.report.system]
    point.compared += 1
    point.off += units > 0
    point.units += units
    point.value += judged.value
    run.figures["units"] += units
    run.value += judged.value
    if units:
        run.off.append(judged)


def _outcome(judged: Judged, run: _Run) -> str:
    """What a comparison counts as; material ones and what they close are noted in the run."""
    key, gap = judged.report.key, judged.gap
    known = run.live.get(key)
    if known is not None:
        run.seen.add(key)
    is_accepted = known is None and run.accepted.get(key) == gap.unexplained
    if judged.is_material and not is_accepted:
        if known is None:
            run.new.append(judged)
        else:
            run.again.append((known, judged))
        return "material"
    if known is not None:
        run.matched.append(known)
    if is_accepted and judged.is_material:
        return "accepted"
    if gap.unexplained:
        return "tolerated"
    return "explained" if gap.raw else "matched"


def _told(run: _Run, trigger: Trigger, policy: PolicyValue, by: Actor) -> Comparison:
    """Write the run itself and its audit entry."""
    comparison: Comparison = Comparison.objects.create(
        started_at=run.at,
        trigger=trigger,
        asked_by=by.id,
        policy=policy.name,
        opened=len(run.new),
        closed=len(run.matched),
        value=run.value,
        **run.figures,
    )
    record(
        "comparison.run",
        subject=("comparison", str(comparison.pk)),
        by=by,
        data={"policy": policy.name, **run.figures, "opened": len(run.new)},
    )
    return comparison


def _open(run: _Run, by: Actor) -> None:
    made = Discrepancy.objects.bulk_create(
        Discrepancy(
            system=judged.report.system,
            item_id=judged.report.item_id,
            node_id=judged.report.node_id,
            state=judged.report.state,
            opened_at=run.at,
            last_seen_at=run.at,
            **_figures(judged),
        )
        for judged in run.new
    )
    _record("discrepancy.opened", zip(made, run.new, strict=True), by)


def _see_again(run: _Run, by: Actor) -> None:
    """Keep the figures up to date; a remedy that a newer report belies did not work."""
    for known, judged in run.again:
        for name, value in _figures(judged).items():
            setattr(known, name, value)
        known.seen += 1
        known.last_seen_at = run.at
        known.is_news = True
    Discrepancy.objects.bulk_update(
        [known for known, _ in run.again], [*_FIGURES, "seen", "last_seen_at", "is_news"]
    )
    belied = [
        known
        for known, judged in run.again
        if known.status_value == DiscrepancyStatus.ANSWERED
        and known.answered_at is not None
        and judged.report.as_of > known.answered_at
    ]
    advance_all(
        belied, DiscrepancyStatus.OPEN, by=by, verb="discrepancy.reopened", answered_at=None
    )


def _close(run: _Run, by: Actor) -> None:
    """Close what agrees now, each with the root cause its history shows."""
    if not run.matched:
        return
    remedies = remedies_carried_out(run.matched)
    late = late_units_of(run.matched)
    causes = {}
    for one in run.matched:
        is_gone = (one.system, one.item_id, one.node_id, one.state) not in run.seen
        words = closing_words(one.system, remedies.get(one.pk, ()), late_units=late.get(one.pk, 0))
        causes[one.pk] = {"root_cause": GONE if is_gone else words}
    advance_all(
        run.matched,
        DiscrepancyStatus.MATCHED,
        by=by,
        verb="discrepancy.matched",
        each=causes,
        closed_at=run.at,
        is_news=True,
    )
    thaw_closed([one.pk for one in run.matched], by=by)


def _note_drift(run: _Run, comparison: Comparison) -> None:
    """One point a system, one line a number that was off."""
    DriftPoint.objects.bulk_create(
        DriftPoint(
            comparison=comparison,
            system=system,
            compared=point.compared,
            off=point.off,
            units=point.units,
            value=point.value,
        )
        for system, point in sorted(run.points.items())
    )
    DriftLine.objects.bulk_create(
        (
            DriftLine(
                comparison=comparison,
                system=judged.report.system,
                item_id=judged.report.item_id,
                node_id=judged.report.node_id,
                units=judged.gap.unexplained,
                value=judged.value,
            )
            for judged in run.off
        ),
        batch_size=5_000,
    )


def _figures(judged: Judged) -> dict[str, Any]:
    gap = judged.gap
    return {
        "reported": gap.reported,
        "ledger": gap.now,
        "gap": gap.raw,
        "explained": gap.explained,
        "unexplained": gap.unexplained,
        "value": judged.value,
        "as_of": judged.report.as_of,
    }


def _record(verb: str, found: Iterable[tuple[Discrepancy, Judged]], by: Actor) -> None:
    record_all(
        verb,
        kind="discrepancy",
        subjects={
            str(one.pk): {
                "system": one.system,
                "item": judged.report.sku,
                "node": judged.report.node,
                **_figures(judged),
            }
            for one, judged in found
        },
        by=by,
    )
