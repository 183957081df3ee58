"""Asking: the next level of approval of some runs, with its deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from inventory_control.audit.services import record_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.policies.values import PolicyValue
from inventory_control.timers.services import set_timers
from workflows.models import Approval, WorkflowRun
from workflows.rules import approvers_for, deadline
from workflows.services.acting import note
from workflows.values import Found, Spend, StepKind

ESCALATE = "approval.escalate"


def ask(
    asked: Sequence[tuple[WorkflowRun, int, str]], *, matrix: PolicyValue, by: Actor
) -> list[Approval]:
    """Ask a role for a level of each run, (run, level, role); timers are set with it."""
    now = clock.now()
    due_at = deadline(now, matrix.value)
    made = Approval.objects.bulk_create(
        Approval(run=run, level=level, role=role, value=run.spend, asked_at=now, due_at=due_at)
        for run, level, role in asked
    )
    record_all(
        "approval.asked",
        kind="approval",
        subjects={str(one.pk): _told(one, matrix.name, due_at) for one in made},
        by=by,
    )
    set_timers(kind=ESCALATE, due={str(one.pk): due_at for one in made})
    return made


def roles_for(run: WorkflowRun, matrix: PolicyValue) -> tuple[str, ...]:
    """The roles that must agree to a run, level by level; noted on it."""
    roles = approvers_for(Spend(run.action, run.spend), matrix.value)
    run.step = StepKind.APPROVE
    asked = " then ".join(roles) or "nobody"
    said = f"A {run.action} of {run.spend} needs {asked}."
    note(run, Found(StepKind.APPROVE, said, {"policy": matrix.name, "roles": list(roles)}))
    return roles


def _told(one: Approval, policy: str, due_at: datetime) -> Mapping[str, Any]:
    return {
        "run": one.run_id,
        "level": one.level,
        "role": one.role,
        "value": one.value,
        "due_at": due_at,
        "policy": policy,
    }
