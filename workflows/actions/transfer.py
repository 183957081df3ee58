"""Transfer: stock from a node that can spare it."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.orders.services import place_transfers
from inventory_control.orders.values import WantedTransfer
from workflows.models import WorkflowRun


class Transfer:
    """Moves what a run was granted."""

    key = "transfer"
    meaning = "Move from another node."
    done = "Placed as {}."
    is_immediate = False

    def carry_out(self, runs: Sequence[WorkflowRun], *, by: Actor) -> dict[int, str]:
        """Place the transfers, one each."""
        numbers = place_transfers([_wanted(run) for run in runs], by=by)
        return {run.pk: numbers[str(run.pk)] for run in runs}


def _wanted(run: WorkflowRun) -> WantedTransfer:
    item, node = run.item, run.node
    if item is None or node is None or run.from_node_id is None:
        raise Refused(f"Run {run.pk} names no item or node.", field="from_node")
    return WantedTransfer(
        reference=str(run.pk),
        item_id=item.pk,
        from_node_id=run.from_node_id,
        to_node_id=node.pk,
        quantity=run.quantity,
        unit_cost=item.unit_cost,
        expected_at=run.expected_at or run.started_at,
    )
