"""Detection: what changed is looked at by every detector, and findings become cases, as a set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection, transaction
from django.db.models import F

from exceptions import permissions
from exceptions.detectors import document_kinds, findings_in, place_kinds
from exceptions.models import ExceptionCase
from exceptions.rules import ADVISABLE, due_at, has_risen, kept_money, risk_of
from exceptions.selectors.detection import (
    CASE_SQL,
    cases_in_view,
    is_live,
    lapsed_places,
    quiet_severities,
    reports_to_look_at,
    scene_of,
    settled_by_hand,
)
from exceptions.selectors.facts import facts_of
from exceptions.services.locking import hold_detection
from exceptions.states import Resolution, Status
from exceptions.values import Finding
from inventory_control.audit.services import advance_all, record_all
from inventory_control.availability.services import take_changed_places
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.permissions import require
from inventory_control.core.places import Place, Places
from inventory_control.core.telemetry import correlation_id
from inventory_control.events.services import take_noted_sources, take_waiting_names
from inventory_control.outbox.services import take_command_news
from inventory_control.reconciliation.selectors import root_causes
from inventory_control.reconciliation.services import take_news

BATCH = 5_000
"""Changed places of one transaction."""
CLEARED = "The risk is no longer there."


@dataclass(slots=True)
class _Changes:
    """What one look makes of the cases in view."""

    new: list[Finding] = field(default_factory=list)
    risen: list[tuple[ExceptionCase, Finding]] = field(default_factory=list)
    seen_again: list[ExceptionCase] = field(default_factory=list)
    gone: list[ExceptionCase] = field(default_factory=list)


def detect_due(*, by: Actor) -> int:
    """Look at everything that changed, a batch a transaction; returns the places looked at.

    Documents and unknown names are looked at in every run, changed or not: time alone makes
    documents late. Places that change meanwhile have rung again and wait for the next look,
    together.
    """
    require(by, permissions.HANDLE)
    looked_at = 0
    while True:
        changed, places = _detect_batch(by)
        looked_at += places
        if changed < BATCH:
            return looked_at


@transaction.atomic
def _detect_batch(by: Actor) -> tuple[int, int]:
    """One batch: take the notes, look, and open, raise, repeat or clear cases.

    Returns how many places had changed, and how many were looked at.
    """
    hold_detection()
    now = clock.now()
    take_noted_sources()
    take_command_news()
    lapsed = _end_quiet(now)
    changed, places = _places_to_look_at(lapsed.values())
    reports = reports_to_look_at() if take_news() or lapsed else None
    if not is_live(now):
        return changed, len(places)
    scene = replace(scene_of(places, now, reports), waiting_names=tuple(take_waiting_names()))
    findings = {risk_of(finding.case_key): finding for finding in findings_in(scene)}
    live = {
        risk_of(case.key): case
        for case in cases_in_view(
            places,
            place_kinds=place_kinds(),
            document_kinds=document_kinds(with_reports=reports is not None),
        )
    }
    changes = _changes(findings, live, now)
    opened = _open(changes.new, now, by)
    _raise(changes.risen, now, by)
    _see_again(changes.seen_again, now)
    _clear(changes.gone, now, by)
    if any(finding.kind in ADVISABLE for finding in opened) or any(
        case.kind in ADVISABLE for case, _ in changes.risen
    ):
        ring("advise")
    if opened or changes.risen or changes.gone:
        ring("count")
    return changed, len(places)


def _end_quiet(now: datetime) -> dict[int, Place]:
    """Take the risks that were quiet long enough: their places, by the case that said so."""
    lapsed = lapsed_places(now)
    if lapsed:
        ExceptionCase.objects.filter(pk__in=lapsed).update(quiet_until=None)
    return lapsed


def _places_to_look_at(lapsed: Iterable[Place]) -> tuple[int, Places]:
    """How many places changed; they, and those whose risk was quiet long enough."""
    again = {place for place in lapsed if None not in place}
    changed = take_changed_places(BATCH)
    return len(changed), Places({*changed, *again})


def _changes(
    findings: Mapping[str, Finding], live: Mapping[str, ExceptionCase], now: datetime
) -> _Changes:
    """Compare what was found with what is known.

    A case that a workflow governs is closed by its effect, never by clearing. A late document
    that is merely still late is no new sight of it. A document that a person settled opens no case
    again until it gets worse.
    """
    changes = _Changes()
    unknown = [risk for risk in findings if risk not in live]
    quiet = quiet_severities(unknown, now)
    settled = settled_by_hand(
        [risk for risk in unknown if findings[risk].document and not findings[risk].is_asked_anew]
    )
    for risk, finding in findings.items():
        case = live.get(risk)
        if case is None:
            if not _is_held_back(finding, quiet.get(risk), settled.get(risk)):
                changes.new.append(finding)
        elif has_risen(
            severity=case.severity,
            units=case.units,
            new_severity=finding.severity,
            new_units=finding.units,
        ):
            changes.risen.append((case, finding))
        elif not finding.document:
            changes.seen_again.append(case)
    changes.gone += [
        case for risk, case in live.items() if risk not in findings and not case.governed_by
    ]
    return changes


def _is_held_back(finding: Finding, quiet: int | None, settled: tuple[int, int] | None) -> bool:
    """Whether a closed case stands for a finding: it is no worse than what was known then."""
    if settled is not None and finding.units <= settled[0] and finding.severity >= settled[1]:
        return True
    return quiet is not None and finding.severity >= quiet


def _open(findings: Sequence[Finding], now: datetime, by: Actor) -> list[Finding]:
    """Open a case per finding; returns those that got one."""
    if not findings:
        return []
    facts = facts_of(findings, now)
    rows = [
        {
            **_figures(finding),
            "evidence": {**finding.evidence, **facts.get(finding.case_key, {})},
            "kind": finding.kind,
            "key": finding.case_key,
            "item_id": finding.item_id,
            "node_id": finding.node_id,
            "document": finding.document,
            "assignee": finding.assignee,
            "due_at": due_at(now, finding.respond_within),
        }
        for finding in findings
    ]
    parameters: dict[str, Any] = {"rows": _json(rows), "at": now, "correlation": correlation_id()}
    with connection.cursor() as cursor:
        cursor.execute(CASE_SQL["open_cases"], parameters)
        ids = {key: pk for pk, key in cursor.fetchall()}
    opened = [finding for finding in findings if finding.case_key in ids]
    told = {str(ids[finding.case_key]): _told(finding) for finding in opened}
    record_all("case.opened", kind="exceptioncase", subjects=told, by=by)
    return opened


def _raise(risen: Sequence[tuple[ExceptionCase, Finding]], now: datetime, by: Actor) -> None:
    """Give cases the figures of a risk that changed; a worse one is due no later than its rank."""
    if not risen:
        return
    rows = [
        {**_figures(finding), "id": case.pk, "due_at": _due_after(case, finding, now)}
        for case, finding in risen
    ]
    with connection.cursor() as cursor:
        cursor.execute(CASE_SQL["raise_cases"], {"rows": _json(rows), "at": now})
    told = {
        str(case.pk): {**_told(finding), "version": case.version + 1} for case, finding in risen
    }
    record_all("case.raised", kind="exceptioncase", subjects=told, by=by)


def _see_again(cases: Iterable[ExceptionCase], now: datetime) -> None:
    """Count up. The figures stay those of the version, so that advice and case agree."""
    if seen := [case.pk for case in cases]:
        ExceptionCase.objects.filter(pk__in=seen).update(seen=F("seen") + 1, last_seen_at=now)


def _clear(cases: Sequence[ExceptionCase], now: datetime, by: Actor) -> None:
    """Close what is no longer there, with its root cause where reconciliation knows it."""
    if not cases:
        return
    causes = root_causes([case.document for case in cases if case.document])
    advance_all(
        cases,
        Status.RESOLVED,
        by=by,
        verb="case.cleared",
        each={case.pk: {"reason": causes.get(case.document, CLEARED)} for case in cases},
        resolution=Resolution.CLEARED.value,
        closed_at=now,
    )


def _due_after(case: ExceptionCase, finding: Finding, now: datetime) -> datetime:
    if finding.severity >= case.severity:
        return case.due_at
    return min(case.due_at, due_at(now, finding.respond_within))


def _figures(finding: Finding) -> dict[str, Any]:
    """The columns that change with a risk."""
    return {
        "severity": int(finding.severity),
        "units": finding.units,
        "at_stake": kept_money(finding.at_stake),
        "summary": finding.summary,
        "evidence": finding.evidence,
    }


def _told(finding: Finding) -> dict[str, object]:
    """What the audit log keeps of a finding."""
    return {
        "kind": finding.kind,
        "key": finding.case_key,
        "severity": int(finding.severity),
        "units": finding.units,
        "at_stake": kept_money(finding.at_stake),
        **({"assignee": finding.assignee} if finding.assignee else {}),
    }


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()
