"""Acting: what was agreed leaves as orders, and the run waits for their effect."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from inventory_control.audit.services import advance_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from workflows.actions import ACTIONS
from workflows.models import WorkflowRun
from workflows.states import RunStatus
from workflows.values import Found, StepKind

PRODUCT = Actor.system("workflows")
_by_action = attrgetter("action")


def carry_out(runs: Sequence[WorkflowRun]) -> None:
    """Do what was agreed, in the caller's transaction: orders wait for their effect, what is
    posted has had it.
    """
    for key, group in groupby(sorted(runs, key=_by_action), key=_by_action):
        mine = list(group)
        action = ACTIONS.get(key)
        documents = action.carry_out(mine, by=PRODUCT)
        for run in mine:
            run.document = documents[run.pk]
            run.step = StepKind.CONFIRM
            said = action.done.format(run.document)
            note(run, Found(StepKind.ACT, said, {"document": run.document}))
        save(mine)
        acting = advance_all(mine, RunStatus.ACTING, by=PRODUCT, verb="run.carried_out")
        if action.is_immediate:
            advance_all(
                acting,
                RunStatus.DONE,
                by=PRODUCT,
                verb="run.done",
                finished_at=clock.now(),
                outcome="Effect confirmed.",
            )


def note(run: WorkflowRun, found: Found) -> None:
    """Add to what a run has found; `save` writes it."""
    run.trace = [*run.trace, {"step": str(found.step), "says": found.says, **found.facts}]


def save(runs: Sequence[WorkflowRun]) -> None:
    """Write what was noted on some runs, in one statement."""
    WorkflowRun.objects.bulk_update(
        runs, ["trace", "step", "policy", "document", "outcome", "finished_at"]
    )
