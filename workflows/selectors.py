"""Questions about workflows: what is to be done, who must decide, how a run went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum

from ai_advice.models import Advice
from exceptions.models import ExceptionCase
from exceptions.states import LIVE
from inventory_control.availability.rules import available_to_sell
from inventory_control.availability.selectors import held_listings, node_stock
from inventory_control.availability.values import HeldListing, Listing
from inventory_control.catalog.models import Item, Node
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.events.models import Correction, InventoryEvent
from inventory_control.people.selectors import roles_of
from inventory_control.stock.selectors import positions_at, positions_of
from inventory_control.stock.values import Position
from workflows.models import Approval, Workflow, WorkflowRun
from workflows.rules import read_definition
from workflows.states import ApprovalStatus, RunStatus
from workflows.values import Definition, Facts, Markdown

REPLENISHMENT, REQUEST = "replenishment", "request"
COUNTED_UP_TO = 1_000

_ENDED = """
    SELECT run.id, ended.became
      FROM workflows_workflowrun run
      LEFT JOIN orders_purchaseorder purchase ON purchase.number = run.document
      LEFT JOIN orders_transferorder moved ON moved.number = run.document
      LEFT JOIN outbox_outboundcommand told
        ON told.idempotency_key = run.document AND run.action = 'markdown'
     CROSS JOIN LATERAL (
           SELECT CASE WHEN told.status = 'sent' THEN 'received'
                       WHEN told.status IS NOT NULL THEN told.status
                       ELSE coalesce(purchase.status, moved.status) END AS became) ended
     WHERE run.status = 'acting' AND ended.became IN ('received', 'cancelled')
     ORDER BY run.id
     LIMIT %s
"""


def current_workflow(key: str) -> tuple[Workflow, Definition]:
    """The newest version of a definition, as row and as data."""
    row = Workflow.objects.filter(key=key).order_by("-version")[0]
    return row, read_definition(row.definition, f"{row.key} v{row.version}")


def startable_cases(limit: int) -> list[ExceptionCase]:
    """Live cases nobody governs whose fresh advice no run has followed yet, those due first."""
    return list(_startable().order_by("due_at", "id")[:limit])


def runs_to_work_out(limit: int) -> QuerySet[WorkflowRun]:
    """Runs that nobody has decided on yet, locked, oldest first."""
    return (
        WorkflowRun.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(status=RunStatus.RUNNING)
        .select_related("case__item", "case__node", "advice", "from_node", "supplier", "request")
        .order_by("pk")[:limit]
    )


def ended_runs(limit: int) -> list[tuple[int, str]]:
    """Runs whose order was received or cancelled, or whose markdown was acknowledged: (run id,
    what became of it).
    """
    with connection.cursor() as cursor:
        cursor.execute(_ENDED, [limit])
        return [(pk, status) for pk, status in cursor.fetchall()]


def abandoned_runs(limit: int) -> list[WorkflowRun]:
    """Runs that still wait although somebody closed their case."""
    return list(_abandoned().select_related("case").order_by("pk")[:limit])


def expired_runs(limit: int) -> list[WorkflowRun]:
    """Runs that wait for a decision on advice that has expired meanwhile."""
    return list(_expired().select_related("case").order_by("pk")[:limit])


def is_run_due() -> bool:
    """Whether anything is to be started, worked out, finished or stopped."""
    return (
        WorkflowRun.objects.filter(status=RunStatus.RUNNING).exists()
        or bool(ended_runs(1))
        or _startable().exists()
        or _abandoned().exists()
        or _expired().exists()
    )


def approvals(
    *,
    actor: Actor | None = None,
    case_id: int | None = None,
    status: str = ApprovalStatus.WAITING,
    after: int | None = None,
    limit: int = 50,
) -> list[Approval]:
    """A page of approvals, oldest first; of those an actor may decide, or of one case."""
    found = _approvals()
    if status:
        found = found.filter(status=status)
    if case_id is not None:
        found = found.filter(run__case_id=case_id)
    if actor is not None:
        found = found.filter(_decidable_by(actor))
    if after is not None:
        found = found.filter(pk__gt=after)
    return list(found.order_by("pk")[:limit])


def approvals_waiting(actor: Actor, *, after: int | None = None, limit: int = 50) -> list[Approval]:
    """What waits for this person's decision, oldest first."""
    return approvals(actor=actor, after=after, limit=limit)


def approval(pk: int) -> Approval | None:
    """One approval with everything a page shows of it."""
    return _approvals().filter(pk=pk).first()


def waiting_count(actor: Actor) -> int:
    """How many approvals wait for this person, at most `COUNTED_UP_TO`."""
    return Approval.objects.filter(_decidable_by(actor), status=ApprovalStatus.WAITING)[
        :COUNTED_UP_TO
    ].count()


def waiting_total() -> int:
    """How many approvals wait for anybody."""
    return Approval.objects.filter(status=ApprovalStatus.WAITING)[:COUNTED_UP_TO].count()


def run_page(pk: int) -> WorkflowRun | None:
    """One run with its case, advice and approvals."""
    return _runs().filter(pk=pk).first()


def runs_of(case_id: int) -> list[WorkflowRun]:
    """The runs of a case, newest first."""
    return list(_runs().filter(case_id=case_id).order_by("-pk"))


def requests_page(*, after: int | None = None, limit: int = 50) -> list[WorkflowRun]:
    """The runs of what people asked for, newest first, a page below the id `after`."""
    found = _runs().filter(request__isnull=False)
    if after is not None:
        found = found.filter(pk__lt=after)
    return list(found.order_by("-pk")[:limit])


def run_of_request(request_id: int) -> WorkflowRun | None:
    """The latest run of a request: where it stands."""
    return _runs().filter(request_id=request_id).order_by("-pk").first()


def adjusted_lately(item: Item, node: Node, person: UUID | None) -> Decimal:
    """What a person adjusted of an item at a node in the last day that nobody was asked about."""
    found = WorkflowRun.objects.filter(
        request__item=item,
        request__node=node,
        action="adjust",
        requester_person=person,
        started_at__gt=clock.now() - timedelta(days=1),
        approvals__isnull=True,
    ).aggregate(value=Sum("spend"))
    return found["value"] or Decimal(0)


def units_at_stake(event: InventoryEvent, replacement: int) -> int:
    """How many units a correction of an event may change at most: what decides who must agree.

    To withdraw a correction brings back what that one had changed.
    """
    undone = Correction.objects.filter(pk=event.pk).values_list("change", flat=True).first()
    return max(abs(event.quantity or 0), abs(replacement), abs(undone or 0))


def facts_at_asking(run: WorkflowRun) -> Facts:
    """What a run of a request rested on when it was asked for."""
    kept: dict[str, Any] = run.facts or {}
    price = kept.get("unit_price")
    return Facts(
        str(kept["what"]),
        int(kept["units"]),
        Decimal(kept["unit_cost"]),
        unit_price=None if price is None else Decimal(price),
    )


def markdown_of(run: WorkflowRun) -> Markdown | None:
    """The price a run proposes beside the one it found, or None when it is about no price."""
    request = run.request
    if run.action != "markdown" or request is None or request.price is None:
        return None
    asked = facts_at_asking(run)
    return Markdown(
        units=asked.units,
        price=asked.unit_price or Decimal(0),
        proposed=request.price,
        unit_cost=asked.unit_cost,
        currency=request.currency,
    )


def markdowns_of(item_id: int, *, limit: int = 20) -> list[WorkflowRun]:
    """The latest runs that propose a price for an item, newest first."""
    return list(_runs().filter(request__item=item_id, action="markdown").order_by("-pk")[:limit])


def facts_of(runs: Sequence[WorkflowRun]) -> dict[int, Facts]:
    """What each run of a request rests on as things are now; a constant number of queries."""
    places = {
        (run.item.pk, (run.from_node or run.node).pk)  # type: ignore[union-attr]  # a donor or a place
        for run in runs
        if run.item is not None and (run.from_node or run.node) is not None
    }
    positions = positions_at(places)
    events, units, held = _corrected_of(runs), _units_to_sell(runs), _held_of(runs)
    return {
        run.pk: _price_facts(run, units)
        if run.action == "markdown"
        else _listing_facts(run, held)
        if run.action == "resume"
        else _facts(run, positions, events)
        for run in runs
    }


def _units_to_sell(runs: Sequence[WorkflowRun]) -> dict[int, int]:
    """Sellable units, everywhere, of the items whose price is asked about."""
    items = {run.item.pk for run in runs if run.action == "markdown" and run.item is not None}
    units = dict.fromkeys(items, 0)
    for (item_id, _), position in (positions_of(sorted(items)) if items else {}).items():
        units[item_id] += position.sellable
    return units


def _price_facts(run: WorkflowRun, units: Mapping[int, int]) -> Facts:
    item, request = run.item, run.request
    if item is None or request is None or request.price is None:
        raise LookupError(f"Run {run.pk} is about no price.")
    obstacle = ""
    if units[item.pk] <= 0:
        obstacle = f"Nothing of {item.sku} is left to sell."
    elif item.unit_price <= request.price:
        obstacle = f"{item.sku} sells for {item.unit_price} already."
    return Facts(
        f"Sellable units of {item.sku}", units[item.pk], item.unit_cost, obstacle, item.unit_price
    )


def _held_of(runs: Sequence[WorkflowRun]) -> dict[Listing, HeldListing]:
    """Which listings that are asked to be shown again rules still hold."""
    asked = {_listing(run) for run in runs if run.action == "resume"}
    return held_listings(asked) if asked else {}


def _listing(run: WorkflowRun) -> Listing:
    request = run.request
    if request is None or request.item_id is None or request.channel_id is None:
        raise LookupError(f"Run {run.pk} is about no listing.")
    return request.item_id, request.channel_id


def _listing_facts(run: WorkflowRun, held: Mapping[Listing, HeldListing]) -> Facts:
    found, item = held.get(_listing(run)), run.item
    cost = item.unit_cost if item else Decimal(0)
    channel = run.request.channel if run.request else None
    what = f"Units {channel.code if channel else ''} would show"
    if found is None:
        return Facts(what, 0, cost, f"No rule holds {item.sku if item else ''} there any more.")
    return Facts(what, found.units, cost)


def _corrected_of(runs: Sequence[WorkflowRun]) -> dict[int, tuple[int, bool]]:
    """What events to correct say, and whether that was corrected before."""
    asked = [run.request.corrects for run in runs if run.request and run.request.corrects]
    if not asked:
        return {}
    corrected = Correction.objects.filter(about_id=OuterRef("pk"))
    rows = InventoryEvent.objects.filter(pk__in=asked).annotate(is_corrected=Exists(corrected))
    return {pk: (units or 0, done) for pk, units, done in rows.values_list(
        "pk", "quantity", "is_corrected")}  # fmt: skip


def _facts(
    run: WorkflowRun,
    positions: Mapping[tuple[int, int], Position],
    events: Mapping[int, tuple[int, bool]],
) -> Facts:
    item, request, place = run.item, run.request, run.from_node or run.node
    cost = item.unit_cost if item else Decimal(0)
    if run.action == "correct" and request is not None and request.corrects:
        units, is_corrected = events.get(request.corrects, (0, True))
        obstacle = "The event was corrected before; correct the correction instead."
        return Facts(
            f"Units of event {request.corrects}", units, cost, obstacle if is_corrected else ""
        )
    position = positions.get((item.pk, place.pk)) if item and place else None
    if run.action == "adjust" and request is not None:
        units = int(getattr(position, request.state)) if position else 0
        return Facts(f"{request.state.replace('_', ' ').capitalize()} at {place}", units, cost)
    units = available_to_sell(node_stock(position)) if position else 0
    is_short = run.action == "transfer" and units < run.quantity
    obstacle = f"{place} can sell {units} now; {run.quantity} are asked for." if is_short else ""
    return Facts(f"Available at {place}", units, cost, obstacle)


def runs_with_persons(run_ids: Sequence[int]) -> dict[int, set[object]]:
    """The persons who asked for a run or approved a level of it, per run."""
    persons: dict[int, set[object]] = {pk: set() for pk in run_ids}
    for run_id, person in WorkflowRun.objects.filter(pk__in=run_ids).values_list(
        "pk", "requester_person"
    ):
        persons[run_id].add(person)
    decided = Approval.objects.filter(run_id__in=run_ids, status=ApprovalStatus.APPROVED)
    for run_id, person in decided.values_list("run_id", "decided_person"):
        persons[run_id].add(person)
    return {run_id: found - {None} for run_id, found in persons.items()}


def _startable() -> QuerySet[ExceptionCase]:
    fresh = Advice.objects.filter(
        case=OuterRef("pk"),
        case_version=OuterRef("version"),
        expires_at__gt=clock.now(),
        runs__isnull=True,
    )
    _, definition = current_workflow(REPLENISHMENT)
    return ExceptionCase.objects.filter(
        Exists(fresh), status__in=LIVE, governed_by="", kind__in=definition.serves
    )


def _abandoned() -> QuerySet[WorkflowRun]:
    return WorkflowRun.objects.filter(
        status__in=(RunStatus.WAITING, RunStatus.RUNNING), case__isnull=False
    ).exclude(case__status__in=LIVE)


def _expired() -> QuerySet[WorkflowRun]:
    return WorkflowRun.objects.filter(status=RunStatus.WAITING, advice__expires_at__lte=clock.now())


def _decidable_by(actor: Actor) -> Q:
    roles = roles_of(actor)
    return Q(role__in=roles) | Q(escalated_role__in=roles)


def _approvals() -> QuerySet[Approval]:
    return Approval.objects.select_related(
        "run__case__item",
        "run__case__node",
        "run__request__item",
        "run__request__node",
        "run__request__channel",
        "run__advice",
        "run__supplier",
        "run__from_node",
    ).annotate(case_id=F("run__case_id"))


def _runs() -> QuerySet[WorkflowRun]:
    return WorkflowRun.objects.select_related(
        "case__item",
        "case__node",
        "request__item",
        "request__node",
        "request__channel",
        "advice",
        "supplier",
        "from_node",
        "workflow",
    ).prefetch_related("approvals")
