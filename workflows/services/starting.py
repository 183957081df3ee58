"""Starting: a request is done at once where it is free, else asked of somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from inventory_control.audit.services import advance_all, record, record_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.telemetry import correlation_id
from inventory_control.policies.selectors import current_policy
from workflows.errors import ImpossibleError
from workflows.models import WorkflowRun
from workflows.rules import spend_of
from workflows.selectors import REQUEST, current_workflow, facts_of
from workflows.services.acting import carry_out, note, save
from workflows.services.asking import ask, roles_for
from workflows.services.configuring import MATRIX
from workflows.services.running import stop
from workflows.states import RunStatus
from workflows.values import Facts, Found, Freedom, StepKind


def start(run: WorkflowRun, freedom: Freedom | None, *, by: Actor) -> WorkflowRun:
    """Keep what was asked with the facts it rests on, then do it or ask."""
    run.workflow, _ = current_workflow(REQUEST)
    run.requester, run.requester_person = by.id, by.person
    run.started_at, run.correlation_id = clock.now(), correlation_id()
    run.save()
    facts = facts_of([run])[run.pk]
    if facts.obstacle:
        raise ImpossibleError(facts.obstacle, field="quantity")
    _rest_on(run, facts)
    WorkflowRun.objects.filter(pk=run.pk).update(facts=run.facts)
    _tell(run, by)
    _go([(run, freedom)], by=by)
    run.refresh_from_db()
    return run


def ask_anew(runs: Sequence[WorkflowRun], changes: Mapping[int, str], *, by: Actor) -> None:
    """Stop runs whose facts changed, and ask each request again with the facts of now.

    `changes` says what changed, by run. What cannot be done any more stays stopped. In the
    caller's transaction; a constant number of statements.
    """
    if not runs:
        return
    stop(runs, "The facts changed before it was decided on.", by)
    facts = facts_of(runs)
    possible = [run for run in runs if not facts[run.pk].obstacle]
    anew = WorkflowRun.objects.bulk_create(
        _again(run, facts[run.pk], changes[run.pk]) for run in possible
    )
    told = {str(run.pk): {"request": run.request_id, "changed": changes[old.pk]}
            for old, run in zip(possible, anew, strict=True)}  # fmt: skip
    record_all("run.renewed", kind="workflowrun", subjects=told, by=by)
    _go([(run, None) for run in anew], by=by)


def _go(runs: Sequence[tuple[WorkflowRun, Freedom | None]], *, by: Actor) -> None:
    """Carry out what is free or needs nobody; ask the first role of the rest."""
    matrix = current_policy(MATRIX)
    free: list[WorkflowRun] = []
    asking: list[tuple[WorkflowRun, int, str]] = []
    for run, freedom in runs:
        if freedom is not None:
            note(run, Found(StepKind.DECIDE, freedom.reason, {"policy": run.policy}))
        if freedom is not None and freedom.is_free:
            free.append(run)
            continue
        run.policy = ", ".join(dict.fromkeys(filter(None, (run.policy, matrix.name))))
        roles = roles_for(run, matrix)
        if roles:
            asking.append((run, 1, roles[0]))
        else:
            free.append(run)
    save([run for run, _ in runs])
    if asking:
        ask(asking, matrix=matrix, by=by)
        advance_all([run for run, _, _ in asking], RunStatus.WAITING, by=by, verb="run.asks")
    carry_out(free)
    ring("count")


def _again(old: WorkflowRun, facts: Facts, changed: str) -> WorkflowRun:
    """The same request by another run, worth what it is worth now."""
    is_new = old.action in {"markdown", "resume"}
    units = facts.units if is_new else old.quantity
    if old.action == "correct":
        units = max(abs(facts.units), abs(old.quantity))
    run = WorkflowRun(
        request=old.request,
        workflow=old.workflow,
        action=old.action,
        quantity=facts.units if is_new else old.quantity,
        spend=spend_of(units, _moved_per_unit(old, facts)),
        from_node=old.from_node,
        supplier=old.supplier,
        expected_at=old.expected_at,
        requester=old.requester,
        requester_person=old.requester_person,
        policy=old.policy,
        started_at=clock.now(),
        correlation_id=old.correlation_id,
    )
    note(run, Found(StepKind.VALIDATE, f"Asked anew. {changed}", {"run": old.pk}))
    _rest_on(run, facts)
    return run


def _moved_per_unit(run: WorkflowRun, facts: Facts) -> Decimal:
    """The money one unit moves: what it costs, or what a markdown gives up of its price."""
    if run.request is None or run.request.price is None or facts.unit_price is None:
        return facts.unit_cost
    return facts.unit_price - run.request.price


def _rest_on(run: WorkflowRun, facts: Facts) -> None:
    run.facts = facts.as_row()
    note(run, Found(StepKind.VALIDATE, f"{facts.what}: {facts.units}.", run.facts))


def _tell(run: WorkflowRun, by: Actor) -> None:
    request = run.request
    if request is None:
        return
    record(
        "request.made",
        subject=("request", str(request.pk)),
        by=by,
        data={
            "run": run.pk,
            "action": run.action,
            "item": run.item.sku if run.item else "",
            "node": run.node.code if run.node else "",
            "channel": request.channel.code if request.channel else "",
            "quantity": run.quantity,
            "value": run.spend,
            "reason": request.reason,
            "corrects": request.corrects or "",
            "price": request.price or "",
            "facts": run.facts,
        },
    )
