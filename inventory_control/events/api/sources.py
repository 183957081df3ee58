"""Sources, for programs: who sends what, how well and how lately, and who answers for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.events import permissions
from inventory_control.events.errors import InvalidSourceError
from inventory_control.events.models import InventoryEvent, QualityDay, Source
from inventory_control.events.rules import is_silent
from inventory_control.events.selectors import (
    events_of_source,
    policy_of,
    quality_trend,
    sources,
)
from inventory_control.events.services import put_sources, set_freshness
from inventory_control.events.values import FRESHNESS
from inventory_control.policies import permissions as policy_permissions
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

TREND_DAYS = 28


class QualityDaySerializer(serializers.ModelSerializer[QualityDay]):
    """The score of a day of receipt (UTC): four shares from 0 to 1, and the rows behind them."""

    class Meta:
        model = QualityDay
        fields = (
            "day", "score", "completeness", "validity", "timeliness", "uniqueness", "events",
            "refused", "repeated", "late", "fields_expected", "fields_missing", "policy",
            "scored_at",
        )  # fmt: skip


class SourceSerializer(serializers.ModelSerializer[Source]):
    """A source: its owner, the credential that delivered last, when it was heard, its quality."""

    is_stale = serializers.SerializerMethodField()
    quality = serializers.SerializerMethodField()

    class Meta:
        model = Source
        fields = (
            "code", "owner", "received_from", "expected_minutes", "last_occurred_at",
            "last_received_at", "heard_at", "is_stale", "skewed_at", "skewed_seconds", "quality",
        )  # fmt: skip

    def get_is_stale(self, source: Source) -> bool:
        """Whether it has been silent for longer than expected."""
        return is_silent(source.silent_since, source.expected_minutes, clock.now())

    def get_quality(self, source: Source) -> list[dict[str, Any]]:
        """Its scored days of the last four weeks, oldest first."""
        days = self.context["trend"].get(source.code, [])
        return [dict(one) for one in QualityDaySerializer(days, many=True).data]


class SourceBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Who answers for a source, and how often it is expected to speak (null: nobody minds)."""

    code = serializers.CharField()
    owner = serializers.CharField(required=False, allow_blank=True)
    expected_minutes = serializers.IntegerField(required=False, allow_null=True)


class SourcesTakenSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """How many rows were taken: all of the call, or the call was refused."""

    rows = serializers.IntegerField()


class SourceEventSerializer(serializers.ModelSerializer[InventoryEvent]):
    """An event as its source and its credential are accountable for it."""

    class Meta:
        model = InventoryEvent
        fields = (
            "id", "type", "source", "source_id", "received_from", "occurred_at", "recorded_at",
            "correlation_id", "flags", "quantity",
        )  # fmt: skip


class SourceEventPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of events, newest first, with the owner of their source."""

    owner = serializers.CharField()
    results = SourceEventSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class FreshnessBody(serializers.Serializer):  # type: ignore[type-arg]  # shape only
    """After how many minutes positions are stale: by source, by node, or for all (null: never)."""

    default_minutes = serializers.IntegerField(required=False, allow_null=True)
    sources = serializers.DictField(child=serializers.IntegerField(), required=False)
    nodes = serializers.DictField(child=serializers.IntegerField(), required=False)


class SourceListView(ApiView):
    """Sources."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ, "PUT": permissions.MANAGE_SOURCES}

    @extend_schema(operation_id="list_sources", responses=SourceSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """Every source, by code, with the quality of its last four weeks."""
        found = sources()
        context = {"trend": _trend([one.code for one in found])}
        return Response(SourceSerializer(found, many=True, context=context).data)

    @extend_schema(
        operation_id="put_sources",
        request=SourceBody(many=True),
        responses=SourcesTakenSerializer,
    )
    def put(self, request: Request) -> Response:
        """Name owners and expected intervals, by code; a source may be named before it speaks."""
        if not isinstance(request.data, list):
            raise InvalidSourceError("Send a JSON array of rows.")
        return Response({"rows": put_sources(request.data, by=self.actor)})


class SourceDetailView(ApiView):
    """One source."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_source", responses=SourceSerializer)
    def get(self, _request: Request, code: str) -> Response:
        """The source with its trend."""
        source = _source(code)
        return Response(SourceSerializer(source, context={"trend": _trend([code])}).data)


class SourceEventListView(ApiView):
    """What a source sent."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_source_events",
        parameters=[
            *PAGE_PARAMETERS,
            OpenApiParameter("received_from", str, description="only by this credential"),
        ],
        responses=SourceEventPageSerializer,
    )
    def get(self, request: Request, code: str) -> Response:
        """A page, newest first."""
        source = _source(code)
        limit, before = page_limit(request), whole_number(request, "after")
        alias = request.query_params.get("received_from", "")
        if "\0" in alias:
            raise Refused("received_from is text.", field="received_from")
        found = events_of_source(code, received_from=alias, before=before, limit=limit)
        rows = SourceEventSerializer(found, many=True).data
        page = page_of(request, rows, limit=limit, last=found[-1].pk if found else None)
        return Response({"owner": source.owner, **page})


class FreshnessView(ApiView):
    """How old positions may be."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ, "PUT": policy_permissions.CHANGE}

    @extend_schema(operation_id="read_freshness", responses=FreshnessBody)
    def get(self, _request: Request) -> Response:
        """The limits in force."""
        return Response(policy_of(FRESHNESS).value)

    @extend_schema(operation_id="put_freshness", request=FreshnessBody, responses=FreshnessBody)
    def put(self, request: Request) -> Response:
        """Put new limits in force; those before stay readable."""
        if not isinstance(request.data, dict):
            raise Refused("Send an object with default_minutes, sources, nodes.")
        return Response(set_freshness(request.data, by=self.actor).value)


def _source(code: str) -> Source:
    source: Source | None = Source.objects.filter(code=code).first() if "\0" not in code else None
    if source is None:
        raise NotFoundError(f"No source is called {code}.", field="source")
    return source


def _trend(codes: list[str]) -> dict[str, list[QualityDay]]:
    return quality_trend(codes, since=(clock.now() - timedelta(days=TREND_DAYS)).date())
