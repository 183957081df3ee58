"""What may be sold, with its arithmetic; and the planning data that changes it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.availability.rules import available_to_sell, breakdown
from inventory_control.availability.selectors import channel_figures, node_stock
from inventory_control.availability.services import set_channels, set_planning
from inventory_control.catalog import permissions as catalog_permissions
from inventory_control.catalog.api.views import RowsTakenSerializer, rows_in
from inventory_control.catalog.models import Channel, Item, ItemNode, Node
from inventory_control.core.errors import Refused
from inventory_control.stock import permissions
from inventory_control.stock.selectors import positions_of
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError
from inventory_control.web.views import ApiView


class TermSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """One line of the breakdown; the lines sum to the figure."""

    name = serializers.CharField()
    quantity = serializers.IntegerField()


class NodeFigureSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """ATS of the item at a node, in units."""

    node = serializers.CharField()
    ats = serializers.IntegerField()
    sellable = serializers.IntegerField()
    reserved = serializers.IntegerField()
    allocated = serializers.IntegerField()
    safety_stock = serializers.IntegerField()
    is_frozen = serializers.BooleanField()
    changed_at = serializers.DateTimeField()
    terms = TermSerializer(many=True)


class ChannelFigureSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What a channel should show, and what it was told and acknowledged last."""

    channel = serializers.CharField()
    ats = serializers.IntegerField()
    quantity = serializers.IntegerField()
    published = serializers.IntegerField(allow_null=True)
    published_at = serializers.DateTimeField(allow_null=True)


class AvailabilitySerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What may be sold of one item."""

    item = serializers.CharField()
    nodes = NodeFigureSerializer(many=True)
    channels = ChannelFigureSerializer(many=True)


class ChannelSerializer(serializers.ModelSerializer[Channel]):
    """A channel and the nodes it draws on, by code."""

    nodes = serializers.SlugRelatedField(many=True, slug_field="code", read_only=True)  # type: ignore[var-annotated]  # codes

    class Meta:
        model = Channel
        fields = ("code", "name", "kind", "buffer", "nodes", "is_published")


class ItemNodeSerializer(serializers.ModelSerializer[ItemNode]):
    """Planning parameters of an item at a node."""

    item = serializers.CharField(source="item.sku")
    node = serializers.CharField(source="node.code")

    class Meta:
        model = ItemNode
        fields = ("item", "node", "reorder_point", "order_up_to", "safety_stock", "is_ranged")


class AvailabilityView(ApiView):
    """The synchronous look-up."""

    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="read_availability",
        parameters=[
            OpenApiParameter("item", str, required=True, description="sku"),
            OpenApiParameter("node", str, description="only this node"),
        ],
        responses=AvailabilitySerializer,
    )
    def get(self, request: Request) -> Response:
        """Every node's figure with its terms, and what each channel should show."""
        sku, code = request.query_params.get("item"), request.query_params.get("node")
        if not sku:
            raise Refused("Name the item: ?item=SKU.", field="item")
        item = Item.objects.filter(sku=sku).first()
        if item is None:
            raise NotFoundError(f"No item is called {sku}.", field="item")
        return Response(
            {
                "item": sku,
                "nodes": _node_figures(item, code),
                "channels": [_channel_figure(one) for one in channel_figures(item.pk)],
            }
        )


class ChannelListView(ApiView):
    """Channels."""

    permissions = {"GET": catalog_permissions.READ, "PUT": catalog_permissions.WRITE}

    @extend_schema(
        operation_id="list_channels",
        parameters=PAGE_PARAMETERS,
        responses=ChannelSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """A page of channels."""
        limit, after = page_limit(request), whole_number(request, "after")
        found = list(
            Channel.objects.prefetch_related("nodes")
            .filter(pk__gt=after or 0)
            .order_by("pk")[:limit]
        )
        rows = ChannelSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))

    @extend_schema(
        operation_id="put_channels",
        request=ChannelSerializer(many=True),
        responses=RowsTakenSerializer,
    )
    def put(self, request: Request) -> Response:
        """Create or change channels by code; their figures are worked out anew."""
        return Response({"rows": set_channels(rows_in(request), by=self.actor)})


class ItemNodeListView(ApiView):
    """Planning parameters."""

    permissions = {"GET": catalog_permissions.READ, "PUT": catalog_permissions.WRITE}

    @extend_schema(
        operation_id="list_item_nodes",
        parameters=PAGE_PARAMETERS,
        responses=ItemNodeSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """A page of planning parameters."""
        limit, after = page_limit(request), whole_number(request, "after")
        found = list(
            ItemNode.objects.select_related("item", "node")
            .filter(pk__gt=after or 0)
            .order_by("pk")[:limit]
        )
        rows = ItemNodeSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))

    @extend_schema(
        operation_id="put_item_nodes",
        request=ItemNodeSerializer(many=True),
        responses=RowsTakenSerializer,
    )
    def put(self, request: Request) -> Response:
        """Set levels and safety stock; what may be sold is worked out anew."""
        return Response({"rows": set_planning(rows_in(request), by=self.actor)})


def _node_figures(item: Item, code: str | None) -> list[dict[str, Any]]:
    positions = positions_of([item.pk])
    names = dict(
        Node.objects.filter(pk__in={node for _, node in positions}).values_list("pk", "code")
    )
    figures = []
    for (_, node_id), position in positions.items():
        if code is not None and names[node_id] != code:
            continue
        stock = node_stock(position)
        figures.append(
            {
                "node": names[node_id],
                "ats": available_to_sell(stock),
                "sellable": stock.sellable,
                "reserved": stock.reserved,
                "allocated": stock.allocated,
                "safety_stock": stock.safety_stock,
                "is_frozen": stock.is_frozen,
                "changed_at": position.changed_at,
                "terms": [
                    {"name": term.name, "quantity": term.quantity} for term in breakdown(stock)
                ],
            }
        )
    return sorted(figures, key=lambda one: str(one["node"]))


def _channel_figure(one: Any) -> dict[str, Any]:
    return {
        "channel": one.channel.code,
        "ats": one.ats,
        "quantity": one.quantity,
        "published": one.published,
        "published_at": one.published_at,
    }
