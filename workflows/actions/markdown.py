"""Markdown: the pricing system is told which price was agreed to; it sets it, not this product."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.outbox.services import queue_commands
from inventory_control.outbox.values import MARKDOWN, CommandDraft
from workflows.models import WorkflowRun
from workflows.selectors import markdown_of

PRICING = "pricing"


class MarkDown:
    """Sends the price a request was granted, and waits for the pricing system to acknowledge it."""

    key = "markdown"
    meaning = "Propose a lower price to the pricing system."
    done = "Sent to pricing as {}."
    is_immediate = False

    def carry_out(self, runs: Sequence[WorkflowRun], *, by: Actor) -> dict[int, str]:
        """One command per request, whatever became of earlier runs of it."""
        numbers = {run.pk: f"MD-{run.request_id}" for run in runs}
        queue_commands([_draft(run, numbers[run.pk]) for run in runs], by=by)
        return numbers


def _draft(run: WorkflowRun, number: str) -> CommandDraft:
    told, item, request = markdown_of(run), run.item, run.request
    if told is None or item is None or request is None:
        raise Refused(f"Run {run.pk} names no item or price.", field="price")
    payload = {
        "number": number,
        "sku": item.sku,
        **told.as_row(),
        "reason": request.reason,
        "asked_by": run.requester,
        "agreed_at": clock.now().isoformat(),
    }
    return CommandDraft(MARKDOWN, PRICING, number, payload, ("item", item.sku))
