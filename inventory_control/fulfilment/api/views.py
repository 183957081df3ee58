"""Customers' orders and those who wait for stock, for programs."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.fulfilment import permissions
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.selectors import backorders, sales_order
from inventory_control.fulfilment.services import release_backorder
from inventory_control.fulfilment.states import BackorderStatus
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class BackorderSerializer(serializers.ModelSerializer[Backorder]):
    """Units of an order line that wait for stock, or waited; `customer` is a token."""

    item = serializers.CharField(source="item.sku")
    node = serializers.CharField(source="node.code")

    class Meta:
        model = Backorder
        fields = (
            "id", "order", "line", "item", "node", "channel", "customer", "service", "quantity",
            "allocated", "ordered_at", "promise_at", "promises", "status",
        )  # fmt: skip


class BackorderPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of backorders, newest first."""

    results = BackorderSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class BackorderListView(ApiView):
    """Backorders."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_backorders",
        parameters=[
            OpenApiParameter("order", str, description="only of this order"),
            OpenApiParameter("item", str, description="only of this sku"),
            OpenApiParameter("node", str, description="only at this node"),
            OpenApiParameter("status", str, enum=BackorderStatus.values),
            *PAGE_PARAMETERS,
        ],
        responses=BackorderPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page, newest first."""
        limit, asked = page_limit(request), request.query_params
        found = backorders(
            order=asked.get("order", ""),
            sku=asked.get("item", ""),
            node=asked.get("node", ""),
            status=asked.get("status", ""),
            before=whole_number(request, "after"),
            limit=limit,
        )
        rows = BackorderSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))


class BackorderReleaseBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Units to give now, out of turn or in part. `had` is how many the caller saw it had been given,
    so that the same wish sent twice gives once.
    """

    units = serializers.IntegerField(min_value=1)
    had = serializers.IntegerField(min_value=0)
    reason = serializers.CharField(max_length=300)


class BackorderReleaseView(ApiView):
    """Giving one who waits units out of turn."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.ALLOCATE}

    @extend_schema(
        operation_id="release_backorder",
        request=BackorderReleaseBody,
        responses=BackorderSerializer,
    )
    def post(self, request: Request, backorder_id: int) -> Response:
        """Give them; 409 with what is available when there is not so much."""
        body = BackorderReleaseBody(data=request.data)
        body.is_valid(raise_exception=True)
        found = Backorder.objects.select_related("item", "node").filter(pk=backorder_id).first()
        if found is None:
            raise NotFoundError(f"There is no backorder {backorder_id}.")
        released = release_backorder(found, **body.validated_data, by=self.actor)
        return Response(BackorderSerializer(released).data)


class SalesLineSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """One line, in units; `customer` is a token, `state` the life of its claim in one word."""

    line = serializers.CharField()
    item = serializers.CharField()
    node = serializers.CharField()
    channel = serializers.CharField()
    customer = serializers.CharField()
    quantity = serializers.IntegerField()
    state = serializers.CharField()
    reserved = serializers.IntegerField()
    allocated = serializers.IntegerField()
    shipped = serializers.IntegerField()
    released = serializers.IntegerField()
    backordered = serializers.IntegerField()
    ordered_at = serializers.DateTimeField(allow_null=True)
    promise_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)


class MessageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What another system was told about the order."""

    kind = serializers.CharField()
    target = serializers.CharField()
    status = serializers.CharField()
    queued_at = serializers.DateTimeField()


class SalesOrderSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A customer's order with the same fields whatever channel it came through."""

    order = serializers.CharField()
    channel = serializers.CharField()
    customer = serializers.CharField()
    ordered_at = serializers.DateTimeField(allow_null=True)
    promise_at = serializers.DateTimeField(allow_null=True)
    lines = SalesLineSerializer(many=True)
    messages = MessageSerializer(many=True)


class SalesOrderView(ApiView):
    """One customer's order."""

    tier = Tier.EXPERIENCE
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_sales_order", responses=SalesOrderSerializer)
    def get(self, _request: Request, order: str) -> Response:
        """Its lines as events, claims and backorders make them."""
        found = sales_order(order)
        if found is None:
            raise NotFoundError(f"Nobody told of an order {order}.")
        return Response(SalesOrderSerializer(found).data)
