"""The series of an item: velocity, returns and shrink by day, derived from what was posted."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.catalog.models import Item, Node
from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.events.selectors import customer_signals
from inventory_control.stock import permissions
from inventory_control.stock.rules import series_figures
from inventory_control.stock.selectors import item_series
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

USUAL_DAYS, MOST_DAYS = 28, 800


class SeriesDaySerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """One day (UTC), in units."""

    day = serializers.DateField()
    sold = serializers.IntegerField()
    returned = serializers.IntegerField()
    shrink = serializers.IntegerField()


class SeriesSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A series and what it comes to; see each figure's unit in the descriptions."""

    item = serializers.CharField()
    node = serializers.CharField(allow_null=True)
    since = serializers.DateField()
    until = serializers.DateField()
    velocity = serializers.FloatField(help_text="Units sold a day.")
    return_rate = serializers.FloatField(allow_null=True, help_text="Share of units sold.")
    shrink_rate = serializers.FloatField(allow_null=True, help_text="Share of units sold.")
    weekdays = serializers.DictField(
        child=serializers.FloatField(), help_text="ISO weekday: its mean over the mean of all days."
    )
    customer_signals = serializers.DictField(
        child=serializers.IntegerField(), help_text="What customers asked for: how often."
    )
    days = SeriesDaySerializer(many=True)


class ItemSeriesView(ApiView):
    """What advice and planners learn from."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="read_item_series",
        parameters=[
            OpenApiParameter("node", str, description="only this node"),
            OpenApiParameter("since", str, description=f"first day; {USUAL_DAYS} days if left out"),
            OpenApiParameter(
                "until", str, description="the day after the last; tomorrow if left out"
            ),
        ],
        responses=SeriesSerializer,
    )
    def get(self, request: Request, sku: str) -> Response:
        """Day by day, with the figures the days come to."""
        item = Item.objects.filter(sku=sku).first()
        if item is None:
            raise NotFoundError(f"No item is called {sku}.", field="item")
        node = _node(request.query_params.get("node"))
        until = _day(request, "until") or clock.now().date() + timedelta(days=1)
        since = _day(request, "since") or until - timedelta(days=USUAL_DAYS)
        if not 1 <= (until - since).days <= MOST_DAYS:
            raise Refused(f"Ask for 1 to {MOST_DAYS} days.", field="since")
        days = item_series(item.pk, node_id=node.pk if node else None, since=since, until=until)
        body = {
            "item": sku,
            "node": node.code if node else None,
            "since": since,
            "until": until,
            **msgspec.to_builtins(series_figures(days)),
            "customer_signals": customer_signals(
                item.pk, since=clock.now() - timedelta(days=USUAL_DAYS)
            ),
            "days": days,
        }
        return Response(SeriesSerializer(body).data)


def _node(code: str | None) -> Node | None:
    if not code:
        return None
    node: Node | None = Node.objects.filter(code=code).first() if "\0" not in code else None
    if node is None:
        raise NotFoundError(f"No node is called {code}.", field="node")
    return node


def _day(request: Request, field: str) -> date | None:
    text = request.query_params.get(field)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(
            f"{field} is a day such as 2026-03-01, not {text[:40]}.", field=field
        ) from None
