"""What an approved run may do, by key. A new action is a file here and a row in the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from inventory_control.core.actors import Actor
from inventory_control.core.registry import Registry
from workflows.actions.purchase import Purchase
from workflows.actions.transfer import Transfer
from workflows.models import WorkflowRun


class Action(Protocol):
    """What every action shows: its key, its meaning, and how a set of runs is carried out."""

    key: str
    meaning: str

    def carry_out(self, runs: Sequence[WorkflowRun], *, by: Actor) -> dict[int, str]:
        """Do it for each run, in the caller's transaction; run id -> document number."""
        ...


ACTIONS: Registry[Action] = Registry("action", Transfer(), Purchase())

__all__ = ["ACTIONS", "Action"]
