"""Adjust: the book is changed to what lies there."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.stock.services import adjust
from inventory_control.stock.values import DecidedAdjustment
from workflows.models import WorkflowRun


class Adjust:
    """Posts the adjustment a request was granted."""

    key = "adjust"
    meaning = "Adjust the book."
    done = "Posted as event {}."
    is_immediate = True

    def carry_out(self, runs: Sequence[WorkflowRun], *, by: Actor) -> dict[int, str]:
        """Post one event each, dated now."""
        posted = adjust([_decided(run) for run in runs], by=by)
        return {run.pk: str(posted[f"request-{run.request_id}"]) for run in runs}


def _decided(run: WorkflowRun) -> DecidedAdjustment:
    request, item, node = run.request, run.item, run.node
    if request is None or item is None or node is None:
        raise Refused(f"Run {run.pk} names no item or node.", field="item")
    return DecidedAdjustment(
        reference=f"request-{request.pk}",
        sku=item.sku,
        node=node.code,
        state=request.state,
        quantity=run.quantity,
        reason=request.reason,
        note=request.note,
        correlation_id=run.correlation_id,
    )
