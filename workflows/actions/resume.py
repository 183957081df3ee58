"""Resume: an item is shown on a channel although a rule holds it."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_control.availability.services import waive_holds
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from workflows.models import WorkflowRun


class Resume:
    """Waives the holds of a listing as a request was granted."""

    key = "resume"
    meaning = "Show an item again that an exposure rule holds."
    done = "Shown again: {}."
    is_immediate = True

    def carry_out(self, runs: Sequence[WorkflowRun], *, by: Actor) -> dict[int, str]:
        """Waive what holds each listing; one that resumed meanwhile needs nothing."""
        wanted = {run.pk: _listing(run) for run in runs}
        why = {wanted[run.pk]: run.request.reason for run in runs if run.request}
        waived = waive_holds(why, by=by)
        return {pk: _named(waived.get(listing, ())) for pk, listing in wanted.items()}


def _listing(run: WorkflowRun) -> tuple[int, int]:
    request = run.request
    if request is None or request.item_id is None or request.channel_id is None:
        raise Refused(f"Run {run.pk} names no item or channel.", field="channel")
    return request.item_id, request.channel_id


def _named(holds: Sequence[int]) -> str:
    return f"hold {min(holds)}" if holds else "nothing held it any more"
