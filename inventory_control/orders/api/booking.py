"""ERP documents, for programs: what is expected, what waits for a decision, what was acknowledged."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.orders import permissions
from inventory_control.orders.models import FinancialDocument
from inventory_control.orders.selectors import financial_document, financial_documents
from inventory_control.orders.services import decide_document
from inventory_control.stock.rules import FINANCIALS
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class FinancialDocumentSerializer(serializers.ModelSerializer[FinancialDocument]):
    """What one event means to the ERP; units and value are signed as the books see them."""

    sku = serializers.CharField(source="item.sku")
    node = serializers.CharField(source="node.code")
    event_id = serializers.CharField()
    effect = serializers.SerializerMethodField()
    reverses = serializers.CharField(source="reverses.number", default=None)

    class Meta:
        model = FinancialDocument
        fields = (
            "number", "form", "effect", "move", "event_id", "document", "sku", "node", "quantity",
            "value", "entity", "counterparty", "status", "held_for", "reason", "reverses",
            "occurred_at", "booked_at", "decided_by", "decided_reason", "external_id", "error",
        )  # fmt: skip

    def get_effect(self, document: FinancialDocument) -> str:
        """The financial class of the move."""
        return str(FINANCIALS[document.move].effect)


class FinancialDocumentPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of ERP documents, newest first."""

    results = FinancialDocumentSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class GoodsDecisionBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Accept the goods and book them, or book nothing; with the reason."""

    verdict = serializers.ChoiceField(["accepted", "waived"])
    reason = serializers.CharField(max_length=300)


class FinancialDocumentListView(ApiView):
    """ERP documents."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_erp_documents",
        parameters=[
            OpenApiParameter("sku", str, description="only of this item"),
            OpenApiParameter("status", str, description="only in this state"),
            OpenApiParameter("document", str, description="only of this order or transfer"),
            *PAGE_PARAMETERS,
        ],
        responses=FinancialDocumentPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page, newest first."""
        limit, query = page_limit(request), request.query_params
        found = financial_documents(
            before=whole_number(request, "after"),
            sku=query.get("sku", ""),
            status=query.get("status", ""),
            document=query.get("document", ""),
            limit=limit,
        )
        rows = FinancialDocumentSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))


class FinancialDocumentView(ApiView):
    """One ERP document."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_erp_document", responses=FinancialDocumentSerializer)
    def get(self, _request: Request, number: str) -> Response:
        """The document as it stands."""
        found = financial_document(number)
        if found is None:
            raise NotFoundError
        return Response(FinancialDocumentSerializer(found).data)


class FinancialDocumentDecideView(ApiView):
    """The decision on goods nobody ordered."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.PLACE}

    @extend_schema(
        operation_id="decide_erp_document",
        request=GoodsDecisionBody,
        responses=FinancialDocumentSerializer,
    )
    def post(self, request: Request, number: str) -> Response:
        """Accept or waive what is pending; 409 when nothing waits any more."""
        body = GoodsDecisionBody(data=request.data)
        body.is_valid(raise_exception=True)
        if financial_document(number) is None:
            raise NotFoundError
        decide_document(
            number=number,
            is_accepted=body.validated_data["verdict"] == "accepted",
            reason=body.validated_data["reason"],
            by=self.actor,
        )
        return Response(FinancialDocumentSerializer(financial_document(number)).data)
