"""Master data, for the ERP's synchronisation: items, nodes, suppliers by code, in sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.catalog import permissions
from inventory_control.catalog.models import Item, Node, Substitute, Supplier
from inventory_control.catalog.services import (
    InvalidRowError,
    upsert_items,
    upsert_nodes,
    upsert_substitutes,
    upsert_suppliers,
)
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class RowsTakenSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """How many rows were taken: all of the call, or the call was refused."""

    rows = serializers.IntegerField()


class SupplierSerializer(serializers.ModelSerializer[Supplier]):
    """A supplier."""

    class Meta:
        model = Supplier
        fields = ("code", "name", "lead_time_days", "lead_time_sd_days", "minimum_order_value")


class NodeSerializer(serializers.ModelSerializer[Node]):
    """A node."""

    class Meta:
        model = Node
        fields = (
            "code", "name", "kind", "region", "capacity_units", "closed_weekdays", "transfer_days",
        )  # fmt: skip


class ItemSerializer(serializers.ModelSerializer[Item]):
    """An item; its supplier by code."""

    supplier = serializers.CharField(source="supplier.code", default=None)

    class Meta:
        model = Item
        fields = (
            "sku", "name", "unit", "item_class", "unit_cost", "unit_price", "supplier",
            "pack_size", "minimum_order_quantity",
        )  # fmt: skip


def rows_in(request: Request) -> Sequence[Any]:
    """The rows of a call; raises `InvalidRowError` when the body is no array."""
    if not isinstance(request.data, list):
        raise InvalidRowError("Send a JSON array of rows.")
    return request.data


class SupplierListView(ApiView):
    """Suppliers."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ, "PUT": permissions.WRITE}

    @extend_schema(
        operation_id="list_suppliers",
        parameters=PAGE_PARAMETERS,
        responses=SupplierSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """A page of suppliers."""
        return _listed(request, Supplier, SupplierSerializer)

    @extend_schema(
        operation_id="put_suppliers",
        request=SupplierSerializer(many=True),
        responses=RowsTakenSerializer,
    )
    def put(self, request: Request) -> Response:
        """Create or change suppliers by code."""
        return _taken(upsert_suppliers, self, request)


class NodeListView(ApiView):
    """Nodes."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ, "PUT": permissions.WRITE}

    @extend_schema(
        operation_id="list_nodes", parameters=PAGE_PARAMETERS, responses=NodeSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """A page of nodes."""
        return _listed(request, Node, NodeSerializer)

    @extend_schema(
        operation_id="put_nodes", request=NodeSerializer(many=True), responses=RowsTakenSerializer
    )
    def put(self, request: Request) -> Response:
        """Create or change nodes by code."""
        return _taken(upsert_nodes, self, request)


class ItemListView(ApiView):
    """Items."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ, "PUT": permissions.WRITE}

    @extend_schema(
        operation_id="list_items", parameters=PAGE_PARAMETERS, responses=ItemSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """A page of items."""
        return _listed(request, Item, ItemSerializer)

    @extend_schema(
        operation_id="put_items", request=ItemSerializer(many=True), responses=RowsTakenSerializer
    )
    def put(self, request: Request) -> Response:
        """Create or change items by sku."""
        return _taken(upsert_items, self, request)


class SubstituteSerializer(serializers.ModelSerializer[Substitute]):
    """An item that may stand in for another, both by sku."""

    item = serializers.CharField(source="item.sku")
    substitute = serializers.CharField(source="substitute.sku")

    class Meta:
        model = Substitute
        fields = ("item", "substitute", "rank", "is_approved")


class SubstituteListView(ApiView):
    """Substitutes."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ, "PUT": permissions.WRITE}

    @extend_schema(
        operation_id="list_substitutes",
        parameters=PAGE_PARAMETERS,
        responses=SubstituteSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """A page of substitutes."""
        return _listed(request, Substitute, SubstituteSerializer, "item", "substitute")

    @extend_schema(
        operation_id="put_substitutes",
        request=SubstituteSerializer(many=True),
        responses=RowsTakenSerializer,
    )
    def put(self, request: Request) -> Response:
        """Create or change substitutes by item and substitute."""
        return _taken(upsert_substitutes, self, request)


def _listed(request: Request, model: Any, serializer: Any, *joined: str) -> Response:
    limit, after = page_limit(request), whole_number(request, "after")
    rows = model.objects.select_related(*joined) if joined else model.objects.all()
    found = list(rows.filter(pk__gt=after or 0).order_by("pk")[:limit])
    return Response(
        page_of(
            request,
            serializer(found, many=True).data,
            limit=limit,
            last=found[-1].pk if found else None,
        )
    )


def _taken(upsert: Callable[..., int], view: ApiView, request: Request) -> Response:
    return Response({"rows": upsert(rows_in(request), by=view.actor)})
