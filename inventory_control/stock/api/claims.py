"""Claims and holds, for programs: what is reserved, confirm it, freeze an item at a node."""

from __future__ import annotations

from urllib.parse import urlencode

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.core.errors import Refused
from inventory_control.stock import permissions
from inventory_control.stock.models import Hold
from inventory_control.stock.selectors import claim_of_line, claims, hold_of, holds
from inventory_control.stock.services import confirm, freeze, unfreeze
from inventory_control.stock.states import HoldStatus
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

CLAIM_FILTERS = [
    OpenApiParameter("order", str, description="every claim of this order"),
    OpenApiParameter("item", str, description="without an order: the open claims on this sku"),
    OpenApiParameter("node", str, description="only claims at this node"),
    OpenApiParameter("limit", int, description="Rows a page, 1 to 500."),
    OpenApiParameter("after", str, description="Where the page before ended; see `next`."),
]


class ClaimSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """The claim of one order line, in units; `assigned` of the open units are confirmed."""

    key = serializers.CharField()
    item = serializers.CharField(source="sku")
    node = serializers.CharField()
    channel = serializers.CharField()
    state = serializers.ChoiceField(
        [
            "reserved",
            "part_confirmed",
            "confirmed",
            "shipped",
            "released",
            "expired",
            "overdrawn",
        ]
    )
    committed = serializers.IntegerField()
    confirmed = serializers.IntegerField()
    shipped = serializers.IntegerField()
    released = serializers.IntegerField()
    open = serializers.IntegerField()
    assigned = serializers.IntegerField()
    expires_at = serializers.DateTimeField(allow_null=True)
    changed_at = serializers.DateTimeField()


class ClaimPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of claims, by key."""

    results = ClaimSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class ConfirmBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Which order line is confirmed, and how many units of it: all without a quantity."""

    order = serializers.CharField(max_length=200)
    line = serializers.CharField(max_length=200)
    quantity = serializers.IntegerField(min_value=1, required=False)


class ConfirmedSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """How many units became an allocation."""

    confirmed = serializers.IntegerField()


class HoldBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """What is frozen where, and why."""

    item = serializers.CharField(max_length=60)
    node = serializers.CharField(max_length=40)
    reason = serializers.CharField(max_length=300)


class LiftBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Why the hold is no longer needed."""

    reason = serializers.CharField(max_length=300)


class HoldSerializer(serializers.ModelSerializer[Hold]):
    """A hold, in force or lifted."""

    item = serializers.CharField(source="item.sku")
    node = serializers.CharField(source="node.code")

    class Meta:
        model = Hold
        fields = (
            "id", "item", "node", "reason", "status", "placed_by", "placed_at", "lifted_by",
            "lifted_at", "lifted_reason",
        )  # fmt: skip


class HoldPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of holds, newest first."""

    results = HoldSerializer(many=True)
    next = serializers.CharField(allow_null=True)


def claim_page(request: Request) -> Response:
    """A page of claims; refuses a question that would walk through all of them."""
    limit, asked = page_limit(request), request.query_params
    order, sku = asked.get("order", ""), asked.get("item", "")
    if not order and not sku:
        raise Refused("Name an order or an item: ?order=… or ?item=….", field="order")
    found = claims(
        order=order,
        sku=sku,
        node=asked.get("node", ""),
        after=asked.get("after", ""),
        limit=limit,
    )
    following = {**asked.dict(), "after": found[-1].key} if len(found) == limit else None
    return Response(
        {
            "results": ClaimSerializer(found, many=True).data,
            "next": f"{request.path}?{urlencode(following)}" if following else None,
        }
    )


class ClaimView(ApiView):
    """The claim of one order line."""

    tier = Tier.EXPERIENCE
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_reservation", responses=ClaimSerializer)
    def get(self, _request: Request, order: str, line: str) -> Response:
        """Its counters, its state in one word, and when it expires."""
        found = claim_of_line(order, line)
        if found is None:
            raise NotFoundError(f"Nothing was ever claimed for {order}/{line}.")
        return Response(ClaimSerializer(found).data)


class ConfirmView(ApiView):
    """Making a reservation an allocation."""

    tier = Tier.EXPERIENCE
    permissions = {"POST": permissions.RESERVE}

    @extend_schema(
        operation_id="confirm_reservation", request=ConfirmBody, responses=ConfirmedSerializer
    )
    def post(self, request: Request) -> Response:
        """Confirm; 409 when less is left to confirm, or while the place is frozen."""
        body = ConfirmBody(data=request.data)
        body.is_valid(raise_exception=True)
        return Response({"confirmed": confirm(**body.validated_data, by=self.actor)})


class HoldListView(ApiView):
    """Holds on items at nodes."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ, "POST": permissions.HOLD}

    @extend_schema(
        operation_id="list_holds",
        parameters=[
            OpenApiParameter("item", str, description="only of this sku"),
            OpenApiParameter("node", str, description="only at this node"),
            OpenApiParameter("status", str, enum=HoldStatus.values),
            *PAGE_PARAMETERS,
        ],
        responses=HoldPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page of holds, newest first."""
        limit, asked = page_limit(request), request.query_params
        found = holds(
            sku=asked.get("item", ""),
            node=asked.get("node", ""),
            status=asked.get("status", ""),
            before=whole_number(request, "after"),
            limit=limit,
        )
        rows = HoldSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))

    @extend_schema(operation_id="place_hold", request=HoldBody, responses={201: HoldSerializer})
    def post(self, request: Request) -> Response:
        """Freeze: nothing of the item is promised at the node until the hold is lifted."""
        body = HoldBody(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        hold = freeze(sku=said["item"], node=said["node"], reason=said["reason"], by=self.actor)
        return Response(HoldSerializer(hold).data, status=201)


class HoldLiftView(ApiView):
    """The end of a hold."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.HOLD}

    @extend_schema(operation_id="lift_hold", request=LiftBody, responses=HoldSerializer)
    def post(self, request: Request, hold_id: int) -> Response:
        """Lift it; 409 when it was lifted before."""
        body = LiftBody(data=request.data)
        body.is_valid(raise_exception=True)
        hold = hold_of(hold_id)
        if hold is None:
            raise NotFoundError
        return Response(
            HoldSerializer(unfreeze(hold, reason=body.validated_data["reason"], by=self.actor)).data
        )
