"""Reading the ledger: positions and lines of an item; settling counts."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.catalog.models import Item, Node
from inventory_control.stock import permissions
from inventory_control.stock.selectors import ledger_of, positions_of
from inventory_control.stock.services import release, settle_count
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class PositionSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Units of an item at a node, per physical state, with the claims laid over them."""

    node = serializers.CharField()
    received = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    sellable = serializers.IntegerField()
    refurbishable = serializers.IntegerField()
    damaged = serializers.IntegerField()
    vendor_return = serializers.IntegerField()
    in_transit = serializers.IntegerField()
    reserved = serializers.IntegerField()
    allocated = serializers.IntegerField()
    on_hand = serializers.IntegerField()
    is_frozen = serializers.BooleanField()
    changed_at = serializers.DateTimeField()


class PositionsSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Where an item is, ordered by node."""

    item = serializers.CharField()
    positions = PositionSerializer(many=True)


_SHOWN = [str(name) for name in PositionSerializer().fields if str(name) != "node"]


class LedgerLineSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """One line of the double-entry ledger."""

    id = serializers.IntegerField()
    event_id = serializers.CharField(
        source="told_by", allow_null=True, help_text="None for what was carried forward."
    )
    node = serializers.CharField(source="node.code")
    state = serializers.CharField()
    lot = serializers.CharField()
    quantity = serializers.IntegerField()
    cause = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    posted_at = serializers.DateTimeField()


class LedgerPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of ledger lines, newest first."""

    results = LedgerLineSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class ReleaseBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Which order line gives back how many units."""

    order = serializers.CharField(max_length=200)
    line = serializers.CharField(max_length=200)
    quantity = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=200, required=False)


class ReleasedSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What the order line still holds, in units."""

    held = serializers.IntegerField()


class SettleBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """A person's word on a count out of tolerance."""

    verdict = serializers.ChoiceField(["approved", "rejected"])
    reason = serializers.CharField(max_length=300)


class SettledSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """The count as it stands."""

    verdict = serializers.CharField()
    quantity = serializers.IntegerField()
    expected = serializers.IntegerField()


class PositionsView(ApiView):
    """Where an item is."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_positions", responses=PositionsSerializer)
    def get(self, _request: Request, sku: str) -> Response:
        """Every node that ever held the item."""
        item = _item(sku)
        positions = positions_of([item.pk])
        names = dict(
            Node.objects.filter(pk__in={node for _, node in positions}).values_list("pk", "code")
        )
        rows: list[dict[str, Any]] = [
            {
                "node": names[node_id],
                **{name: getattr(position, name) for name in _SHOWN},
            }
            for (_, node_id), position in positions.items()
        ]
        return Response({"item": sku, "positions": sorted(rows, key=lambda row: row["node"])})


class LedgerView(ApiView):
    """An item's ledger."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="read_ledger", parameters=PAGE_PARAMETERS, responses=LedgerPageSerializer
    )
    def get(self, request: Request, sku: str) -> Response:
        """A page of lines, newest first."""
        limit = page_limit(request)
        lines = ledger_of(_item(sku).pk, before=whole_number(request, "after"), limit=limit)
        rows = LedgerLineSerializer(lines, many=True).data
        return Response(page_of(request, rows, limit=limit, last=lines[-1].id if lines else None))


class ReleaseView(ApiView):
    """Giving back what was reserved."""

    tier = Tier.EXPERIENCE
    permissions = {"POST": permissions.RESERVE}

    @extend_schema(operation_id="release", request=ReleaseBody, responses=ReleasedSerializer)
    def post(self, request: Request) -> Response:
        """Release units of an order line; 409 when it holds less."""
        body = ReleaseBody(data=request.data)
        body.is_valid(raise_exception=True)
        return Response({"held": release(**body.validated_data, by=self.actor)})


class CountView(ApiView):
    """A count out of tolerance."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.ADJUST}

    @extend_schema(operation_id="settle_count", request=SettleBody, responses=SettledSerializer)
    def post(self, request: Request, event_id: int) -> Response:
        """Approve it (the ledger is adjusted) or reject it (it is not); both unfreeze."""
        body = SettleBody(data=request.data)
        body.is_valid(raise_exception=True)
        settled = settle_count(event_id=event_id, **body.validated_data, by=self.actor)
        return Response(
            {
                "verdict": settled.verdict,
                "quantity": settled.quantity,
                "expected": settled.expected,
            }
        )


def _item(sku: str) -> Item:
    item = Item.objects.filter(sku=sku).first()
    if item is None:
        raise NotFoundError(f"No item is called {sku}.", field="item")
    return item
