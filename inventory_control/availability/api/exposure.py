"""What is decided about listings: rules, buffers and caps, pauses; and the holds there are."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.availability import permissions
from inventory_control.availability.models import Exposure, ExposureHold, ExposureRule
from inventory_control.availability.selectors import (
    exposure_hold,
    exposure_holds,
    exposure_rules,
    orders_during,
)
from inventory_control.availability.services import (
    pause_listing,
    resume_listing,
    set_listings,
    set_rule,
)
from inventory_control.availability.states import HoldStatus
from inventory_control.availability.values import ListingTerms, RuleTerms
from inventory_control.catalog.api.views import RowsTakenSerializer
from inventory_control.core.errors import Refused
from inventory_control.stock import permissions as stock_permissions
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

MOST_LISTINGS = 5_000
_LARGEST = 10**9


class RuleBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """An exposure rule: which item and node it looks at, its lines, the channels it is about."""

    item = serializers.CharField(required=False, allow_null=True, default=None)
    node = serializers.CharField(required=False, allow_null=True, default=None)
    hold_below = serializers.IntegerField(min_value=-_LARGEST, max_value=_LARGEST)
    resume_from = serializers.IntegerField(min_value=-_LARGEST, max_value=_LARGEST)
    resume_after = serializers.IntegerField(min_value=0, max_value=43_200, help_text="minutes")
    margin_below = serializers.DecimalField(
        max_digits=5, decimal_places=4, min_value=-1, max_value=1, required=False, allow_null=True,
        default=None,
    )  # fmt: skip
    channels = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, default=list
    )
    is_active = serializers.BooleanField(required=False, default=True)
    reason = serializers.CharField(allow_blank=True)


class RuleSerializer(serializers.ModelSerializer[ExposureRule]):
    """The version of a rule that is in force, or that ended it."""

    item = serializers.CharField(source="item.sku", default=None)
    node = serializers.CharField(source="node.code", default=None)

    class Meta:
        model = ExposureRule
        fields = (
            "key", "version", "is_active", "item", "node", "hold_below", "resume_from",
            "resume_after", "margin_below", "channels", "reason", "set_at", "set_by",
        )  # fmt: skip


class ExposureHoldSerializer(serializers.ModelSerializer[ExposureHold]):
    """One hold; `policy` is the version of the rule that asked for it.

    `seconds_to_action` is from the breach to the channel's acknowledgement that it shows 0.
    """

    policy = serializers.CharField(source="rule.__str__")
    item = serializers.CharField(source="item.sku")
    channel = serializers.CharField(source="channel.code")
    node = serializers.CharField(source="node.code")
    seconds_to_action = serializers.SerializerMethodField()

    class Meta:
        model = ExposureHold
        fields = (
            "id", "policy", "item", "channel", "node", "status", "ats", "held_at",
            "acknowledged_at", "seconds_to_action", "above_since", "waived_at", "why_waived",
            "released_at", "released_ats", "why_released",
        )  # fmt: skip

    def get_seconds_to_action(self, hold: ExposureHold) -> float | None:
        """How long it took until the channel showed 0; None while it does not."""
        if hold.acknowledged_at is None:
            return None
        return float((hold.acknowledged_at - hold.held_at).total_seconds())


class OrderInFlightSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """An order that came in during a hold; in flight when placed before the acknowledgement."""

    order = serializers.CharField()
    line = serializers.CharField()
    quantity = serializers.IntegerField()
    occurred_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    is_in_flight = serializers.BooleanField()


class HoldDetailSerializer(ExposureHoldSerializer):
    """One hold with the orders that came in during it."""

    orders = OrderInFlightSerializer(many=True)

    class Meta(ExposureHoldSerializer.Meta):
        fields = (*ExposureHoldSerializer.Meta.fields, "orders")  # type: ignore[assignment]


class ExposureHoldPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of holds, latest first."""

    results = ExposureHoldSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class ListingBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Buffer and cap of an item on a channel, in units; null: the channel's own, and no limit."""

    item = serializers.CharField()
    channel = serializers.CharField()
    buffer = serializers.IntegerField(
        min_value=0, max_value=_LARGEST, required=False, allow_null=True, default=None
    )
    cap = serializers.IntegerField(
        min_value=0, max_value=_LARGEST, required=False, allow_null=True, default=None
    )


class PauseBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Which listing, and why."""

    item = serializers.CharField()
    channel = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)


class PausedSerializer(serializers.ModelSerializer[Exposure]):
    """What is decided about a listing."""

    item = serializers.CharField(source="item.sku")
    channel = serializers.CharField(source="channel.code")

    class Meta:
        model = Exposure
        fields = (
            "item", "channel", "buffer", "cap", "is_paused", "reason", "changed_at", "changed_by",
        )  # fmt: skip


class RuleListView(ApiView):
    """Exposure rules."""

    tier = Tier.PROCESS
    permissions = {"GET": stock_permissions.READ}

    @extend_schema(operation_id="list_exposure_rules", responses=RuleSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """Every rule in its current version, by key."""
        return Response(RuleSerializer(exposure_rules(), many=True).data)


class RuleView(ApiView):
    """One exposure rule."""

    tier = Tier.PROCESS
    permissions = {"PUT": permissions.EXPOSE}

    @extend_schema(operation_id="set_exposure_rule", request=RuleBody, responses=RuleSerializer)
    def put(self, request: Request, key: str) -> Response:
        """Put a new version in force; `is_active` false ends the rule and its holds."""
        body = RuleBody(data=request.data)
        body.is_valid(raise_exception=True)
        rule = set_rule(RuleTerms(key=key, **body.validated_data), by=self.actor)
        return Response(RuleSerializer(rule).data)


class ListingListView(ApiView):
    """Buffers and caps of single items on single channels."""

    tier = Tier.PROCESS
    permissions = {"PUT": permissions.EXPOSE}

    @extend_schema(
        operation_id="put_listings",
        request=ListingBody(many=True),
        responses=RowsTakenSerializer,
    )
    def put(self, request: Request) -> Response:
        """Set buffer and cap of some listings, all of the call or none."""
        body = ListingBody(data=request.data, many=True)
        body.is_valid(raise_exception=True)
        rows = [ListingTerms(**row) for row in body.validated_data]
        if len(rows) > MOST_LISTINGS:
            raise Refused(f"At most {MOST_LISTINGS:,} rows a call; this has {len(rows):,}.")
        if len({(row.item, row.channel) for row in rows}) < len(rows):
            raise Refused("An item on a channel comes twice.", field="item")
        return Response({"rows": set_listings(rows, by=self.actor)})


class PauseView(ApiView):
    """Pausing a listing by hand."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.EXPOSE}

    @extend_schema(operation_id="pause_listing", request=PauseBody, responses=PausedSerializer)
    def post(self, request: Request) -> Response:
        """Take an item off a channel until somebody resumes it."""
        return Response(PausedSerializer(pause_listing(**_named(request), by=self.actor)).data)


class ResumeView(ApiView):
    """Resuming a listing by hand."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.EXPOSE}

    @extend_schema(operation_id="resume_listing", request=PauseBody, responses=PausedSerializer)
    def post(self, request: Request) -> Response:
        """Put a paused item back. 409 while an exposure rule holds it."""
        return Response(PausedSerializer(resume_listing(**_named(request), by=self.actor)).data)


class HoldListView(ApiView):
    """Holds, live and past."""

    tier = Tier.PROCESS
    permissions = {"GET": stock_permissions.READ}

    @extend_schema(
        operation_id="list_exposure_holds",
        parameters=[
            OpenApiParameter("item", str, description="sku"),
            OpenApiParameter("channel", str),
            OpenApiParameter("status", str, enum=HoldStatus.values),
            *PAGE_PARAMETERS,
        ],
        responses=ExposureHoldPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page of holds, latest first."""
        limit, status = page_limit(request), request.query_params.get("status", "")
        if status and status not in HoldStatus.values:
            raise Refused(f"status is one of {', '.join(HoldStatus.values)}.", field="status")
        found = exposure_holds(
            sku=request.query_params.get("item", ""),
            channel=request.query_params.get("channel", ""),
            status=status,
            before=whole_number(request, "after"),
            limit=limit,
        )
        rows = ExposureHoldSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))


class HoldView(ApiView):
    """One hold."""

    tier = Tier.PROCESS
    permissions = {"GET": stock_permissions.READ}

    @extend_schema(operation_id="read_exposure_hold", responses=HoldDetailSerializer)
    def get(self, _request: Request, pk: int) -> Response:
        """With the orders that came in while it lasted."""
        hold = exposure_hold(pk)
        if hold is None:
            raise NotFoundError(f"There is no hold {pk}.")
        orders = OrderInFlightSerializer(orders_during(hold), many=True).data
        return Response({**ExposureHoldSerializer(hold).data, "orders": orders})


def _named(request: Request) -> dict[str, Any]:
    body = PauseBody(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)
