"""What a person does with a case: take it on, hand it over, write on it, close it, reopen it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from exceptions import permissions
from exceptions.errors import (
    ClosedCaseError,
    LiveTwinError,
    ReasonMissingError,
    UnknownCaseError,
)
from exceptions.models import CaseNote, ExceptionCase
from exceptions.rules import ADVISABLE, keys_of, risk_of
from exceptions.services.locking import hold_detection
from exceptions.states import LIVE, Resolution, Status
from inventory_control.audit.services import advance, record, record_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.people.selectors import has_member

LONGEST_REASON = 300


@transaction.atomic
def acknowledge(case: ExceptionCase, *, by: Actor) -> ExceptionCase:
    """Take a case on. The clock of the first response stops here."""
    require(by, permissions.HANDLE, case)
    return advance(
        case,
        Status.ACKNOWLEDGED,
        by=by,
        verb="case.acknowledged",
        assignee=by.id,
        acknowledged_at=clock.now(),
    )


def assign(case: ExceptionCase, *, assignee: str, by: Actor) -> ExceptionCase:
    """Make a member the owner of a live case; see `assign_all`."""
    (assigned,) = assign_all([case.pk], assignee=assignee, by=by)
    return assigned


@transaction.atomic
def assign_all(case_ids: Sequence[int], *, assignee: str, by: Actor) -> list[ExceptionCase]:
    """Make a member the owner of some live cases: all of them or none, one audit entry each.

    An empty assignee gives them back to everybody. Raises `UnknownCaseError`,
    `ClosedCaseError`, and `Refused` when nobody has that id.
    """
    require(by, permissions.HANDLE)
    if assignee and not has_member(assignee):
        raise Refused("assignee is not a member of this tenant.", field="assignee")
    wanted = sorted(set(case_ids))
    cases = list(
        ExceptionCase.objects.select_for_update(of=("self",)).filter(pk__in=wanted).order_by("pk")
    )
    if missing := set(wanted) - {case.pk for case in cases}:
        raise UnknownCaseError(f"There is no exception {min(missing)}.")
    if closed := [case.pk for case in cases if case.status not in LIVE]:
        raise ClosedCaseError(f"Exception {closed[0]} is closed; reopen it first.")
    told = {str(case.pk): {"from": case.assignee, "to": assignee} for case in cases}
    ExceptionCase.objects.filter(pk__in=wanted).update(assignee=assignee)
    record_all("case.assigned", kind="exceptioncase", subjects=told, by=by)
    for case in cases:
        case.assignee = assignee
    return cases


@transaction.atomic
def add_note(case: ExceptionCase, *, text: str, by: Actor) -> CaseNote:
    """Write on a case, open or closed. The log keeps that a note was written, not its words."""
    require(by, permissions.HANDLE, case)
    if not text.strip():
        raise Refused("text must say something.", field="text")
    note: CaseNote = CaseNote.objects.create(
        case=case, author=by.id, written_at=clock.now(), text=text.strip()
    )
    record("case.noted", subject=("exceptioncase", str(case.pk)), by=by, data={"note": note.pk})
    return note


def resolve(case: ExceptionCase, *, reason: str, by: Actor) -> ExceptionCase:
    """Close a case that a person settled by hand."""
    return _close(case, Status.RESOLVED, Resolution.BY_HAND, reason, None, by)


def dismiss(
    case: ExceptionCase, *, reason: str, quiet_until: datetime | None = None, by: Actor
) -> ExceptionCase:
    """Close a case that was a false alarm; until `quiet_until` its risk opens none unless worse."""
    return _close(case, Status.DISMISSED, Resolution.FALSE_ALARM, reason, quiet_until, by)


@transaction.atomic
def reopen(case: ExceptionCase, *, reason: str = "", by: Actor) -> ExceptionCase:
    """Put a case back in the queue: nobody's, and with advice given before no longer valid.

    Raises `LiveTwinError` when its risk has a live case meanwhile.
    """
    require(by, permissions.HANDLE, case)
    hold_detection()
    twins = ExceptionCase.objects.filter(key__in=keys_of(risk_of(case.key)), status__in=LIVE)
    if twin := twins.exclude(pk=case.pk).first():
        raise LiveTwinError(extra={"case": twin.pk})
    current = ExceptionCase.objects.select_for_update().get(pk=case.pk)
    reopened = advance(
        current,
        Status.OPEN,
        by=by,
        verb="case.reopened",
        assignee="",
        acknowledged_at=None,
        closed_at=None,
        resolution="",
        reason=reason.strip()[:LONGEST_REASON],
        governed_by="",
        quiet_until=None,
        version=current.version + 1,
    )
    if reopened.kind in ADVISABLE:
        ring("advise")
    ring("count")
    return reopened


@transaction.atomic
def _close(
    case: ExceptionCase,
    to: Status,
    resolution: Resolution,
    reason: str,
    quiet_until: datetime | None,
    by: Actor,
) -> ExceptionCase:
    require(by, permissions.HANDLE, case)
    words = reason.strip()
    if not words:
        raise ReasonMissingError(field="reason")
    if len(words) > LONGEST_REASON:
        raise Refused(f"reason may have {LONGEST_REASON} characters.", field="reason")
    now = clock.now()
    if quiet_until is not None and quiet_until <= now:
        raise Refused("quiet_until must be in the future.", field="quiet_until")
    closed = advance(
        case,
        to,
        by=by,
        verb=f"case.{to.value}",
        resolution=resolution.value,
        reason=words,
        closed_at=now,
        quiet_until=quiet_until,
    )
    ring("count")
    return closed
