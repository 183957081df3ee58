"""Requesting: what people ask for, checked and with the limit it is held against."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.db import transaction

from exceptions.models import ExceptionCase
from exceptions.services import govern
from exceptions.states import LIVE
from inventory_control.audit.services import record_all
from inventory_control.catalog.models import Item, Node, Supplier
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import IllegalMove, NotPermitted, Refused
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
from workflows.errors import AlreadyRunningError
from workflows.models import Approval, Request, WorkflowRun
from workflows.rules import (
    check_replacement,
    may_correct_at_once,
    may_post_at_once,
    read_reason,
)
from workflows.selectors import (
    REPLENISHMENT,
    adjusted_lately,
    current_workflow,
    run_of_request,
)
from workflows.services.running import stop
from workflows.services.starting import start
from workflows.states import RUN_LIVE, RunStatus
from workflows.values import (
    CENT,
    WantedAdjustment,
    WantedCorrection,
    WantedOrder,
)

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
    lately = adjusted_lately(item, node, by.person)
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
    return start(run, may_post_at_once(reason, spend, item.unit_cost, lately=lately), by=by)


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
    cost = original.item.unit_cost if original.item and original.quantity else Decimal(0)
    spend = (abs(original.quantity or 0) * cost).quantize(CENT)
    run = WorkflowRun(request=request, action="correct", quantity=wanted.quantity, spend=spend)
    run.policy = policy.name
    return start(run, may_correct_at_once(spend, cost, policy.value), by=by)


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
    return start(run, None, by=by)


@transaction.atomic
def withdraw_request(request_id: int, *, by: Actor) -> WorkflowRun:
    """Take back what one asked for, as long as it waits; only whoever asked may.

    Raises `Refused` when there is no such request, `NotPermitted` for anybody else,
    `IllegalMove` once it was decided.
    """
    require(by, permissions.READ)
    # Locked in the order of deciding: approvals first. Whoever decides meanwhile is waited for.
    list(Approval.objects.select_for_update().filter(run__request=request_id).order_by("pk"))
    run = run_of_request(request_id)
    if run is None:
        raise Refused(f"There is no request {request_id}.", field="request")
    if run.requester != by.id:
        raise NotPermitted("Only whoever asked takes it back.")
    if run.status_value != RunStatus.WAITING:
        raise IllegalMove(f"This request is {run.status_value} already.")
    stop([run], "Withdrawn by whoever asked.", by)
    run.refresh_from_db()
    return run


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


def _asked(request: Request) -> Request:
    request.asked_at = clock.now()
    request.save()
    return request


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
