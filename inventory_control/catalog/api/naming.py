"""Other names, for programs: what sources call items, nodes and inventory statuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.catalog import permissions
from inventory_control.catalog.api.views import RowsTakenSerializer, rows_in
from inventory_control.catalog.models import ItemIdentifier, NodeIdentifier, StateMapping
from inventory_control.catalog.services import (
    put_item_identifiers,
    put_node_identifiers,
    put_state_mappings,
    remove_item_identifier,
    remove_node_identifier,
    remove_state_mapping,
)
from inventory_control.catalog.states import Outside, State
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

_SOURCE = OpenApiParameter("source", str, description="Only the names of this source.")


class ItemIdentifierSerializer(serializers.ModelSerializer[ItemIdentifier]):
    """Another name of an item; `source` is empty for a name everybody uses."""

    item = serializers.CharField(source="item.sku")

    class Meta:
        model = ItemIdentifier
        fields = ("id", "value", "source", "kind", "item")
        read_only_fields = ("id",)


class NodeIdentifierSerializer(serializers.ModelSerializer[NodeIdentifier]):
    """Another name of a node; `source` is empty for a name everybody uses."""

    node = serializers.CharField(source="node.code")

    class Meta:
        model = NodeIdentifier
        fields = ("id", "value", "source", "node")
        read_only_fields = ("id",)


class StateMappingSerializer(serializers.ModelSerializer[StateMapping]):
    """What a source's own status code means."""

    state = serializers.ChoiceField([*State.values, *Outside.values])

    class Meta:
        model = StateMapping
        fields = ("id", "source", "code", "state")
        read_only_fields = ("id",)


class _NamesView(ApiView):
    """Names of one sort."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ, "PUT": permissions.MAP}
    serializer: type[serializers.ModelSerializer[Any]]

    def listed(self, request: Request, names: QuerySet[Any]) -> Response:
        """A page, oldest first."""
        limit = page_limit(request)
        rows = names.filter(pk__gt=whole_number(request, "after") or 0)
        if (source := request.query_params.get("source")) is not None:
            rows = rows.filter(source=source)
        found: Sequence[Any] = list(rows.order_by("pk")[:limit])
        answer = self.serializer(found, many=True).data
        return Response(page_of(request, answer, limit=limit, last=found[-1].pk if found else None))


class ItemIdentifierListView(_NamesView):
    """Other names of items."""

    serializer = ItemIdentifierSerializer

    @extend_schema(
        operation_id="list_item_identifiers",
        parameters=[*PAGE_PARAMETERS, _SOURCE],
        responses=ItemIdentifierSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """A page of names."""
        return self.listed(request, ItemIdentifier.objects.select_related("item"))

    @extend_schema(
        operation_id="put_item_identifiers",
        request=ItemIdentifierSerializer(many=True),
        responses=RowsTakenSerializer,
    )
    def put(self, request: Request) -> Response:
        """Add names or change what they stand for; events that waited for them post."""
        return Response({"rows": put_item_identifiers(rows_in(request), by=self.actor)})


class NodeIdentifierListView(_NamesView):
    """Other names of nodes."""

    serializer = NodeIdentifierSerializer

    @extend_schema(
        operation_id="list_node_identifiers",
        parameters=[*PAGE_PARAMETERS, _SOURCE],
        responses=NodeIdentifierSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """A page of names."""
        return self.listed(request, NodeIdentifier.objects.select_related("node"))

    @extend_schema(
        operation_id="put_node_identifiers",
        request=NodeIdentifierSerializer(many=True),
        responses=RowsTakenSerializer,
    )
    def put(self, request: Request) -> Response:
        """Add names or change what they stand for; events that waited for them post."""
        return Response({"rows": put_node_identifiers(rows_in(request), by=self.actor)})


class StateMappingListView(_NamesView):
    """What sources' own status codes mean."""

    serializer = StateMappingSerializer

    @extend_schema(
        operation_id="list_state_mappings",
        parameters=[*PAGE_PARAMETERS, _SOURCE],
        responses=StateMappingSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """A page of codes."""
        return self.listed(request, StateMapping.objects.all())

    @extend_schema(
        operation_id="put_state_mappings",
        request=StateMappingSerializer(many=True),
        responses=RowsTakenSerializer,
    )
    def put(self, request: Request) -> Response:
        """Map codes or change what they mean; events that waited for them post."""
        return Response({"rows": put_state_mappings(rows_in(request), by=self.actor)})


class ItemIdentifierView(ApiView):
    """One other name of an item."""

    tier = Tier.SYSTEM
    permissions = {"DELETE": permissions.MAP}

    @extend_schema(operation_id="remove_item_identifier", responses={204: None})
    def delete(self, _request: Request, name_id: int) -> Response:
        """Take it back; 409 when it is gone already."""
        remove_item_identifier(name_id, by=self.actor)
        return Response(status=204)


class NodeIdentifierView(ApiView):
    """One other name of a node."""

    tier = Tier.SYSTEM
    permissions = {"DELETE": permissions.MAP}

    @extend_schema(operation_id="remove_node_identifier", responses={204: None})
    def delete(self, _request: Request, name_id: int) -> Response:
        """Take it back; 409 when it is gone already."""
        remove_node_identifier(name_id, by=self.actor)
        return Response(status=204)


class StateMappingView(ApiView):
    """The meaning of one status code."""

    tier = Tier.SYSTEM
    permissions = {"DELETE": permissions.MAP}

    @extend_schema(operation_id="remove_state_mapping", responses={204: None})
    def delete(self, _request: Request, name_id: int) -> Response:
        """Take it back; 409 when it is gone already."""
        remove_state_mapping(name_id, by=self.actor)
        return Response(status=204)
