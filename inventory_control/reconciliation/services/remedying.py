"""Settling a discrepancy: four ways out, each with a right, a reason and a trace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from django.db import transaction

from inventory_control.audit.services import advance, record
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import Conflict, Refused
from inventory_control.core.permissions import require
from inventory_control.events import permissions as event_permissions
from inventory_control.events.states import Outcome
from inventory_control.events.values import Refusal
from inventory_control.outbox.services import queue_command
from inventory_control.policies.selectors import current_policy
from inventory_control.reconciliation import permissions
from inventory_control.reconciliation.errors import (
    ClosedDiscrepancyError,
    OwnProposalError,
    UnknownDiscrepancyError,
)
from inventory_control.reconciliation.models import Discrepancy, Effort, Remedy
from inventory_control.reconciliation.rules import POLICY, closing_words, judge, terms_of
from inventory_control.reconciliation.selectors.mismatches import spot_of
from inventory_control.reconciliation.selectors.reports import (
    channels_called,
    measure_of,
    ours_for,
    report_behind,
)
from inventory_control.reconciliation.states import (
    LIVE,
    DiscrepancyStatus,
    Path,
    RemedyStatus,
)
from inventory_control.reconciliation.values import AVAILABLE, ON_HAND, Judged, Terms
from inventory_control.stock import permissions as stock_permissions
from inventory_control.stock.services import freeze_places, post_rows, thaw_places

CORRECT, COUNT = "position.correct", "count.request"
COUNTS_TAKEN_BY = "wms"
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
            data={**_told(remedy), "limit": limit},
        )
        return remedy
    return _carry_out(remedy, judged, terms, by=by)


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
    return _carry_out(remedy, judged, terms, by=by, decided_reason=words)


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


def thaw_after_counts(places: set[tuple[int, int]], *, by: Actor) -> None:
    """Let items be sold again that were frozen until somebody counted them."""
    freezing = Remedy.objects.select_for_update(of=("self",)).filter(
        is_freezing=True,
        discrepancy__item_id__in={item for item, _ in places},
    )
    thawed = [
        (remedy, spot)
        for remedy in freezing.select_related("discrepancy__node").order_by("pk")
        if (spot := _counted_place(remedy.discrepancy)) in places
    ]
    if thawed:
        Remedy.objects.filter(pk__in=[remedy.pk for remedy, _ in thawed]).update(is_freezing=False)
        thaw_places([place for _, place in thawed if place], by=by)


def _carry_out(
    remedy: Remedy, judged: Judged, terms: Terms, *, by: Actor, decided_reason: str = ""
) -> Remedy:
    """Do it, note it, and leave the discrepancy where that brings it."""
    if remedy.path == Path.CORRECT_LEDGER:
        _correct_ledger(remedy, judged, terms, by)
    elif remedy.path == Path.CORRECT_SOURCE:
        _correct_source(remedy, judged, by)
    elif remedy.path == Path.RECOUNT:
        _ask_for_count(remedy, judged, terms, by)
    done = advance(
        remedy,
        RemedyStatus.CARRIED_OUT,
        by=by,
        verb="remedy.carried_out",
        decided_at=clock.now(),
        decided_by=by.id,
        decided_reason=decided_reason,
        is_freezing=remedy.is_freezing,
    )
    record("remedy.explained", subject=("remedy", str(done.pk)), by=by, data=_told(done))
    found = done.discrepancy
    if done.path != Path.ACCEPT:
        advance(
            found,
            DiscrepancyStatus.ANSWERED,
            by=by,
            verb="discrepancy.answered",
            answered_at=clock.now(),
        )
        return done
    told = [(done.path, done.reason, done.units, done.target)]
    advance(
        found,
        DiscrepancyStatus.ACCEPTED,
        by=by,
        verb="discrepancy.accepted",
        unexplained=judged.gap.unexplained,
        closed_at=clock.now(),
        root_cause=closing_words(found.system, told, late_units=0),
        is_news=True,
    )
    ring("detect")
    return done


def _correct_ledger(remedy: Remedy, judged: Judged, terms: Terms, by: Actor) -> None:
    """Post the difference as an adjustment true at the report's moment: from then on both agree."""
    report = judged.report
    measure = measure_of(report, terms)
    body: dict[str, Any] = {
        "type": "adjustment.recorded",
        "source_id": f"remedy-{remedy.pk}",
        "business_key": f"remedy/{remedy.pk}",
        "occurred_at": report.as_of,
        "item": report.sku,
        "node": report.node,
        "quantity": judged.gap.unexplained,
        "document": f"RC-{remedy.discrepancy_id}",
        "reason": remedy.reason[:200],
    }
    if measure != ON_HAND:
        body["to_state"] = measure
    poster = replace(by, permissions=by.permissions | {event_permissions.WRITE}, scopes=None)
    (posted,) = post_rows(
        [msgspec.json.encode(body)],
        received_from="reconciliation",
        may_speak_for=lambda source: source == "reconciliation",
        by=poster,
    )
    if isinstance(posted, Refusal) or posted.outcome != Outcome.POSTED:
        said = posted.reason if isinstance(posted, Refusal) else posted.detail
        raise Refused(f"The ledger did not take the adjustment: {said}")


def _correct_source(remedy: Remedy, judged: Judged, by: Actor) -> None:
    """Tell the other system our number; its next report says whether it took it."""
    report = judged.report
    queue_command(
        kind=CORRECT,
        target=report.system,
        idempotency_key=f"{CORRECT}:{remedy.pk}",
        payload={
            "system": report.system,
            "sku": report.sku,
            "node": report.node or None,
            "state": report.state or None,
            "quantity": judged.gap.now,
            "was": report.quantity,
            "at": clock.now().isoformat(),
            "reason": remedy.reason,
        },
        subject=("remedy", str(remedy.pk)),
        by=by,
    )


def _ask_for_count(remedy: Remedy, judged: Judged, terms: Terms, by: Actor) -> None:
    """Ask the node to count; where policy says so nothing is sold from there until it has."""
    place = _counted_place(remedy.discrepancy)
    if place is None:
        raise Refused("A number over several nodes cannot be counted at once.", field="path")
    _, _, code = spot_of(remedy.discrepancy)
    queue_command(
        kind=COUNT,
        target=COUNTS_TAKEN_BY,
        idempotency_key=f"{COUNT}:{remedy.pk}",
        payload={
            "sku": judged.report.sku,
            "node": code,
            "expected": judged.gap.now,
            "asked_at": clock.now().isoformat(),
            "reason": remedy.reason,
        },
        subject=("remedy", str(remedy.pk)),
        by=by,
    )
    if terms.recount_freezes and freeze_places([place], reason=remedy.reason, by=by):
        remedy.is_freezing = True


def _counted_place(found: Discrepancy) -> tuple[int, int] | None:
    item_id, node_id, _ = spot_of(found)
    return None if node_id is None else (item_id, node_id)


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


def _told(remedy: Remedy) -> dict[str, object]:
    return {
        "discrepancy": remedy.discrepancy_id,
        "path": remedy.path,
        "reason": remedy.reason,
        "units": remedy.units,
        "value": remedy.value,
    }
