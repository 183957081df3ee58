"""Approvals, runs and governing policies, for programs and for people with keys."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from exceptions.selectors import case_page
from inventory_control.catalog.models import Node, Supplier
from inventory_control.core.errors import Refused
from inventory_control.policies.selectors import current_policy
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError, problem_response
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView
from workflows import permissions
from workflows.api.serializers import (
    ApprovalPageSerializer,
    ApprovalSerializer,
    BulkDecidedSerializer,
    BulkDecisionBody,
    DecidedSerializer,
    DecisionBody,
    PolicySerializer,
    RunBody,
    RunPageSerializer,
    RunSerializer,
)
from workflows.selectors import approval, approvals, facts_of, run_page, runs_of
from workflows.services import configure, decide, refusal_of, request_run
from workflows.values import Verdict


class ApprovalListView(ApiView):
    """What waits for a decision."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_approvals",
        parameters=[
            OpenApiParameter("mine", bool, description="1: only what the caller may decide."),
            OpenApiParameter("case", int, description="Of one exception."),
            OpenApiParameter("status", str, description="waiting (default), or any other status."),
            *PAGE_PARAMETERS,
        ],
        responses=ApprovalPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page of approvals, oldest first."""
        limit = page_limit(request)
        found = approvals(
            actor=self.actor if request.query_params.get("mine") in {"1", "true"} else None,
            case_id=whole_number(request, "case"),
            status=request.query_params.get("status", "waiting"),
            after=whole_number(request, "after"),
            limit=limit,
        )
        rows = ApprovalSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))


class ApprovalView(ApiView):
    """One approval."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_approval", responses=ApprovalSerializer)
    def get(self, _request: Request, approval_id: int) -> Response:
        """The approval and what it is about."""
        found = approval(approval_id)
        if found is None:
            raise NotFoundError
        facts = facts_of([found.run]) if found.run.request_id else {}
        return Response(ApprovalSerializer(found, context={"facts": facts}).data)


class DecisionView(ApiView):
    """The decision on one approval."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.APPROVE}

    @extend_schema(
        operation_id="decide_approval", request=DecisionBody, responses=DecidedSerializer
    )
    def post(self, request: Request, approval_id: int) -> HttpResponse:
        """Approve or refuse. 403 for the wrong role or the wrong person, 409 when decided.

        A refusal is returned, not raised: what was asked anew because its facts changed must
        not be rolled back with it.
        """
        body = DecisionBody(data=request.data)
        body.is_valid(raise_exception=True)
        if approval(approval_id) is None:
            raise NotFoundError
        (decided,) = decide(
            approvals=[approval_id],
            verdict=Verdict(body.validated_data["verdict"]),
            reason=body.validated_data["reason"],
            by=self.actor,
        )
        if not decided.is_done:
            return problem_response(refusal_of(decided))
        return Response(decided.as_row())


class BulkDecisionView(ApiView):
    """The decision on many approvals."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.APPROVE}

    @extend_schema(
        operation_id="decide_approvals", request=BulkDecisionBody, responses=BulkDecidedSerializer
    )
    def post(self, request: Request) -> Response:
        """One verdict on all; what this person may not decide is answered with its reason."""
        body = BulkDecisionBody(data=request.data)
        body.is_valid(raise_exception=True)
        answers = decide(
            approvals=body.validated_data["approvals"],
            verdict=Verdict(body.validated_data["verdict"]),
            reason=body.validated_data["reason"],
            by=self.actor,
        )
        return Response(
            {
                "decided": sum(one.is_done for one in answers),
                "results": [one.as_row() for one in answers],
            }
        )


class RunView(ApiView):
    """One run."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_run", responses=RunSerializer)
    def get(self, _request: Request, run_id: int) -> Response:
        """The run with its trace."""
        found = run_page(run_id)
        if found is None:
            raise NotFoundError
        return Response(RunSerializer(found).data)


class RunListView(ApiView):
    """The runs of a case."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_runs",
        parameters=[OpenApiParameter("case", int, required=True)],
        responses=RunPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        case_id = whole_number(request, "case")
        if case_id is None:
            raise Refused("Name the exception: ?case=12.", field="case")
        return Response({"results": RunSerializer(runs_of(case_id), many=True).data})


class CaseRunView(ApiView):
    """An order asked for by hand."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.APPROVE}

    @extend_schema(operation_id="request_run", request=RunBody, responses={201: RunSerializer})
    def post(self, request: Request, case_id: int) -> Response:
        """Start a run on a case; whoever asks cannot approve it."""
        body = RunBody(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        node = Node.objects.filter(code=said["from_node"] or "").first()
        if said["from_node"] and node is None:
            raise Refused(f"No node is called {said['from_node']}.", field="from_node")
        supplier = Supplier.objects.filter(code=said["supplier"] or "").first()
        if said["supplier"] and supplier is None:
            raise Refused(f"No supplier is called {said['supplier']}.", field="supplier")
        run = request_run(
            case=case_page(case_id),
            action=said["action"],
            quantity=said["quantity"],
            reason=said["reason"],
            from_node=node,
            supplier=supplier,
            by=self.actor,
        )
        return Response(RunSerializer(run).data, status=201)


class PolicyView(ApiView):
    """A governing policy: the approval matrix, the bounds of autonomy, the terms of advice."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ, "PUT": permissions.CONFIGURE}

    @extend_schema(operation_id="read_policy", responses=PolicySerializer)
    def get(self, _request: Request, key: str) -> Response:
        """The version in force."""
        found = current_policy(key)
        return Response({"key": found.key, "version": found.version, "value": found.value})

    @extend_schema(
        operation_id="set_policy",
        request={"application/json": {"type": "object"}},
        responses=PolicySerializer,
    )
    def put(self, request: Request, key: str) -> Response:
        """Put a new version in force from now on."""
        if not isinstance(request.data, dict):
            raise ValidationError("A policy is an object.")
        policy = configure(key=key, value=request.data, by=self.actor)
        return Response({"key": key, "version": policy.version, "value": policy.value})
