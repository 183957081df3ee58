"""Correct: an event is undone, and another quantity takes its place."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.events.models import InventoryEvent
from inventory_control.stock.services import correct
from inventory_control.stock.values import DecidedCorrection
from workflows.models import WorkflowRun


class Correct:
    """Posts the correction a request was granted."""

    key = "correct"
    meaning = "Undo an event, or replace its quantity."
    done = "Posted as event {}."
    is_immediate = True

    def carry_out(self, runs: Sequence[WorkflowRun], *, by: Actor) -> dict[int, str]:
        """Post one reversing event each, linked to its original."""
        originals = InventoryEvent.objects.in_bulk(
            [run.request.corrects for run in runs if run.request and run.request.corrects]
        )
        posted = correct([_decided(run, originals) for run in runs], by=by)
        return {run.pk: str(posted[f"request-{run.request_id}"]) for run in runs}


def _decided(run: WorkflowRun, originals: dict[int, InventoryEvent]) -> DecidedCorrection:
    request = run.request
    original = originals.get(request.corrects or 0) if request else None
    if request is None or original is None:
        raise Refused(f"Run {run.pk} names no event.", field="corrects")
    return DecidedCorrection(
        reference=f"request-{request.pk}",
        source=original.source,
        source_id=original.source_id,
        quantity=run.quantity,
        reason=request.reason,
        note=request.note,
        correlation_id=run.correlation_id,
    )
