"""Approving: the right person, once, never for themselves.

Governance lives here and nowhere else: whatever door a decision comes through, it passes
`_refusal`, and the state moves under a lock.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db import transaction

from exceptions.services import close_cases
from exceptions.states import Resolution
from exceptions.values import Closure
from inventory_control.audit.services import advance_all, record
from inventory_control.core import clock
from inventory_control.core.actors import Actor, ActorKind
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import DomainError, IllegalMove, NotPermitted, Refused
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import security_log
from inventory_control.people.selectors import roles_of
from inventory_control.policies.selectors import current_policy
from inventory_control.timers.services import cancel_timers
from workflows import permissions
from workflows.errors import (
    AdviceExpiredError,
    FactsChangedError,
    NotYourRoleError,
    SeparationError,
)
from workflows.models import Approval, WorkflowRun
from workflows.rules import approvers_for, drift, escalates_to, separated
from workflows.selectors import facts_at_asking, facts_of, runs_with_persons
from workflows.services.acting import PRODUCT, carry_out, note, save
from workflows.services.asking import ESCALATE, ask
from workflows.services.configuring import DRIFT, MATRIX
from workflows.services.running import QUIET_AFTER_REFUSAL
from workflows.services.starting import ask_anew
from workflows.states import ApprovalStatus, RunStatus
from workflows.values import Decided, Found, Spend, StepKind, Verdict


@transaction.atomic
def decide(*, approvals: Sequence[int], verdict: Verdict, reason: str, by: Actor) -> list[Decided]:
    """Decide a set of approvals; what one person may not decide is refused, the rest is done.

    Approvals and runs are locked in order of their keys, so two people pressing at once get one
    success and one refusal. The last level's agreement carries the run out in this transaction.
    What rests on facts that changed materially is not agreed to but asked anew. Answers one
    `Decided` per approval, in order.
    """
    _require_person(by)
    if verdict is Verdict.REFUSED and not reason.strip():
        raise Refused("Say why you refuse.", field="reason")
    rows = {
        row.pk: row
        for row in Approval.objects.select_for_update(of=("self",))
        .filter(pk__in=set(approvals))
        .select_related(
            "run__case__item", "run__case__node", "run__advice", "run__from_node",
            "run__request__item", "run__request__node", "run__request__channel", "run__workflow",
            "run__supplier",
        )
        .order_by("pk")
    }  # fmt: skip
    changes = _changes([row.run for row in rows.values()]) if verdict is Verdict.APPROVED else {}
    roles = roles_of(by)
    persons = runs_with_persons([row.run_id for row in rows.values()])
    answers: dict[int, Decided] = {}
    allowed: list[Approval] = []
    stale: dict[int, WorkflowRun] = {}
    for pk in approvals:
        row = rows.get(pk)
        refusal = _refusal(row, by=by, roles=roles, persons=persons)
        if refusal is None and row is not None and row.run_id in changes:
            refusal = FactsChangedError(f"{changes[row.run_id]} It is asked anew.")
            stale[row.run_id] = row.run
        if refusal is None and row is not None:
            allowed.append(row)
            persons[row.run_id].add(by.person)
            answers[pk] = Decided(pk, str(verdict))
        elif refusal is not None:
            status = row.status_value if row else "missing"
            answers[pk] = Decided(pk, status, refusal.code, refusal.detail)
    if allowed:
        _take(allowed, verdict, reason, by)
    ask_anew(list(stale.values()), changes, by=PRODUCT)
    return [answers[pk] for pk in approvals]


def decide_one(*, approval: int, verdict: Verdict, reason: str, by: Actor) -> Decided:
    """Decide a single approval; raises the refusal instead of answering it.

    Not in a transaction around `decide`: what was asked anew stays asked.
    """
    (decided,) = decide(approvals=[approval], verdict=verdict, reason=reason, by=by)
    if not decided.is_done:
        raise refusal_of(decided)
    return decided


def refusal_of(decided: Decided) -> DomainError:
    """The refusal an answer stands for, for doors that show it without undoing what it caused."""
    return _REFUSALS[decided.code](decided.detail)


@transaction.atomic
def escalate_approval(subject_id: str) -> None:
    """The timer's handler: past its deadline, an approval may be decided one level higher too."""
    row = Approval.objects.select_for_update().filter(pk=int(subject_id)).first()
    if row is None or row.status_value != ApprovalStatus.WAITING or row.escalated_at is not None:
        return
    matrix = current_policy(MATRIX)
    role = escalates_to(row.role, matrix.value)
    if not role:
        return
    row.escalated_role, row.escalated_at = role, clock.now()
    row.save(update_fields=["escalated_role", "escalated_at"])
    record(
        "approval.escalated",
        subject=("approval", subject_id),
        by=Actor.system("timers"),
        data={"from": row.role, "to": role, "policy": matrix.name, "was_due_at": row.due_at},
    )


def _require_person(by: Actor) -> None:
    """Only natural persons approve: no advisor, connector, stage or nameless service account."""
    require(by, permissions.APPROVE)
    if by.kind is not ActorKind.USER or by.person is None:
        security_log("approval.not_a_person", actor=by.as_record())
        raise NotPermitted("Only a person approves.")


def _refusal(
    row: Approval | None,
    *,
    by: Actor,
    roles: Collection[str],
    persons: dict[int, set[object]],
) -> DomainError | None:
    """Why this person may not decide this approval now, or None."""
    if row is None:
        return IllegalMove("There is no such approval.")
    if row.status_value != ApprovalStatus.WAITING:
        return IllegalMove(f"This approval is {row.status_value} already.")
    if row.role not in roles and row.escalated_role not in roles:
        security_log("approval.wrong_role", actor=by.as_record(), approval=row.pk)
        return NotYourRoleError(f"This approval belongs to the role {row.role}.")
    if not separated(by.person, persons[row.run_id]):  # type: ignore[arg-type]  # persons are UUIDs
        security_log("approval.not_separated", actor=by.as_record(), approval=row.pk)
        return SeparationError()
    advice = row.run.advice
    if advice is not None and advice.expires_at <= clock.now():
        ring("workflows")
        return AdviceExpiredError()
    return None


def _changes(runs: Sequence[WorkflowRun]) -> dict[int, str]:
    """What changed materially of the facts that requests rest on, by run."""
    asked = {run.pk: run for run in runs if run.request_id is not None}
    if not asked:
        return {}
    bounds = current_policy(DRIFT).value
    now = facts_of(list(asked.values()))
    changes = {pk: drift(facts_at_asking(run), now[pk], bounds) for pk, run in asked.items()}
    return {pk: change for pk, change in changes.items() if change}


def _take(rows: Sequence[Approval], verdict: Verdict, reason: str, by: Actor) -> None:
    """Move the approvals, then the runs behind them."""
    agreed = verdict is Verdict.APPROVED
    advance_all(
        list(rows),
        ApprovalStatus.APPROVED if agreed else ApprovalStatus.REFUSED,
        by=by,
        verb="approval.approved" if agreed else "approval.refused",
        decided_at=clock.now(),
        decided_by=by.id,
        decided_person=by.person,
        reason=reason[:300],
    )
    cancel_timers(kind=ESCALATE, subjects=[str(row.pk) for row in rows], by=by)
    ring("count")
    runs = [row.run for row in rows]
    for row in rows:
        said = f"{row.role} {'agreed' if agreed else 'refused'}: {reason or 'no reason given'}"
        note(row.run, Found(StepKind.APPROVE, said, {"level": row.level, "by": by.id}))
    if agreed:
        _go_on(rows, by)
    else:
        _refuse(runs, reason, by)


def _go_on(rows: Sequence[Approval], by: Actor) -> None:
    """Ask the next level, or carry out where this was the last."""
    matrix = current_policy(MATRIX)
    asking: list[tuple[WorkflowRun, int, str]] = []
    agreed: list[WorkflowRun] = []
    for row in rows:
        roles = approvers_for(Spend(row.run.action, row.run.spend), matrix.value)
        if row.level < len(roles):
            asking.append((row.run, row.level + 1, roles[row.level]))
        else:
            agreed.append(row.run)
    save([run for run, _, _ in asking])
    if asking:
        ask(asking, matrix=matrix, by=by)
    carry_out(agreed)


def _refuse(runs: Sequence[WorkflowRun], reason: str, by: Actor) -> None:
    """End the runs; their cases stay quiet for a while, unless the risk gets worse."""
    save(runs)
    now = clock.now()
    advance_all(
        list(runs),
        RunStatus.REFUSED,
        by=by,
        verb="run.refused",
        finished_at=now,
        outcome=reason[:300],
    )
    close_cases(
        [
            Closure(
                case_id=run.case_id,
                resolution=Resolution.REFUSED,
                reason=reason,
                quiet_until=now + QUIET_AFTER_REFUSAL,
            )
            for run in runs
            if run.case_id
        ],
        by=PRODUCT,
    )


_REFUSALS: dict[str, type[DomainError]] = {
    one.code: one
    for one in (
        NotYourRoleError,
        SeparationError,
        AdviceExpiredError,
        FactsChangedError,
        IllegalMove,
    )
}
