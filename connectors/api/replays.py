"""Replays and legal holds, for programs: preview, confirm, follow; place and lift."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connectors.models import LegalHold, Replay
from connectors.selectors import legal_holds, replay_of, replays
from connectors.services import (
    lift_hold,
    place_hold,
    preview_replay,
    start_replay,
    stop_replay,
)
from connectors.values import ReplayScope
from inventory_control.events import permissions
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class ReplaySerializer(serializers.ModelSerializer[Replay]):
    """A replay: what it covers, what the preview counted, how far it is, what became of the rows.

    `fresh` is how many rows would become new events; everything else is known and changes nothing.
    """

    class Meta:
        model = Replay
        fields = (
            "id", "source", "type", "since", "until", "event_id", "reason", "events", "messages",
            "letters", "total", "fresh", "done", "outcomes", "status", "error", "previewed_at",
            "previewed_by", "started_at", "started_by", "finished_at", "correlation_id",
        )  # fmt: skip

    total = serializers.IntegerField(read_only=True)
    outcomes = serializers.DictField(child=serializers.IntegerField())


class ReplayPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of replays, newest first."""

    results = ReplaySerializer(many=True)
    next = serializers.CharField(allow_null=True)


class PreviewBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """What to take in again; an empty part does not narrow, none at all means everything."""

    source = serializers.CharField(  # type: ignore[assignment]  # every field has one of that name
        max_length=200, required=False, default="", allow_blank=True
    )
    type = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    since = serializers.DateTimeField(required=False, default=None, allow_null=True)
    until = serializers.DateTimeField(required=False, default=None, allow_null=True)
    event_id = serializers.IntegerField(required=False, default=None, allow_null=True, min_value=1)
    reason = serializers.CharField(max_length=300)


class StartBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """The number the preview counted."""

    confirmed = serializers.IntegerField(min_value=0)


class WhyBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """The reason, which is kept."""

    reason = serializers.CharField(max_length=300)


class LegalHoldSerializer(serializers.ModelSerializer[LegalHold]):
    """A legal hold: what it covers, why, and who placed and lifted it."""

    item = serializers.CharField(source="item.sku", default=None)

    class Meta:
        model = LegalHold
        fields = (
            "id", "source", "item", "since", "until", "reason", "status", "placed_at",
            "placed_by", "lifted_at", "lifted_by", "lifted_reason",
        )  # fmt: skip


class LegalHoldPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of legal holds, newest first."""

    results = LegalHoldSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class LegalHoldBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """What must stay as it is; an empty part does not narrow."""

    source = serializers.CharField(  # type: ignore[assignment]  # every field has one of that name
        max_length=200, required=False, default="", allow_blank=True
    )
    item = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    since = serializers.DateTimeField(required=False, default=None, allow_null=True)
    until = serializers.DateTimeField(required=False, default=None, allow_null=True)
    reason = serializers.CharField(max_length=300)


class ReplayListView(ApiView):
    """Replays."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ, "POST": permissions.REPLAY}

    @extend_schema(
        operation_id="list_replays", parameters=PAGE_PARAMETERS, responses=ReplayPageSerializer
    )
    def get(self, request: Request) -> Response:
        """A page, newest first."""
        limit = page_limit(request)
        found = replays(before=whole_number(request, "after"), limit=limit)
        rows = ReplaySerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))

    @extend_schema(
        operation_id="preview_replay", request=PreviewBody, responses={201: ReplaySerializer}
    )
    def post(self, request: Request) -> Response:
        """Count what it would cover; nothing runs. 409 when a legal hold covers any of it."""
        body = PreviewBody(data=request.data)
        body.is_valid(raise_exception=True)
        asked = dict(body.validated_data)
        reason = asked.pop("reason")
        previewed = preview_replay(ReplayScope(**asked), reason=reason, by=self.actor)
        return Response(ReplaySerializer(previewed).data, status=201)


class ReplayView(ApiView):
    """One replay."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="get_replay", responses=ReplaySerializer)
    def get(self, _request: Request, replay_id: int) -> Response:
        """How far it is."""
        return Response(ReplaySerializer(replay_of(replay_id)).data)


class ReplayStartView(ApiView):
    """The second step."""

    tier = Tier.SYSTEM
    permissions = {"POST": permissions.REPLAY}

    @extend_schema(operation_id="start_replay", request=StartBody, responses=ReplaySerializer)
    def post(self, request: Request, replay_id: int) -> Response:
        """Start it by confirming the number previewed; 409 when that is another or an hour old."""
        body = StartBody(data=request.data)
        body.is_valid(raise_exception=True)
        started = start_replay(replay_id, **body.validated_data, by=self.actor)
        return Response(ReplaySerializer(started).data)


class ReplayStopView(ApiView):
    """Stopping."""

    tier = Tier.SYSTEM
    permissions = {"POST": permissions.REPLAY}

    @extend_schema(operation_id="stop_replay", request=WhyBody, responses=ReplaySerializer)
    def post(self, request: Request, replay_id: int) -> Response:
        """Stop it, or throw the preview away; what was taken in again stays."""
        body = WhyBody(data=request.data)
        body.is_valid(raise_exception=True)
        stopped = stop_replay(replay_id, **body.validated_data, by=self.actor)
        return Response(ReplaySerializer(stopped).data)


class LegalHoldListView(ApiView):
    """Legal holds."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ, "POST": permissions.HOLD}

    @extend_schema(
        operation_id="list_legal_holds",
        parameters=PAGE_PARAMETERS,
        responses=LegalHoldPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page, newest first."""
        limit = page_limit(request)
        found = legal_holds(before=whole_number(request, "after"), limit=limit)
        rows = LegalHoldSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))

    @extend_schema(
        operation_id="place_legal_hold",
        request=LegalHoldBody,
        responses={201: LegalHoldSerializer},
    )
    def post(self, request: Request) -> Response:
        """Place one; running replays stop where they reach it."""
        body = LegalHoldBody(data=request.data)
        body.is_valid(raise_exception=True)
        asked = dict(body.validated_data)
        placed = place_hold(sku=asked.pop("item"), **asked, by=self.actor)
        return Response(LegalHoldSerializer(placed).data, status=201)


class LegalHoldLiftView(ApiView):
    """Lifting a legal hold."""

    tier = Tier.SYSTEM
    permissions = {"POST": permissions.HOLD}

    @extend_schema(operation_id="lift_legal_hold", request=WhyBody, responses=LegalHoldSerializer)
    def post(self, request: Request, hold_id: int) -> Response:
        """Lift it for a reason that is kept; 409 when it was lifted before."""
        body = WhyBody(data=request.data)
        body.is_valid(raise_exception=True)
        lifted = lift_hold(hold_id, **body.validated_data, by=self.actor)
        return Response(LegalHoldSerializer(lifted).data)
