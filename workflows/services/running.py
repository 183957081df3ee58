"""Running: from advice to an order or a question, a set of cases at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from ai_advice.models import Advice
from ai_advice.selectors import latest_advice
from exceptions.services import close_cases, govern
from exceptions.states import Resolution
from exceptions.values import Closure
from inventory_control.audit.services import advance_all, record_all
from inventory_control.availability.selectors import ats_at
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.permissions import require
from inventory_control.core.places import Place
from inventory_control.core.telemetry import correlation_id
from inventory_control.events.selectors import staleness
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.values import PolicyValue
from inventory_control.timers.services import cancel_timers
from workflows import permissions
from workflows.models import Approval, Workflow, WorkflowRun
from workflows.rules import may_run_alone
from workflows.selectors import (
    REPLENISHMENT,
    abandoned_runs,
    current_workflow,
    ended_runs,
    expired_runs,
    runs_to_work_out,
    startable_cases,
)
from workflows.services.acting import carry_out, note, save
from workflows.services.asking import ESCALATE, ask, roles_for
from workflows.services.configuring import AUTONOMY, MATRIX
from workflows.states import ApprovalStatus, RunStatus
from workflows.values import Found, Spend, StepKind

BATCH = 500
QUIET_AFTER_REFUSAL = timedelta(days=3)
RECEIVED = "received"


def run_due(*, by: Actor) -> int:
    """Start, work out, finish and stop runs until nothing is due; returns how many were touched.

    Each batch is one transaction with a constant number of statements.
    """
    require(by, permissions.CONFIGURE)
    done = 0
    for step in (_stop_abandoned, _stop_expired, _finish_ended, _start_runs, _work_out):
        while batch := step(by):
            done += batch
    if done:
        ring("count")
    return done


@transaction.atomic
def _start_runs(by: Actor) -> int:
    """Start a run for each case with fresh advice; a case closed meanwhile gets none."""
    cases = startable_cases(BATCH)
    if not cases:
        return 0
    workflow, _ = current_workflow(REPLENISHMENT)
    advice = latest_advice([case.pk for case in cases])
    runs = WorkflowRun.objects.bulk_create(
        _new_run(workflow, advice[case.pk]) for case in cases if case.pk in advice
    )
    governed = govern({run.case_id: str(run.pk) for run in runs if run.case_id}, by=by)
    WorkflowRun.objects.filter(
        pk__in=[run.pk for run in runs if run.case_id not in governed]
    ).delete()
    record_all(
        "run.started",
        kind="workflowrun",
        subjects={
            str(run.pk): {
                "case": run.case_id,
                "advice": run.advice_id,
                "workflow": f"{workflow.key} v{workflow.version}",
            }
            for run in runs
            if run.case_id in governed
        },
        by=by,
    )
    return len(governed)


def _new_run(workflow: Workflow, advice: Advice) -> WorkflowRun:
    return WorkflowRun(
        case_id=advice.case_id,
        workflow=workflow,
        advice=advice,
        action="" if advice.action == "nothing" else advice.action,
        quantity=advice.quantity,
        spend=advice.value,
        from_node=advice.from_node,
        supplier=advice.supplier,
        expected_at=advice.expected_at,
        requester=f"advisor:{advice.advisor}",
        step=StepKind.VALIDATE,
        started_at=clock.now(),
        correlation_id=correlation_id(),
    )


@transaction.atomic
def _work_out(by: Actor) -> int:
    """Check the facts of each run anew, then leave it, ask somebody, or carry it out."""
    runs = list(runs_to_work_out(BATCH))
    if not runs:
        return 0
    matrix, autonomy = current_policy(MATRIX), current_policy(AUTONOMY)
    spare = ats_at(
        (run.item.pk, run.from_node_id)
        for run in runs
        if run.item is not None and run.from_node_id is not None
    )
    stale = _stale(runs)
    idle: list[WorkflowRun] = []
    silent: list[WorkflowRun] = []
    broken: list[WorkflowRun] = []
    free: list[WorkflowRun] = []
    asking: list[tuple[WorkflowRun, int, str]] = []
    for run in runs:
        run.policy = f"{matrix.name}, {autonomy.name}"
        if run.action == "":
            _note_advice(run)
            (idle if run.advice and run.advice.confidence > 0 else silent).append(run)
        elif not _donor_holds(run, spare):
            broken.append(run)
        elif role := _first_role(run, matrix, autonomy, stale):
            asking.append((run, 1, role))
        else:
            free.append(run)
    save(runs)
    _leave(idle, by)
    stop(silent, "No proposal: a person must decide.", by)
    stop(broken, "The donor cannot spare it any more.", by)
    if asking:
        ask(asking, matrix=matrix, by=by)
        advance_all([run for run, _, _ in asking], RunStatus.WAITING, by=by, verb="run.asks")
    carry_out(free)
    return len(runs)


def _note_advice(run: WorkflowRun) -> None:
    advice = run.advice
    if advice is None:
        return
    note(
        run,
        Found(
            StepKind.VALIDATE,
            advice.proposition,
            {"advice": advice.pk, "evidence": advice.evidence},
        ),
    )


def _donor_holds(run: WorkflowRun, spare: dict[Place, int]) -> bool:
    """Whether the donor still has what the transfer takes; a purchase needs no donor."""
    _note_advice(run)
    if run.action != "transfer" or run.item is None or run.from_node_id is None:
        return True
    has = spare.get((run.item.pk, run.from_node_id), 0)
    found = f"{run.from_node} can sell {has} now; {run.quantity} are asked for."
    note(run, Found(StepKind.VALIDATE, found, {"donor_ats": has}))
    return has >= run.quantity


def _stale(runs: Sequence[WorkflowRun]) -> dict[int, str]:
    """The nodes these runs rest on whose positions are older than their limit, in words."""
    now = clock.now()
    nodes = {node.pk for run in runs for node in (run.node, run.from_node) if node is not None}
    return {
        node: f"{found.source} spoke of it {found.age_minutes(now)} min ago"
        for node, found in staleness(nodes, at=now).items()
        if found.is_stale(now)
    }


def _first_role(
    run: WorkflowRun, matrix: PolicyValue, autonomy: PolicyValue, stale: Mapping[int, str]
) -> str:
    """The role to ask first, or none when the run may act at once."""
    if run.advice is not None:
        old = [
            f"{node}: {stale[node.pk]}"
            for node in (run.node, run.from_node)
            if node is not None and node.pk in stale
        ]
        spend = Spend(run.action, run.spend)
        freedom = may_run_alone(spend, run.advice.confidence, autonomy.value, stale="; ".join(old))
        note(run, Found(StepKind.DECIDE, freedom.reason, {"policy": autonomy.name}))
        if freedom.is_free:
            return ""
    roles = roles_for(run, matrix)
    return roles[0] if roles else ""


def _leave(runs: Sequence[WorkflowRun], by: Actor) -> None:
    """Close the cases that need no action, quiet until the awaited supply or the advice ends."""
    if not runs:
        return
    advance_all(
        list(runs),
        RunStatus.NO_ACTION,
        by=by,
        verb="run.left",
        finished_at=clock.now(),
        outcome="No action needed.",
    )
    close_cases(
        [
            Closure(
                case_id=run.case_id,
                resolution=Resolution.NO_ACTION_NEEDED,
                reason=run.advice.proposition if run.advice else "",
                quiet_until=_quiet_until(run),
            )
            for run in runs
            if run.case_id
        ],
        by=by,
    )


def _quiet_until(run: WorkflowRun) -> datetime:
    """When a case that needs no action is looked at again.

    Supply that is overdue may come any hour: the place is looked at again when the advice ends,
    not at once, or the loop would close and open the case for as long as the supply is late.
    """
    advice, now = run.advice, clock.now()
    if advice is None:
        return now
    if advice.expected_at is not None and advice.expected_at > now:
        return advice.expected_at
    return max(advice.expires_at, now)


@transaction.atomic
def _finish_ended(by: Actor) -> int:
    """Close runs whose order arrived, or whose price was acknowledged; let go of those cancelled."""
    ended = ended_runs(BATCH)
    if not ended:
        return 0
    became = dict(ended)
    runs = list(
        WorkflowRun.objects.select_for_update()
        .filter(pk__in=became, status=RunStatus.ACTING)
        .order_by("pk")
    )
    arrived = [run for run in runs if became[run.pk] == RECEIVED]
    cancelled = [run for run in runs if became[run.pk] != RECEIVED]
    for run in arrived:
        note(run, Found(StepKind.CONFIRM, _confirmed(run), {}))
    save(arrived)
    if arrived:
        advance_all(
            arrived,
            RunStatus.DONE,
            by=by,
            verb="run.done",
            finished_at=clock.now(),
            outcome="Effect confirmed.",
        )
        close_cases(
            [
                Closure(
                    case_id=run.case_id,
                    resolution=Resolution.EFFECT_CONFIRMED,
                    reason=_confirmed(run),
                )
                for run in arrived
                if run.case_id
            ],
            by=by,
        )
    stop(cancelled, "The order was cancelled.", by)
    return len(runs)


def _confirmed(run: WorkflowRun) -> str:
    if run.action == "markdown":
        return f"Pricing acknowledged {run.document}."
    return f"{run.document} arrived in full."


@transaction.atomic
def _stop_abandoned(by: Actor) -> int:
    """Stop runs whose case somebody closed, and withdraw what they ask."""
    runs = abandoned_runs(BATCH)
    stop(runs, "The exception was closed by hand.", by)
    return len(runs)


@transaction.atomic
def _stop_expired(by: Actor) -> int:
    """Stop runs that waited for a decision until their advice expired: it is asked anew, with the
    numbers of now, rather than decided on those of then.
    """
    runs = expired_runs(BATCH)
    stop(runs, "The advice expired before it was decided on.", by)
    return len(runs)


def stop(runs: Sequence[WorkflowRun], why: str, by: Actor) -> None:
    """End runs without an effect: withdraw approvals and let the cases go."""
    if not runs:
        return
    waiting = list(Approval.objects.filter(run__in=runs, status=ApprovalStatus.WAITING))
    cancel_timers(kind=ESCALATE, subjects=[str(one.pk) for one in waiting], by=by)
    advance_all(waiting, ApprovalStatus.WITHDRAWN, by=by, verb="approval.withdrawn")
    by_status: dict[str, list[WorkflowRun]] = defaultdict(list)
    for run in runs:
        by_status[run.status_value].append(run)
    for group in by_status.values():
        advance_all(
            group,
            RunStatus.STOPPED,
            by=by,
            verb="run.stopped",
            finished_at=clock.now(),
            outcome=why,
        )
    govern({run.case_id: "" for run in runs if run.case_id}, by=by)
    ring("advise")
