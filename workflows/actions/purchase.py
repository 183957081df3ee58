"""Purchase: an order to the supplier, one per supplier and node of a batch."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.orders.services import place_purchases
from inventory_control.orders.values import WantedPurchase
from workflows.models import WorkflowRun


class Purchase:
    """Orders what a run was granted."""

    key = "purchase"
    meaning = "Order from the supplier."
    done = "Placed as {}."
    is_immediate = False

    def carry_out(self, runs: Sequence[WorkflowRun], *, by: Actor) -> dict[int, str]:
        """Place the orders; several runs may share one."""
        numbers = place_purchases([_wanted(run) for run in runs], by=by)
        return {run.pk: numbers[str(run.pk)] for run in runs}


def _wanted(run: WorkflowRun) -> WantedPurchase:
    item, node = run.item, run.node
    if item is None or node is None or run.supplier_id is None:
        raise Refused(f"Run {run.pk} names no item, node or supplier.", field="supplier")
    return WantedPurchase(
        reference=str(run.pk),
        item_id=item.pk,
        node_id=node.pk,
        supplier_id=run.supplier_id,
        quantity=run.quantity,
        unit_cost=item.unit_cost,
        expected_at=run.expected_at or run.started_at,
    )
