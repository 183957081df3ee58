"""One event, one business object, what an error touched: for programs."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from exceptions import permissions as exceptions
from inventory_control.core.tenancy import current_tenant
from inventory_control.events import permissions
from inventory_control.timelines.api.serializers import (
    EventPageSerializer,
    ReopenBody,
    TimelineSerializer,
    TouchedCaseSerializer,
    TouchedSerializer,
)
from inventory_control.timelines.selectors import page_of_event, timeline_of_object, touched_by
from inventory_control.timelines.services import reopen_touched
from inventory_control.timelines.values import OBJECT_KINDS
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class EventDetailView(ApiView):
    """One event."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="get_event", responses=EventPageSerializer)
    def get(self, _request: Request, event_id: int) -> Response:
        """Everything about it, raw and normalised."""
        page = EventPageSerializer(
            page_of_event(event_id), context={"tenant": current_tenant().label}
        )
        return Response(page.data)


class ConsequencesView(ApiView):
    """What an error touched."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="get_consequences", responses=TouchedSerializer)
    def get(self, _request: Request, event_id: int) -> Response:
        """Exceptions, decisions and pushes that used the number this event proves wrong."""
        return Response(TouchedSerializer(touched_by(event_id)).data)


class ReopenTouchedView(ApiView):
    """Re-opening."""

    tier = Tier.PROCESS
    permissions = {"POST": exceptions.HANDLE}

    @extend_schema(
        operation_id="reopen_touched",
        request=ReopenBody,
        responses=TouchedCaseSerializer(many=True),
    )
    def post(self, request: Request, event_id: int) -> Response:
        """Put chosen exceptions back in the queue, all or none."""
        body = ReopenBody(data=request.data)
        body.is_valid(raise_exception=True)
        cases = reopen_touched(
            event_id,
            case_ids=body.validated_data["cases"],
            reason=body.validated_data["reason"],
            by=self.actor,
        )
        return Response(TouchedCaseSerializer(cases, many=True).data)


class TimelineView(ApiView):
    """The timeline of a business object."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="get_timeline",
        parameters=[
            OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=list(OBJECT_KINDS)),
            OpenApiParameter("object_id", str, OpenApiParameter.PATH),
        ],
        responses=TimelineSerializer,
    )
    def get(self, _request: Request, kind: str, object_id: str) -> Response:
        """Everything that happened to it, in true order, with both times."""
        return Response(TimelineSerializer(timeline_of_object(kind, object_id)).data)
