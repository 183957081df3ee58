"""The queue and the acts on a case, for programs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from exceptions import permissions
from exceptions.api.serializers import (
    AssigneeBody,
    BulkAssignBody,
    CasePageSerializer,
    CaseSerializer,
    DismissBody,
    NoteSerializer,
    QueueSerializer,
    ReasonBody,
)
from exceptions.detectors import kinds
from exceptions.rules import page_size, queue_filters
from exceptions.selectors import case_page, exception_queue
from exceptions.services import (
    acknowledge,
    add_note,
    assign,
    assign_all,
    dismiss,
    reopen,
    resolve,
)
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

_FILTERS = [
    OpenApiParameter("status", str, description="A status, or live (default), closed, any."),
    OpenApiParameter("order", str, description="urgency, money, closed or latest."),
    OpenApiParameter("kind", str, description="The kind of risk."),
    OpenApiParameter("severity", str, description="critical, high, medium or low."),
    OpenApiParameter("node", str, description="The code of a node."),
    OpenApiParameter("assignee", str, description="A member's public id, or none."),
    OpenApiParameter("past_due", bool, description="Only cases past their due time."),
    OpenApiParameter("sku", str, description="Part of an item's code."),
    OpenApiParameter("key", str, description="The key of a risk; finds closed cases too."),
    OpenApiParameter("limit", int, description="Cases a page, 1 to 200."),
    OpenApiParameter("after", str, description="Where the page before ended; see `next`."),
]


class CaseListView(ApiView):
    """The exception queue."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="list_exceptions", parameters=_FILTERS, responses=QueueSerializer)
    def get(self, request: Request) -> Response:
        """A page of cases, worst and most urgent first unless `order` says otherwise."""
        query = request.query_params.dict()
        page = exception_queue(
            queue_filters(query, kinds=kinds()), query.get("after", ""), page_size(query)
        )
        following = {**query, "after": page.next_after}
        address = f"{request.path}?{urlencode(following)}" if page.next_after else None
        return Response({"results": CaseSerializer(page.cases, many=True).data, "next": address})


class CaseView(ApiView):
    """One exception."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="get_exception", responses=CasePageSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """One case with its notes; 404 when there is none."""
        del request
        return Response(CasePageSerializer(case_page(pk)).data)


class _CaseActView(ApiView):
    """What every act on one case shares: who may, and the case as the answer."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.HANDLE}

    def body(self, serializer: type[BaseSerializer[Any]]) -> dict[str, Any]:
        """The body, checked for shape."""
        checked = serializer(data=self.request.data)
        checked.is_valid(raise_exception=True)
        read: dict[str, Any] = checked.validated_data
        return read

    @staticmethod
    def answer(pk: int) -> Response:
        """The case as it is now."""
        return Response(CasePageSerializer(case_page(pk)).data)


class AcknowledgeView(_CaseActView):
    """Taking a case on."""

    @extend_schema(operation_id="acknowledge_exception", request=None, responses=CasePageSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Take the case on; 409 when somebody else was first."""
        del request
        acknowledge(case_page(pk), by=self.actor)
        return self.answer(pk)


class AssignView(_CaseActView):
    """Handing a case over."""

    @extend_schema(
        operation_id="assign_exception", request=AssigneeBody, responses=CasePageSerializer
    )
    def post(self, request: Request, pk: int) -> Response:
        """Make a member the owner; 409 when the case is closed."""
        del request
        assign(case_page(pk), by=self.actor, **self.body(AssigneeBody))
        return self.answer(pk)


class ResolveView(_CaseActView):
    """Closing a case that was settled by hand."""

    @extend_schema(
        operation_id="resolve_exception", request=ReasonBody, responses=CasePageSerializer
    )
    def post(self, request: Request, pk: int) -> Response:
        """Close the case; 422 without a reason, 409 when it is closed."""
        del request
        resolve(case_page(pk), by=self.actor, **self.body(ReasonBody))
        return self.answer(pk)


class DismissView(_CaseActView):
    """Closing a false alarm."""

    @extend_schema(
        operation_id="dismiss_exception", request=DismissBody, responses=CasePageSerializer
    )
    def post(self, request: Request, pk: int) -> Response:
        """Close the case and keep its risk quiet for a while; 422 without a reason."""
        del request
        dismiss(case_page(pk), by=self.actor, **self.body(DismissBody))
        return self.answer(pk)


class ReopenView(_CaseActView):
    """Putting a case back in the queue."""

    @extend_schema(
        operation_id="reopen_exception", request=ReasonBody, responses=CasePageSerializer
    )
    def post(self, request: Request, pk: int) -> Response:
        """Open the case again; 409 when its risk has a live case meanwhile."""
        del request
        reopen(case_page(pk), by=self.actor, **self.body(ReasonBody))
        return self.answer(pk)


class NoteView(_CaseActView):
    """Writing on a case."""

    @extend_schema(
        operation_id="note_exception", request=NoteSerializer, responses={201: NoteSerializer}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Add a note."""
        del request
        note = add_note(case_page(pk), by=self.actor, **self.body(NoteSerializer))
        return Response(NoteSerializer(note).data, status=201)


class BulkAssignView(_CaseActView):
    """Handing many cases over at once."""

    @extend_schema(
        operation_id="assign_exceptions", request=BulkAssignBody, responses=QueueSerializer
    )
    def post(self, request: Request) -> Response:
        """Make a member the owner of up to 500 cases: all of them or none."""
        del request
        wanted = self.body(BulkAssignBody)
        assigned = assign_all(wanted["ids"], assignee=wanted["assignee"], by=self.actor)
        return Response({"results": CaseSerializer(assigned, many=True).data, "next": None})
