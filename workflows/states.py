"""The lives of a workflow run and of an approval."""

from __future__ import annotations

from django.db import models

from inventory_control.core.flow import Flow


class RunStatus(models.TextChoices):
    """A run waits for people, then for the effect; nothing is done before it is confirmed."""

    RUNNING = "running", "Being worked out"
    WAITING = "waiting", "Waiting for approval"
    ACTING = "acting", "Sent out, waiting for the effect"
    DONE = "done", "Effect confirmed"
    NO_ACTION = "no_action", "No action needed"
    REFUSED = "refused", "Refused by an approver"
    STOPPED = "stopped", "Stopped"


RUN_FLOW = Flow(
    {
        RunStatus.RUNNING: frozenset(
            {RunStatus.WAITING, RunStatus.ACTING, RunStatus.NO_ACTION, RunStatus.STOPPED}
        ),
        RunStatus.WAITING: frozenset({RunStatus.ACTING, RunStatus.REFUSED, RunStatus.STOPPED}),
        RunStatus.ACTING: frozenset({RunStatus.DONE, RunStatus.STOPPED}),
        RunStatus.DONE: frozenset(),
        RunStatus.NO_ACTION: frozenset(),
        RunStatus.REFUSED: frozenset(),
        RunStatus.STOPPED: frozenset(),
    }
)

RUN_LIVE = (RunStatus.RUNNING.value, RunStatus.WAITING.value, RunStatus.ACTING.value)


class ApprovalStatus(models.TextChoices):
    """One level's decision."""

    WAITING = "waiting", "Waiting"
    APPROVED = "approved", "Approved"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "No longer needed"


APPROVAL_FLOW = Flow(
    {
        ApprovalStatus.WAITING: frozenset(
            {ApprovalStatus.APPROVED, ApprovalStatus.REFUSED, ApprovalStatus.WITHDRAWN}
        ),
        ApprovalStatus.APPROVED: frozenset(),
        ApprovalStatus.REFUSED: frozenset(),
        ApprovalStatus.WITHDRAWN: frozenset(),
    }
)
