"""What an approved run may do, by key. A new action is a file here and a row in the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from inventory_control.core.actors import Actor
from inventory_control.core.registry import Registry
from workflows.actions.adjust import Adjust
from workflows.actions.correct import Correct
from workflows.actions.markdown import MarkDown
from workflows.actions.purchase import Purchase
from workflows.actions.resume import Resume
from workflows.actions.transfer import Transfer
from workflows.models import WorkflowRun


class Action(Protocol):
    """What every action shows: its key, its meaning, and how a set of runs is carried out."""

    key: str
    meaning: str
    done: str
    """What a person reads when it was carried out, with the document's number."""
    is_immediate: bool
    """Whether the effect is there at once; otherwise the document is awaited."""

    def carry_out(self, runs: Sequence[WorkflowRun], *, by: Actor) -> dict[int, str]:
        """Do it for each run, in the caller's transaction; run id -> document number."""
        ...


ACTIONS: Registry[Action] = Registry(
    "action", Transfer(), Purchase(), Adjust(), Correct(), MarkDown(), Resume()
)

__all__ = ["ACTIONS", "Action"]
