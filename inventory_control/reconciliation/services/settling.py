"""Settling a discrepancy: four ways out, each with a right, a reason and a trace."""

from __future__ import annotations

from django.db import transaction

from inventory_control.audit.services import advance, record
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Conflict, Refused
from inventory_control.core.permissions import require
from inventory_control.policies.selectors import current_policy
from inventory_control.reconciliation import permissions
from inventory_control.reconciliation.errors import (
    ClosedDiscrepancyError,
    OwnProposalError,
    UnknownDiscrepancyError,
)
from inventory_control.reconciliation.models import Discrepancy, Effort, Remedy
from inventory_control.reconciliation.rules import POLICY, judge, terms_of
from inventory_control.reconciliation.selectors.reports import (
    channels_called,
    measure_of,
    ours_for,
    report_behind,
)
from inventory_control.reconciliation.services.carrying import carry_out, told_of
from inventory_control.reconciliation.states import (
    LIVE,
    Path,
    RemedyStatus,
)
from inventory_control.reconciliation.values import AVAILABLE, Judged, Terms
from inventory_control.stock import permissions as stock_permissions

LONGEST_REASON = 300
MOST_MINUTES = 24 * 60
GOVERNED = frozenset({Path.ACCEPT.value, Path.CORRECT_LEDGER.value})
"""Ways out that change our books or our mind; above the limit they take two persons."""


@transaction.atomic
def settle(*, discrepancy_id: int, path: str, reason: str, minutes: int = 0, by: Actor) -> Remedy:
    """Choose a way out of a live discrepancy.

    Above the policy's limit, accepting it or correcting the ledger waits for a second person.
    Whatever changes a number leaves the discrepancy live until a comparison finds that the
    numbers agree. Raises `ClosedDiscrepancyError`, `Conflict` when the numbers have changed since
    the last comparison, `Refused` when the way does not lead anywhere.
    """
    require(by, permissions.RESOLVE)
    if path == Path.CORRECT_LEDGER:
        require(by, stock_permissions.ADJUST)
    words = _reason(reason)
    found = _locked(discrepancy_id)
    terms = terms_of(current_policy(POLICY).value)
    judged = _as_it_is(found, terms)
    _refuse_pointless(found, path, judged, terms)
    remedy = Remedy.objects.create(
        discrepancy=found,
        path=path,
        reason=words,
        units=judged.gap.unexplained,
        target=judged.gap.now,
        value=judged.value,
        proposed_at=clock.now(),
        proposed_by=by.id,
        proposer=_person(by),
    )
    if minutes:
        log_effort(discrepancy_id=found.pk, minutes=minutes, note=path, by=by)
    limit = terms.approval_above
    if path in GOVERNED and limit is not None and judged.value > limit:
        record(
            "remedy.proposed",
            subject=("remedy", str(remedy.pk)),
            by=by,
            data={**told_of(remedy), "limit": limit},
        )
        return remedy
    return carry_out(remedy, judged, terms, by=by)


@transaction.atomic
def decide_remedy(*, remedy_id: int, verdict: str, reason: str, by: Actor) -> Remedy:
    """Agree to a remedy somebody else proposed, or refuse it; the discrepancy then stays open.

    Raises `OwnProposalError` for the person behind the proposal, whatever account they use.
    """
    require(by, permissions.APPROVE)
    if verdict not in ("approved", "refused"):
        raise Refused("verdict is approved or refused.", field="verdict")
    words = _reason(reason)
    remedy = Remedy.objects.filter(pk=remedy_id).first()
    if remedy is None:
        raise UnknownDiscrepancyError("There is no such remedy.")
    found = _locked(remedy.discrepancy_id)
    if remedy.proposer == _person(by):
        raise OwnProposalError
    terms = terms_of(current_policy(POLICY).value)
    if verdict == "refused":
        return advance(
            remedy,
            RemedyStatus.REFUSED,
            by=by,
            verb="remedy.refused",
            decided_at=clock.now(),
            decided_by=by.id,
            decided_reason=words,
        )
    judged = _as_it_is(found, terms)
    if judged.gap.unexplained != remedy.units:
        raise Conflict(
            f"The difference was {remedy.units:+d} when this was proposed and is "
            f"{judged.gap.unexplained:+d} now; refuse it and propose anew."
        )
    return carry_out(remedy, judged, terms, by=by, decided_reason=words)


@transaction.atomic
def log_effort(*, discrepancy_id: int, minutes: int, note: str = "", by: Actor) -> Effort:
    """Write down minutes spent on a discrepancy, live or closed (REC-08)."""
    require(by, permissions.RESOLVE)
    if not 1 <= minutes <= MOST_MINUTES:
        raise Refused(f"minutes is 1 to {MOST_MINUTES:,}.", field="minutes")
    if not Discrepancy.objects.filter(pk=discrepancy_id).exists():
        raise UnknownDiscrepancyError
    effort: Effort = Effort.objects.create(
        discrepancy_id=discrepancy_id,
        minutes=minutes,
        note=note.strip()[:LONGEST_REASON],
        logged_at=clock.now(),
        logged_by=by.id,
    )
    record(
        "effort.logged",
        subject=("discrepancy", str(discrepancy_id)),
        by=by,
        data={"minutes": minutes},
    )
    return effort


def _locked(discrepancy_id: int) -> Discrepancy:
    found: Discrepancy | None = (
        Discrepancy.objects.select_for_update(of=("self",))
        .select_related("item", "node")
        .filter(pk=discrepancy_id)
        .first()
    )
    if found is None:
        raise UnknownDiscrepancyError
    if found.status_value not in LIVE:
        raise ClosedDiscrepancyError
    return found


def _as_it_is(found: Discrepancy, terms: Terms) -> Judged:
    """The discrepancy judged anew: whoever decides decides on the numbers of this moment."""
    report = report_behind(found)
    if report is None:
        raise Conflict("The report behind this discrepancy was withdrawn; compare again.")
    channels = channels_called({report.system})
    (ours,) = ours_for([report], channels, terms)
    judged = judge(report, ours, terms.of(report.system).material)
    if judged.gap.unexplained == 0:
        raise Conflict("The numbers agree by now; compare again to close this discrepancy.")
    return judged


def _refuse_pointless(found: Discrepancy, path: str, judged: Judged, terms: Terms) -> None:
    """Refuse a way that does not exist for this discrepancy, or twice at a time."""
    if path not in Path.values:
        raise Refused(f"path is one of {', '.join(Path.values)}.", field="path")
    if Remedy.objects.filter(discrepancy=found, status=RemedyStatus.PROPOSED).exists():
        raise Conflict("A remedy of this discrepancy waits for a second person; decide it first.")
    if path != Path.CORRECT_LEDGER:
        return
    measure = measure_of(judged.report, terms)
    if found.node_id is None or measure in (AVAILABLE, "in_transit"):
        raise Refused(
            "This number follows from several ledger accounts, so the ledger cannot be set to it; "
            "correct the other system or count again.",
            field="path",
        )


def _reason(text: str) -> str:
    words = text.strip()
    if not words:
        raise Refused("Say why.", field="reason")
    if len(words) > LONGEST_REASON:
        raise Refused(f"reason may have {LONGEST_REASON} characters.", field="reason")
    return words


def _person(by: Actor) -> str:
    """The human behind an actor, so that two accounts of one person are one person."""
    return str(by.person or by.id)
