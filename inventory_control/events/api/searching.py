"""The event log, for programs: search it by whatever one knows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.core.errors import Refused
from inventory_control.events import permissions
from inventory_control.events.models import InventoryEvent
from inventory_control.events.rules import EVENT_TYPES
from inventory_control.events.selectors import event_search
from inventory_control.events.values import EventFilters
from inventory_control.web.moments import read_moment
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

NAMES = {
    "item": "A SKU.",
    "node": "A node's code.",
    "order": "A sales order.",
    "document": "A purchase order, transfer, return or other document.",
    "correlation_id": "Everything one cause set off.",
    "type": "A canonical type.",
    "source": "The system that told it.",
    "received_from": "The key or connector that delivered it.",
}
MOMENTS = {
    "since": "It happened at this moment or later.",
    "until": "It happened before this moment.",
    "learnt_since": "It was recorded at this moment or later.",
    "learnt_until": "It was recorded before this moment.",
}
FILTERS = [
    *(OpenApiParameter(name, str, description=text) for name, text in NAMES.items()),
    *(OpenApiParameter(name, datetime, description=text) for name, text in MOMENTS.items()),
    *PAGE_PARAMETERS,
]


class FoundEventSerializer(serializers.ModelSerializer[InventoryEvent]):
    """An event of the log; its page has the rest."""

    id = serializers.CharField()
    item = serializers.CharField(source="item.sku", default=None)
    node = serializers.CharField(source="node.code", default=None)
    order = serializers.CharField(source="details.order", default=None)
    document = serializers.CharField(source="details.document", default=None)
    flags = serializers.ListField(child=serializers.CharField())
    corrects = serializers.CharField(allow_null=True)

    class Meta:
        model = InventoryEvent
        fields = (
            "id", "type", "kind", "source", "source_id", "business_key", "received_from",
            "occurred_at", "recorded_at", "item", "node", "quantity", "order", "document",
            "correlation_id", "flags", "corrects",
        )  # fmt: skip


class EventLogSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of the log, the last learnt first."""

    results = FoundEventSerializer(many=True)
    next = serializers.CharField(allow_null=True)


def event_filters(query: Any) -> EventFilters:
    """What a query asks for; raises `Refused` naming the field that does not fit."""
    asked: dict[str, Any] = {name: query.get(name, "").strip() for name in NAMES}
    asked |= {name: read_moment(query.get(name, ""), name) for name in MOMENTS}
    if asked["type"] and asked["type"] not in EVENT_TYPES:
        raise Refused(f"No event type is called {asked['type'][:60]}.", field="type")
    return EventFilters(**asked)


class EventSearchView(ApiView):
    """The event log."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="search_events", parameters=FILTERS, responses=EventLogSerializer)
    def get(self, request: Request) -> Response:
        """A page of the events that match every filter given, the last learnt first."""
        limit = page_limit(request)
        found = event_search(
            event_filters(request.query_params),
            before=whole_number(request, "after"),
            limit=limit,
        )
        rows = FoundEventSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))
