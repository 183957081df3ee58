"""What may be sold, with its arithmetic; and the planning data that changes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.availability.api.serializers import TermSerializer
from inventory_control.availability.rules import available_to_sell, breakdown, channel_breakdown
from inventory_control.availability.selectors import (
    ChannelFigure,
    Figures,
    ItemFigures,
    LookUp,
    NodeFigure,
    look_up_presented,
)
from inventory_control.availability.services import set_channels, set_planning
from inventory_control.catalog import permissions as catalog_permissions
from inventory_control.catalog.api.views import RowsTakenSerializer, rows_in
from inventory_control.catalog.models import Channel, ItemNode
from inventory_control.core.errors import Refused
from inventory_control.events.values import Freshness
from inventory_control.stock import permissions
from inventory_control.web.calls import Answer, Call, json_answer
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class FreshnessSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """How old the word on a node is: of the feed whose word turns stale first."""

    source = serializers.CharField()  # type: ignore[assignment]  # fields leave the class
    as_of = serializers.DateTimeField()
    age_minutes = serializers.IntegerField()
    limit_minutes = serializers.IntegerField(allow_null=True)
    is_stale = serializers.BooleanField()


class NodeFigureSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """ATS of the item at a node, in units; `on_hand` lies there in any condition."""

    node = serializers.CharField()
    ats = serializers.IntegerField()
    on_hand = serializers.IntegerField()
    in_transit = serializers.IntegerField()
    sellable = serializers.IntegerField()
    reserved = serializers.IntegerField()
    allocated = serializers.IntegerField()
    safety_stock = serializers.IntegerField()
    is_frozen = serializers.BooleanField()
    changed_at = serializers.DateTimeField()
    freshness = FreshnessSerializer(allow_null=True)
    terms = TermSerializer(many=True)


class ChannelFigureSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What a channel should show, and what it was told and acknowledged last.

    `unconfirmed_since` is when every attempt to tell it had failed: it may show anything.
    """

    channel = serializers.CharField()
    ats = serializers.IntegerField()
    quantity = serializers.IntegerField()
    published = serializers.IntegerField(allow_null=True)
    published_at = serializers.DateTimeField(allow_null=True)
    unconfirmed_since = serializers.DateTimeField(allow_null=True)
    terms = TermSerializer(many=True)


class AvailabilitySerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What may be sold of one item, as of a moment: the figures are read when asked for."""

    item = serializers.CharField()
    as_of = serializers.DateTimeField()
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

    tier = Tier.EXPERIENCE
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="read_availability",
        parameters=[
            OpenApiParameter("item", str, required=True, description="sku"),
            OpenApiParameter("node", str, description="only this node"),
        ],
        responses=AvailabilitySerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        """Every node's figure with its terms, and what each channel should show."""
        asked = _asked(request.query_params)
        if asked is None:
            raise Refused("Name the item: ?item=SKU.", field="item")
        (figures,) = Figures([asked]).found()
        return _figures_answer(asked, figures).response()

    def at_once(self, call: Call, secret: str) -> Answer | None:
        """The figures of an item for a key, with what other threads look up just now."""
        asked = _asked(call.query() or {})
        if asked is None or call.method != "GET" or connection.in_atomic_block:
            return None
        return _figures_answer(asked, look_up_presented(secret, asked))


class ChannelListView(ApiView):
    """Channels."""

    tier = Tier.SYSTEM
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

    tier = Tier.SYSTEM
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


def _asked(query: Mapping[str, str]) -> LookUp | None:
    """The item asked for and the node, if one was named; None when no item was."""
    sku, node = query.get("item", ""), query.get("node")
    return None if not sku or "\0" in sku + (node or "") else LookUp(sku, node)


def _figures_answer(asked: LookUp, figures: ItemFigures | None) -> Answer:
    if figures is None:
        raise NotFoundError(f"No item is called {asked.sku}.", field="item")
    return json_answer(
        {
            "item": asked.sku,
            "as_of": figures.at,
            "nodes": [_node_figure(one, figures.at) for one in figures.nodes],
            "channels": [_channel_figure(one) for one in figures.channels],
        }
    )


def _freshness(freshness: Freshness | None, at: datetime) -> dict[str, Any] | None:
    if freshness is None:
        return None
    return {
        "source": freshness.source,
        "as_of": freshness.as_of,
        "age_minutes": freshness.age_minutes(at),
        "limit_minutes": freshness.limit_minutes,
        "is_stale": freshness.is_stale(at),
    }


def _node_figure(one: NodeFigure, at: datetime) -> dict[str, Any]:
    stock = one.stock
    return {
        "node": one.node,
        "ats": available_to_sell(stock),
        "on_hand": one.on_hand,
        "in_transit": one.in_transit,
        "sellable": stock.sellable,
        "reserved": stock.reserved,
        "allocated": stock.allocated,
        "safety_stock": stock.safety_stock,
        "is_frozen": stock.is_frozen,
        "changed_at": one.changed_at,
        "freshness": _freshness(one.freshness, at),
        "terms": breakdown(stock),
    }


def _channel_figure(one: ChannelFigure) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "ats": one.ats,
        "quantity": one.quantity,
        "published": one.published,
        "published_at": one.published_at,
        "unconfirmed_since": one.unconfirmed_since,
        "terms": channel_breakdown(one.stock),
    }
