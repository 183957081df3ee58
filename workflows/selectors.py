"""Questions about workflows: what is to be done, who must decide, how a run went."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from ai_advice.models import Advice
from exceptions.models import ExceptionCase
from exceptions.states import LIVE
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.people.selectors import roles_of
from workflows.models import Approval, Workflow, WorkflowRun
from workflows.rules import read_definition
from workflows.states import ApprovalStatus, RunStatus
from workflows.values import Definition

REPLENISHMENT = "replenishment"
COUNTED_UP_TO = 1_000

_ENDED = """
    SELECT run.id, coalesce(purchase.status, moved.status)
      FROM workflows_workflowrun run
      LEFT JOIN orders_purchaseorder purchase ON purchase.number = run.document
      LEFT JOIN orders_transferorder moved ON moved.number = run.document
     WHERE run.status = 'acting'
       AND coalesce(purchase.status, moved.status) IN ('received', 'cancelled')
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
        .select_related("case__item", "case__node", "advice", "from_node", "supplier")
        .order_by("pk")[:limit]
    )


def ended_runs(limit: int) -> list[tuple[int, str]]:
    """Runs whose order was received or cancelled: (run id, what became of the order)."""
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
    return WorkflowRun.objects.filter(status__in=(RunStatus.WAITING, RunStatus.RUNNING)).exclude(
        case__status__in=LIVE
    )


def _expired() -> QuerySet[WorkflowRun]:
    return WorkflowRun.objects.filter(status=RunStatus.WAITING, advice__expires_at__lte=clock.now())


def _decidable_by(actor: Actor) -> Q:
    roles = roles_of(actor)
    return Q(role__in=roles) | Q(escalated_role__in=roles)


def _approvals() -> QuerySet[Approval]:
    return Approval.objects.select_related(
        "run__case__item",
        "run__case__node",
        "run__advice",
        "run__supplier",
        "run__from_node",
    ).annotate(case_id=F("run__case_id"))


def _runs() -> QuerySet[WorkflowRun]:
    return WorkflowRun.objects.select_related(
        "case__item", "case__node", "advice", "supplier", "from_node", "workflow"
    ).prefetch_related("approvals")
