"""Purchase orders and transfers, for programs."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.core import clock
from inventory_control.orders import permissions
from inventory_control.orders.models import PurchaseOrder, PurchaseOrderLine, TransferOrder
from inventory_control.orders.rules import difference_of, disputed_units, line_state
from inventory_control.orders.selectors import (
    purchase_order,
    purchase_orders,
    transfer,
    transfers,
)
from inventory_control.orders.services import cancel_purchase, settle_transfer
from inventory_control.orders.states import Settlement
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

CONFIRMED = frozenset({"confirmed", "part_received", "received"})
_FILTERS = [
    OpenApiParameter("sku", str, description="only with this item"),
    OpenApiParameter("status", str, description="only in this state"),
    *PAGE_PARAMETERS,
]


class LineSerializer(serializers.ModelSerializer[PurchaseOrderLine]):
    """One line, in units; `state` is the worst that is true of it, `difference` what is in dispute."""

    sku = serializers.CharField(source="item.sku")
    state = serializers.SerializerMethodField()
    difference = serializers.SerializerMethodField()

    class Meta:
        model = PurchaseOrderLine
        fields = (
            "sku", "quantity", "announced", "received", "outstanding", "inspected", "damaged",
            "difference", "state", "unit_cost",
        )  # fmt: skip

    def get_state(self, line: PurchaseOrderLine) -> str:
        """open, confirmed, partial, late or received."""
        order = line.order
        return line_state(
            ordered=line.quantity,
            received=line.received,
            is_confirmed=order.status_value in CONFIRMED,
            expected_at=order.expected_at,
            at=clock.now(),
        )

    def get_difference(self, line: PurchaseOrderLine) -> int:
        """Units more or less than ordered, as received, or before arrival as announced."""
        return difference_of(
            ordered=line.quantity,
            announced=line.announced,
            received=line.received,
            awaits_more=line.awaits_more,
        )


class PurchaseOrderSerializer(serializers.ModelSerializer[PurchaseOrder]):
    """A purchase order with its lines; `value` is money as text."""

    supplier = serializers.CharField(source="supplier.code", default=None)
    node = serializers.CharField(source="node.code")
    lines = LineSerializer(many=True)

    class Meta:
        model = PurchaseOrder
        fields = (
            "number", "supplier", "node", "status", "value", "ordered_at", "promised_at",
            "expected_at", "received_at", "asn", "external_id", "is_ours", "lines",
        )  # fmt: skip


class TransferSerializer(serializers.ModelSerializer[TransferOrder]):
    """A transfer, in units; `value` is money as text."""

    sku = serializers.CharField(source="item.sku")
    from_node = serializers.CharField(source="from_node.code")
    to_node = serializers.CharField(source="to_node.code")
    disputed = serializers.SerializerMethodField()

    class Meta:
        model = TransferOrder
        fields = (
            "number", "sku", "from_node", "to_node", "status", "quantity", "shipped", "received",
            "returned", "written_off", "in_transit", "disputed", "value", "ordered_at", "expected_at", "received_at", "external_id", "is_ours",
        )  # fmt: skip

    def get_disputed(self, one: TransferOrder) -> int:
        """Units both ends disagree about; below zero more came than left."""
        return disputed_units(
            in_transit=one.in_transit,
            has_arrivals=bool(one.received or one.returned or one.written_off),
            awaits_more=one.awaits_more,
            expected_at=one.expected_at,
            at=clock.now(),
        )


class PurchaseOrderPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of purchase orders, newest first."""

    results = PurchaseOrderSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class TransferPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of transfers, newest first."""

    results = TransferSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class CancelBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Why the order is not needed any more."""

    reason = serializers.CharField(max_length=300)


class TransferSettleBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """What became of units in transit. A surplus is written off by a negative number."""

    settlement = serializers.ChoiceField(Settlement.choices)
    quantity = serializers.IntegerField()
    reason = serializers.CharField(max_length=200)


class PurchaseOrderListView(ApiView):
    """Purchase orders."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_purchase_orders",
        parameters=_FILTERS,
        responses=PurchaseOrderPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page, newest first."""
        limit, query = page_limit(request), request.query_params
        found = purchase_orders(
            before=whole_number(request, "after"),
            sku=query.get("sku", ""),
            status=query.get("status", ""),
            limit=limit,
        )
        rows = PurchaseOrderSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))


class PurchaseOrderView(ApiView):
    """One purchase order."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_purchase_order", responses=PurchaseOrderSerializer)
    def get(self, _request: Request, number: str) -> Response:
        """The order with what has arrived of it."""
        found = purchase_order(number)
        if found is None:
            raise NotFoundError
        return Response(PurchaseOrderSerializer(found).data)


class PurchaseOrderCancelView(ApiView):
    """The end of an order nothing of which has arrived."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.PLACE}

    @extend_schema(
        operation_id="cancel_purchase_order", request=CancelBody, responses=PurchaseOrderSerializer
    )
    def post(self, request: Request, number: str) -> Response:
        """Cancel it here and tell the ERP; 409 when it has gone too far."""
        body = CancelBody(data=request.data)
        body.is_valid(raise_exception=True)
        if purchase_order(number) is None:
            raise NotFoundError
        cancel_purchase(number=number, reason=body.validated_data["reason"], by=self.actor)
        return Response(PurchaseOrderSerializer(purchase_order(number)).data)


class TransferListView(ApiView):
    """Transfers."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_transfers", parameters=_FILTERS, responses=TransferPageSerializer
    )
    def get(self, request: Request) -> Response:
        """A page, newest first."""
        limit, query = page_limit(request), request.query_params
        found = transfers(
            before=whole_number(request, "after"),
            sku=query.get("sku", ""),
            status=query.get("status", ""),
            limit=limit,
        )
        rows = TransferSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))


class TransferView(ApiView):
    """One transfer."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_transfer", responses=TransferSerializer)
    def get(self, _request: Request, number: str) -> Response:
        """The transfer as it stands."""
        found = transfer(number)
        if found is None:
            raise NotFoundError
        return Response(TransferSerializer(found).data)


class TransferSettleView(ApiView):
    """The end of a dispute about a transfer."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.PLACE}

    @extend_schema(
        operation_id="settle_transfer", request=TransferSettleBody, responses=TransferSerializer
    )
    def post(self, request: Request, number: str) -> Response:
        """Say what became of the units; the transfer follows as it follows every event."""
        body = TransferSettleBody(data=request.data)
        body.is_valid(raise_exception=True)
        if transfer(number) is None:
            raise NotFoundError
        settle_transfer(number=number, by=self.actor, **body.validated_data)
        return Response(TransferSerializer(transfer(number)).data)
