"""What consumers gave up on, for programs: see it, have it tried again."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.events import permissions
from inventory_control.events.models import EventWork
from inventory_control.events.selectors import dead_work
from inventory_control.events.services import retry_work
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class DeadWorkSerializer(serializers.ModelSerializer[EventWork]):
    """An event one consumer failed at five times; the others are not held up by it."""

    event_id = serializers.CharField()
    event_type = serializers.CharField(source="event.type")

    class Meta:
        model = EventWork
        fields = ("id", "consumer", "event_id", "event_type", "noted_at", "attempts", "error")


class DeadWorkPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of it, newest first."""

    results = DeadWorkSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class WorkRetryBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Which work to try again."""

    work = serializers.ListField(
        child=serializers.IntegerField(min_value=1), min_length=1, max_length=500
    )


class RetriedWorkSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """How much is tried again."""

    retried = serializers.IntegerField()


class DeadWorkView(ApiView):
    """What consumers gave up on."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_dead_work", parameters=PAGE_PARAMETERS, responses=DeadWorkPageSerializer
    )
    def get(self, request: Request) -> Response:
        """A page, newest first."""
        limit = page_limit(request)
        found = dead_work(before=whole_number(request, "after"), limit=limit)
        rows = DeadWorkSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))


class DeadWorkRetryView(ApiView):
    """Trying again."""

    tier = Tier.SYSTEM
    permissions = {"POST": permissions.RETRY}

    @extend_schema(
        operation_id="retry_dead_work", request=WorkRetryBody, responses=RetriedWorkSerializer
    )
    def post(self, request: Request) -> Response:
        """Have it tried again, all of it or none."""
        body = WorkRetryBody(data=request.data)
        body.is_valid(raise_exception=True)
        return Response({"retried": retry_work(body.validated_data["work"], by=self.actor)})
