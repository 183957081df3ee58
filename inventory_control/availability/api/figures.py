"""How a figure is made, what channels were told of it, and what may be promised for later."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.availability import permissions
from inventory_control.availability.api.serializers import (
    BreakdownSerializer,
    DayPromiseSerializer,
    FallbackSerializer,
    PromisesSerializer,
    ReceiptListSerializer,
    SafetyStockBody,
    SafetyStockChangeSerializer,
)
from inventory_control.availability.rules import (
    ChannelStock,
    Term,
    available_to_sell,
    breakdown,
    channel_available,
    channel_breakdown,
    channel_quantity,
)
from inventory_control.availability.selectors import (
    breakdown_of,
    promises_at,
    receipts_of,
    safety_stock_history,
)
from inventory_control.availability.services import change_safety_stock
from inventory_control.availability.values import NOT_LISTED, Receipt
from inventory_control.catalog.models import Channel, Item, Node
from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.stock import permissions as stock_permissions
from inventory_control.web.paging import page_limit
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

FURTHEST_DAYS = 366
_ITEM = OpenApiParameter("item", str, required=True, description="sku")


class BreakdownView(ApiView):
    """How a channel's figure is made."""

    tier = Tier.EXPERIENCE
    permissions = {"GET": stock_permissions.READ}

    @extend_schema(
        operation_id="read_availability_breakdown",
        parameters=[_ITEM, OpenApiParameter("channel", str, required=True)],
        responses=BreakdownSerializer,
    )
    def get(self, request: Request) -> Response:
        """From the balances as they are now, node by node; the terms sum to the figure."""
        item, channel = _item(request), _channel(request)
        found = breakdown_of(item.pk, channel)
        return Response(
            {
                "item": item.sku,
                "channel": channel.code,
                "ats": channel_available(found.stock),
                "quantity": channel_quantity(found.stock),
                "terms": terms_of(channel_breakdown(found.stock)),
                "nodes": [
                    {
                        "node": code,
                        "ats": available_to_sell(stock),
                        "terms": terms_of(breakdown(stock)),
                    }
                    for code, stock in found.nodes.items()
                ],
                "rules": found.rules,
                "paused_because": found.paused_because,
                "fallbacks": FallbackSerializer(found.fallbacks, many=True).data,
            }
        )


class ReceiptListView(ApiView):
    """Availability receipts: what a channel was told, why, and what it acknowledged and shows."""

    tier = Tier.PROCESS
    permissions = {"GET": stock_permissions.READ}

    @extend_schema(
        operation_id="list_availability_receipts",
        parameters=[
            _ITEM,
            OpenApiParameter("channel", str, required=True),
            OpenApiParameter("limit", int),
        ],
        responses=ReceiptListSerializer,
    )
    def get(self, request: Request) -> Response:
        """The latest first; attempts that were not acknowledged are among them."""
        item, channel, limit = _item(request), _channel(request), page_limit(request)
        return Response(
            {
                "item": item.sku,
                "channel": channel.code,
                "results": [_receipt(one) for one in receipts_of(item.pk, channel.pk, limit=limit)],
            }
        )


class PromisesView(ApiView):
    """Available-to-promise by day."""

    tier = Tier.EXPERIENCE
    permissions = {"GET": stock_permissions.READ}

    @extend_schema(
        operation_id="read_availability_to_promise",
        parameters=[
            _ITEM,
            OpenApiParameter("node", str, description="one node"),
            OpenApiParameter("channel", str, description="or all nodes of a channel"),
            OpenApiParameter("until", date, description="28 days ahead when absent"),
        ],
        responses=PromisesSerializer,
    )
    def get(self, request: Request) -> Response:
        """ATS now, what comes and goes by day, and what may be promised for each of those days."""
        item, until = _item(request), _until(request)
        nodes, buffer = _asked_nodes(request)
        found = promises_at(item.pk, nodes, buffer=buffer, until=until)
        return Response(
            {
                "item": item.sku,
                "available": found.available,
                "days": DayPromiseSerializer(found.days, many=True).data,
                "supply": [
                    {"node": node, "document": document, "quantity": units, "expected_at": at}
                    for node, document, units, at in found.supply
                ],
                "undated": found.undated,
            }
        )


class SafetyStockView(ApiView):
    """Safety stock within bounds, and its history."""

    tier = Tier.PROCESS
    permissions = {"GET": stock_permissions.READ, "POST": permissions.PLAN}

    @extend_schema(
        operation_id="list_safety_stock_changes",
        parameters=[_ITEM, OpenApiParameter("node", str), OpenApiParameter("limit", int)],
        responses=SafetyStockChangeSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Who changed it from what to what, when, why and by which policy; latest first."""
        item, limit = _item(request), page_limit(request)
        node = _node(request) if request.query_params.get("node") else None
        found = safety_stock_history(
            item_id=item.pk, node_id=node.pk if node else None, limit=limit
        )
        return Response(SafetyStockChangeSerializer(found, many=True).data)

    @extend_schema(
        operation_id="change_safety_stock",
        request=SafetyStockBody,
        responses={201: SafetyStockChangeSerializer},
    )
    def post(self, request: Request) -> Response:
        """Change it as recommended; 422 when policy does not allow so much at once."""
        body = SafetyStockBody(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        change = change_safety_stock(
            item=wanted["item"],
            node=wanted["node"],
            to=wanted["safety_stock"],
            reason=wanted["reason"],
            by=self.actor,
        )
        return Response(SafetyStockChangeSerializer(change).data, status=201)


def terms_of(terms: tuple[Term, ...]) -> list[dict[str, Any]]:
    """Terms as they are shown."""
    return [{"name": term.name, "quantity": term.quantity} for term in terms]


def _receipt(one: Receipt) -> dict[str, Any]:
    stock = ChannelStock(
        one.sellable, one.reserved, one.allocated, one.safety_stock, one.frozen, one.buffer,
        one.cap, one.is_held,
    )  # fmt: skip
    return {
        "push": one.push,
        "key": one.key,
        "quantity": one.quantity,
        "version": one.version,
        "terms": terms_of(channel_breakdown(stock)),
        "changed_at": one.changed_at,
        "sent_at": one.sent_at,
        "acknowledged_at": one.acknowledged_at,
        "latency_seconds": one.latency_seconds,
        "read_back_at": one.read_back_at,
        "shown": None if one.shown == NOT_LISTED else one.shown,
        "is_listed": None if one.shown is None else one.shown != NOT_LISTED,
        "error": one.error,
    }


def _item(request: Request) -> Item:
    return _named(Item, "sku", request, "item")


def _channel(request: Request) -> Channel:
    return _named(Channel, "code", request, "channel")


def _node(request: Request) -> Node:
    return _named(Node, "code", request, "node")


def _named(model: Any, key: str, request: Request, field: str) -> Any:
    """The row a query parameter names; raises `Refused` without one, `NotFoundError` otherwise."""
    code = request.query_params.get(field, "")
    if not code or "\0" in code:
        raise Refused(f"Name the {field}: ?{field}=…", field=field)
    found = model._default_manager.filter(**{key: code}).first()
    if found is None:
        raise NotFoundError(f"No {field} is called {code}.", field=field)
    return found


def _asked_nodes(request: Request) -> tuple[list[Node], int]:
    """The nodes a promise may draw on, and the units to keep back: of a node, or of a channel."""
    if request.query_params.get("node"):
        return [_node(request)], 0
    if request.query_params.get("channel"):
        channel = _channel(request)
        return list(channel.nodes.all()), channel.buffer
    raise Refused("Name a node or a channel: ?node=… or ?channel=…", field="node")


def _until(request: Request) -> date:
    today, text = clock.now().date(), request.query_params.get("until", "")
    try:
        until = date.fromisoformat(text) if text else today + timedelta(days=28)
    except ValueError:
        raise Refused(f"until is a date such as {today.isoformat()}.", field="until") from None
    if not today <= until <= today + timedelta(days=FURTHEST_DAYS):
        raise Refused(f"until lies within {FURTHEST_DAYS} days from today.", field="until")
    return until
