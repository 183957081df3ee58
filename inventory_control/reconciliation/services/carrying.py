"""Carrying a remedy out: an adjustment, a request to another system, a count, or nothing at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from inventory_control.audit.services import advance, record
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import Refused
from inventory_control.events import permissions as event_permissions
from inventory_control.events.states import Outcome
from inventory_control.events.values import Refusal
from inventory_control.outbox.services import queue_command
from inventory_control.reconciliation.models import Remedy
from inventory_control.reconciliation.rules import closing_words
from inventory_control.reconciliation.selectors.mismatches import spots_of
from inventory_control.reconciliation.selectors.reports import measure_of
from inventory_control.reconciliation.services.thawing import HOLDER, thaw_closed
from inventory_control.reconciliation.states import DiscrepancyStatus, Path, RemedyStatus
from inventory_control.reconciliation.values import ON_HAND, Judged, Terms
from inventory_control.stock.services import freeze_places, post_rows

CORRECT, COUNT = "position.correct", "count.request"
COUNTS_TAKEN_BY = "wms"


def carry_out(
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
    record("remedy.explained", subject=("remedy", str(done.pk)), by=by, data=told_of(done))
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
    thaw_closed([found.pk], by=by)
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
        is_ours=True,
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
    item_id, node_id, code = spots_of([remedy.discrepancy])[remedy.discrepancy_id]
    if node_id is None:
        raise Refused("A number over several nodes cannot be counted at once.", field="path")
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
    if terms.recount_freezes and freeze_places(
        [(item_id, node_id)], reason=remedy.reason, by=HOLDER
    ):
        remedy.is_freezing = True


def told_of(remedy: Remedy) -> dict[str, object]:
    """What the audit log keeps of a remedy."""
    return {
        "discrepancy": remedy.discrepancy_id,
        "path": remedy.path,
        "reason": remedy.reason,
        "units": remedy.units,
        "value": remedy.value,
    }
