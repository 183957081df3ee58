"""What people and programs may ask for: adjustments, corrections, orders, markdowns, resumptions."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from inventory_control.availability.api.exposure import PauseBody, PausedSerializer, ResumeView
from inventory_control.availability.selectors import is_held
from inventory_control.orders import permissions as order_permissions
from inventory_control.orders.api.views import TransferListView
from inventory_control.stock import permissions as stock_permissions
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView
from tenants.selectors import House
from workflows import permissions
from workflows.api.serializers import (
    AdjustmentBody,
    ChangeBody,
    CorrectionBody,
    MarkdownBody,
    ProposedSerializer,
    RequestedPageSerializer,
    RequestedSerializer,
    RequisitionBody,
    TransferBody,
)
from workflows.models import WorkflowRun
from workflows.selectors import markdown_of, requests_page, run_of_request
from workflows.services import (
    propose_change,
    request_adjustment,
    request_correction,
    request_markdown,
    request_order,
    request_resumption,
    withdraw_request,
)
from workflows.states import ApprovalStatus, RunStatus
from workflows.values import (
    WantedAdjustment,
    WantedChange,
    WantedCorrection,
    WantedMarkdown,
    WantedOrder,
    WantedResumption,
)

_EITHER = {201: RequestedSerializer, 202: RequestedSerializer}


class AdjustmentView(ApiView):
    """Adjustments of the book."""

    tier = Tier.PROCESS
    permissions = {"POST": stock_permissions.ADJUST}

    @extend_schema(operation_id="request_adjustment", request=AdjustmentBody, responses=_EITHER)
    def post(self, request: Request) -> Response:
        """201 posted: within the reason's limit. 202 pending approval: sensitive or above it."""
        wanted = WantedAdjustment(**_said(AdjustmentBody(data=request.data)))
        return _requested(request_adjustment(wanted, by=self.actor))


class CorrectionView(ApiView):
    """The correction of an event."""

    tier = Tier.PROCESS
    permissions = {"POST": stock_permissions.ADJUST}

    @extend_schema(
        operation_id="correct_event",
        parameters=[OpenApiParameter("event_id", int, OpenApiParameter.PATH)],
        request=CorrectionBody,
        responses=_EITHER,
    )
    def post(self, request: Request, event_id: int) -> Response:
        """Reverse an event, replacing its quantity or not. 201 posted, 202 pending approval."""
        wanted = WantedCorrection(event_id=event_id, **_said(CorrectionBody(data=request.data)))
        return _requested(request_correction(wanted, by=self.actor))


class TransferRequestView(TransferListView):
    """Transfers, and the asking for one."""

    tier = Tier.PROCESS
    permissions = {"GET": order_permissions.READ, "POST": permissions.REQUEST}

    @extend_schema(operation_id="request_transfer", request=TransferBody, responses=_EITHER)
    def post(self, request: Request) -> Response:
        """Ask for a transfer; `status_url` tells how it goes. 409 when the donor lacks it."""
        said = _said(TransferBody(data=request.data))
        wanted = WantedOrder(action="transfer", node=said.pop("to_node"), **said)
        return _requested(request_order(wanted, by=self.actor))


class ResumeRequestView(ResumeView):
    """Showing an item on a channel again: at once, or when somebody else agrees."""

    tier = Tier.PROCESS

    @extend_schema(
        operation_id="resume_listing",
        request=PauseBody,
        responses={200: PausedSerializer, 202: RequestedSerializer},
    )
    def post(self, request: Request) -> Response:
        """200 shown again: somebody had paused it. 202 pending approval: an exposure rule holds
        it.
        """
        said = _said(PauseBody(data=request.data))
        if is_held(sku=said["item"], channel=said["channel"]):
            wanted = WantedResumption(**said)
            return _requested(request_resumption(wanted, by=self.actor))
        return super().post(request)


class RequisitionView(ApiView):
    """Purchase requisitions."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.REQUEST}

    @extend_schema(operation_id="request_purchase", request=RequisitionBody, responses=_EITHER)
    def post(self, request: Request) -> Response:
        """Ask for a purchase; it becomes an order when everybody the matrix names agrees."""
        said = _said(RequisitionBody(data=request.data))
        return _requested(request_order(WantedOrder(action="purchase", **said), by=self.actor))


class MarkdownRequestView(ApiView):
    """Lower prices for aged items."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.REQUEST}

    @extend_schema(
        operation_id="request_markdown", request=MarkdownBody, responses={202: RequestedSerializer}
    )
    def post(self, request: Request) -> Response:
        """Propose a price; pricing is told once everybody the matrix names agreed."""
        house: House = request.house  # type: ignore[attr-defined]  # tenants.middleware
        wanted = WantedMarkdown(currency=house.currency, **_said(MarkdownBody(data=request.data)))
        return _requested(request_markdown(wanted, by=self.actor))


class ChangeView(ApiView):
    """Changes of what the ERP owns."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.REQUEST}

    @extend_schema(
        operation_id="propose_change", request=ChangeBody, responses={202: ProposedSerializer}
    )
    def post(self, request: Request) -> Response:
        """Ask the ERP to change an item or a supplier; it comes back by its sync, or not."""
        said = _said(ChangeBody(data=request.data))
        command = propose_change(WantedChange(noun=said.pop("kind"), **said), by=self.actor)
        row = {"command": command.pk, "target": command.target, "status": command.status_value}
        return Response(row, status=202)


class RequestListView(ApiView):
    """What was asked for."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_requests",
        parameters=PAGE_PARAMETERS,
        responses=RequestedPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Newest first; one asked anew is there with each of its runs."""
        limit = page_limit(request)
        found = requests_page(after=whole_number(request, "after"), limit=limit)
        rows = [_row(run) for run in found]
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))


class RequestView(ApiView):
    """One request."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_request", responses=RequestedSerializer)
    def get(self, _request: Request, request_id: int) -> Response:
        """Where it stands."""
        run = run_of_request(request_id)
        if run is None:
            raise NotFoundError
        return Response(_row(run))


class WithdrawalView(ApiView):
    """Taking a request back."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.READ}

    @extend_schema(operation_id="withdraw_request", request=None, responses=RequestedSerializer)
    def post(self, _request: Request, request_id: int) -> Response:
        """Withdraw what waits; 403 for anybody but who asked, 409 once it was decided."""
        if run_of_request(request_id) is None:
            raise NotFoundError
        return Response(_row(withdraw_request(request_id, by=self.actor)))


def _said(body: Serializer[Any]) -> dict[str, Any]:
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def _requested(run: WorkflowRun) -> Response:
    is_pending = run.status_value == RunStatus.WAITING
    return Response(_row(run), status=202 if is_pending else 201)


def _row(run: WorkflowRun) -> dict[str, Any]:
    asked, is_posted = run.request, run.action in {"adjust", "correct"}
    told = markdown_of(run)
    waiting = [one.role for one in run.approvals.all() if one.status == ApprovalStatus.WAITING]
    row = {
        "request": run.request_id,
        "run": run.pk,
        "status": "pending_approval" if waiting else run.status_value,
        "status_url": reverse("request-detail", args=[run.request_id]),
        "action": run.action,
        "item": run.item.sku if run.item else None,
        "node": run.node.code if run.node else None,
        "channel": asked.channel.code if asked and asked.channel else None,
        "quantity": run.quantity,
        "value": run.spend,
        "reason": asked.reason if asked else "",
        "corrects": str(asked.corrects) if asked and asked.corrects else None,
        "waits_for": waiting[0] if waiting else None,
        "event_id": run.document if run.document and is_posted else None,
        "document": run.document if run.document and not is_posted else None,
        "markdown": told.as_row() if told else None,
        "outcome": run.outcome,
        "asked_at": asked.asked_at if asked else run.started_at,
    }
    return dict(RequestedSerializer(row).data)
