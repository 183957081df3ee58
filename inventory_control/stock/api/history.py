"""Positions of the past: what the ledger says of a moment, today or as it was known then."""

from __future__ import annotations

from datetime import datetime

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.catalog.models import Item
from inventory_control.core.errors import Refused
from inventory_control.stock import permissions
from inventory_control.stock.selectors import positions_as_of
from inventory_control.web.moments import read_moment
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class PastPositionSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Units per state of an item at a node; states without units are left out."""

    node = serializers.CharField()
    states = serializers.DictField(child=serializers.IntegerField())


class PastPositionsSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Where an item was at a moment, ordered by node."""

    item = serializers.CharField()
    at = serializers.DateTimeField()
    known_at = serializers.DateTimeField(allow_null=True)
    positions = PastPositionSerializer(many=True)


class PastPositionsView(ApiView):
    """Where an item was."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="read_positions_as_of",
        parameters=[
            OpenApiParameter("at", datetime, required=True, description="The moment asked for."),
            OpenApiParameter(
                "known_at",
                datetime,
                description="Only what was posted by then: the figure people saw at that time.",
            ),
        ],
        responses=PastPositionsSerializer,
    )
    def get(self, request: Request, sku: str) -> Response:
        """Every node that held it then, as the ledger knows today or knew at `known_at`."""
        item = Item.objects.filter(sku=sku).first()
        if item is None:
            raise NotFoundError(f"No item is called {sku}.", field="item")
        query = request.query_params
        at = read_moment(query.get("at", ""), "at")
        known_at = read_moment(query.get("known_at", ""), "known_at")
        if at is None:
            raise Refused("Name the moment in at.", field="at")
        found = positions_as_of(item.pk, at, known_at=known_at)
        positions = [{"node": node, "states": states} for node, states in sorted(found.items())]
        body = {"item": sku, "at": at, "known_at": known_at, "positions": positions}
        return Response(PastPositionsSerializer(body).data)
