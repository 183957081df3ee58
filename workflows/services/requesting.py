"""Requesting: what people ask for, done at once within their limits, else asked of somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from django.db import transaction

from exceptions.models import ExceptionCase
from exceptions.services import govern
from exceptions.states import LIVE
from inventory_control.audit.services import advance_all, record, record_all
from inventory_control.catalog.models import Item, Node, Supplier
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import correlation_id
from inventory_control.events.models import InventoryEvent
from inventory_control.events.rules import EVENT_TYPES
from inventory_control.events.states import Kind
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.values import REASON_CODES
from inventory_control.stock import permissions as stock_permissions
from inventory_control.stock.rules import MAY_NAME_TARGET
from workflows import permissions
from workflows.errors import AlreadyRunningError, ImpossibleError
from workflows.models import Request, WorkflowRun
from workflows.rules import (
    check_replacement,
    may_correct_at_once,
    may_post_at_once,
    read_reason,
)
from workflows.selectors import REPLENISHMENT, REQUEST, current_workflow, facts_of
from workflows.services.acting import carry_out, note, save
from workflows.services.asking import ask, roles_for
from workflows.services.configuring import MATRIX
from workflows.services.running import stop
from workflows.states import RUN_LIVE, RunStatus
from workflows.values import (
    Facts,
    Found,
    Freedom,
    StepKind,
    WantedAdjustment,
    WantedCorrection,
    WantedOrder,
)

CENT = Decimal("0.01")
STATES = MAY_NAME_TARGET["adjustment.recorded"]


@transaction.atomic
def request_adjustment(wanted: WantedAdjustment, *, by: Actor) -> WorkflowRun:
    """Change the book for a reason: at once within the reason's limit, else when others agree.

    Raises `Refused` naming the field. The run is done, or it waits.
    """
    require(by, stock_permissions.ADJUST)
    policy = current_policy(REASON_CODES)
    reason = read_reason(wanted, policy.value)
    if wanted.state not in STATES:
        raise Refused(f"state is one of {', '.join(sorted(STATES))}.", field="state")
    item, node = _item(wanted.item), _node(wanted.node, "node")
    request = _asked(
        Request(
            item=item,
            node=node,
            state=wanted.state,
            reason=wanted.reason_code,
            note=wanted.note,
            evidence=wanted.evidence,
        )
    )
    spend = (abs(wanted.quantity) * item.unit_cost).quantize(CENT)
    run = WorkflowRun(request=request, action="adjust", quantity=wanted.quantity, spend=spend)
    run.policy = policy.name
    return _start(run, may_post_at_once(reason, spend, item.unit_cost), by=by)


@transaction.atomic
def request_correction(wanted: WantedCorrection, *, by: Actor) -> WorkflowRun:
    """Undo an event, or replace its quantity: at once when the original is worth little.

    Raises `Refused` naming the field, `ImpossibleError` when it was corrected before.
    """
    require(by, stock_permissions.ADJUST)
    policy = current_policy(REASON_CODES)
    original = (
        InventoryEvent.objects.select_related("item", "node").filter(pk=wanted.event_id).first()
    )
    if original is None:
        raise Refused(f"There is no event {wanted.event_id}.", field="event_id")
    if not wanted.reason.strip():
        raise Refused("Say why the event is wrong.", field="reason")
    is_counted = EVENT_TYPES[original.type].kind == Kind.ASSERT
    check_replacement(original.quantity, wanted.quantity, is_counted=is_counted)
    request = _asked(
        Request(
            item=original.item,
            node=original.node,
            reason=wanted.reason,
            note=wanted.note,
            corrects=original.pk,
        )
    )
    cost = original.item.unit_cost if original.item else Decimal(0)
    spend = (abs(original.quantity or 0) * cost).quantize(CENT)
    run = WorkflowRun(request=request, action="correct", quantity=wanted.quantity, spend=spend)
    run.policy = policy.name
    return _start(run, may_correct_at_once(spend, cost, policy.value), by=by)


@transaction.atomic
def request_order(wanted: WantedOrder, *, by: Actor) -> WorkflowRun:
    """Ask for a transfer or a purchase; the approval matrix says who must agree.

    Raises `Refused` naming the field, `ImpossibleError` when the donor cannot spare it.
    """
    require(by, permissions.REQUEST)
    if wanted.quantity <= 0:
        raise Refused("quantity is a whole number above 0.", field="quantity")
    item, node = _item(wanted.item), _node(wanted.node, "node")
    donor, supplier, days = None, None, node.transfer_days
    if wanted.action == "transfer":
        donor = _node(wanted.from_node, "from_node")
        if donor == node:
            raise Refused("A transfer leads to another node.", field="from_node")
    else:
        supplier = _supplier(wanted.supplier) if wanted.supplier else item.supplier
        if supplier is None:
            raise Refused(f"{item.sku} has no supplier: name one.", field="supplier")
        days = supplier.lead_time_days
    run = WorkflowRun(
        request=_asked(Request(item=item, node=node, reason=wanted.reason)),
        action=wanted.action,
        quantity=wanted.quantity,
        spend=(wanted.quantity * item.unit_cost).quantize(CENT),
        from_node=donor,
        supplier=supplier,
        expected_at=clock.now() + timedelta(days=days),
    )
    return _start(run, None, by=by)


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


@transaction.atomic
def request_run(
    *,
    case: ExceptionCase,
    action: str,
    quantity: int,
    reason: str,
    from_node: Node | None = None,
    supplier: Supplier | None = None,
    by: Actor,
) -> WorkflowRun:
    """A person asks for an order on a case by hand; somebody else must approve it.

    Raises `AlreadyRunningError` when a run has the case, `Refused` naming the field otherwise.
    """
    require(by, permissions.APPROVE)
    item = case.item
    if item is None or case.status_value not in LIVE:
        raise Refused("This exception cannot be answered by an order.", field="case")
    if quantity <= 0:
        raise Refused("quantity is a whole number above 0.", field="quantity")
    if action == "transfer" and from_node is None:
        raise Refused("A transfer names the node it comes from.", field="from_node")
    supplier = supplier or item.supplier
    if action == "purchase" and supplier is None:
        raise Refused("A purchase names its supplier.", field="supplier")
    if WorkflowRun.objects.filter(case=case, status__in=RUN_LIVE).exists():
        raise AlreadyRunningError
    workflow, _ = current_workflow(REPLENISHMENT)
    days = supplier.lead_time_days if supplier and action == "purchase" else 1
    now = clock.now()
    run: WorkflowRun = WorkflowRun.objects.create(
        case=case,
        workflow=workflow,
        action=action,
        quantity=quantity,
        spend=(quantity * item.unit_cost).quantize(CENT),
        from_node=from_node,
        supplier=supplier if action == "purchase" else None,
        expected_at=now + timedelta(days=days),
        requester=by.id,
        requester_person=by.person,
        trace=[{"step": "request", "says": reason}],
        started_at=now,
        correlation_id=correlation_id(),
    )
    govern({case.pk: str(run.pk)}, by=by)
    record_all(
        "run.requested",
        kind="workflowrun",
        subjects={str(run.pk): {"case": case.pk, "action": action, "quantity": quantity}},
        by=by,
    )
    ring("workflows")
    return run


def _start(run: WorkflowRun, freedom: Freedom | None, *, by: Actor) -> WorkflowRun:
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
    units = facts.units if old.action == "correct" else old.quantity
    run = WorkflowRun(
        request=old.request,
        workflow=old.workflow,
        action=old.action,
        quantity=old.quantity,
        spend=(abs(units) * facts.unit_cost).quantize(CENT),
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


def _rest_on(run: WorkflowRun, facts: Facts) -> None:
    run.facts = facts.as_row()
    note(run, Found(StepKind.VALIDATE, f"{facts.what}: {facts.units}.", run.facts))


def _asked(request: Request) -> Request:
    request.asked_at = clock.now()
    request.save()
    return request


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
            "quantity": run.quantity,
            "value": run.spend,
            "reason": request.reason,
            "corrects": request.corrects or "",
            "facts": run.facts,
        },
    )


def _item(sku: str) -> Item:
    found = Item.objects.select_related("supplier").filter(sku=sku).first()
    if found is None:
        raise Refused(f"No item is called {sku}.", field="item")
    return found


def _node(code: str, field: str) -> Node:
    found = Node.objects.filter(code=code).first()
    if found is None:
        raise Refused(f"No node is called {code or 'nothing'}.", field=field)
    return found


def _supplier(code: str) -> Supplier:
    found = Supplier.objects.filter(code=code).first()
    if found is None:
        raise Refused(f"No supplier is called {code}.", field="supplier")
    return found
