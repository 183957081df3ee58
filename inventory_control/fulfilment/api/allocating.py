"""Allocation, for programs: what would be chosen and why, the choice itself, and substitutes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.core.errors import Refused
from inventory_control.fulfilment import permissions
from inventory_control.fulfilment.errors import StaleFiguresError
from inventory_control.fulfilment.selectors import stale_refusals
from inventory_control.fulfilment.services import (
    accept_substitute,
    allocate_orders,
    note_stale_figures,
)
from inventory_control.fulfilment.values import AllocationLine
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import problem_response
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class AllocationLineBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """One order line that wants stock; without a node one is chosen."""

    line = serializers.CharField(max_length=180)
    item = serializers.CharField(max_length=60)
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000_000)
    order = serializers.CharField(max_length=200, required=False)
    channel = serializers.CharField(max_length=40, required=False)
    node = serializers.CharField(max_length=40, required=False)
    customer = serializers.CharField(max_length=200, required=False)
    service = serializers.ChoiceField(["premium", "standard"], required=False)
    ordered_at = serializers.DateTimeField(required=False)
    promise_at = serializers.DateTimeField(required=False)


class AllocationBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Order lines to allocate; `order` and `channel` stand in for the lines'.

    Without `commit` it only says what would be. `figures_as_of` names the moment of the figures
    the caller decided on: older than the policy allows, they are refused.
    """

    order = serializers.CharField(max_length=200, required=False)
    channel = serializers.CharField(max_length=40, required=False)
    figures_as_of = serializers.DateTimeField(required=False)
    commit = serializers.BooleanField(default=False)
    lines = serializers.ListField(child=AllocationLineBody(), min_length=1, max_length=1_000)


class PieceSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A claim: the order line to ship it under, its node and units."""

    line = serializers.CharField()
    node = serializers.CharField()
    units = serializers.IntegerField()


class ConsideredSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What became of one node, with the reason in words."""

    node = serializers.CharField()
    units = serializers.IntegerField()
    reason = serializers.CharField()


class SubstitutionSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """An approved stand-in with stock."""

    item = serializers.CharField(source="sku")
    node = serializers.CharField()
    available = serializers.IntegerField()
    rank = serializers.IntegerField()


class AllocatedSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """The answer to one order line, in units."""

    order = serializers.CharField()
    line = serializers.CharField()
    requested = serializers.IntegerField()
    granted = serializers.IntegerField()
    backordered = serializers.IntegerField()
    pieces = PieceSerializer(many=True)
    considered = ConsideredSerializer(many=True)
    reason = serializers.CharField()
    is_repeat = serializers.BooleanField()
    substitutes = SubstitutionSerializer(many=True)


class AllocationAnswerSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """One answer per line, in order."""

    lines = AllocatedSerializer(many=True)


class RefusalSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A call that was refused because its figures were too old."""

    event_id = serializers.CharField()
    order = serializers.CharField()
    item = serializers.CharField()
    refused_at = serializers.DateTimeField()
    figures_as_of = serializers.DateTimeField()
    age_s = serializers.IntegerField()
    limit_s = serializers.IntegerField()
    lines = serializers.IntegerField()


class RefusalPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of refusals, newest first."""

    results = RefusalSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class SubstitutionBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Which line takes which stand-in, how many units of it, from where."""

    order = serializers.CharField(max_length=200)
    line = serializers.CharField(max_length=120)
    substitute = serializers.CharField(max_length=60)
    quantity = serializers.IntegerField(min_value=1)
    node = serializers.CharField(max_length=40)


class AllocationView(ApiView):
    """Choosing nodes for order lines."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.ALLOCATE}

    @extend_schema(
        operation_id="allocate", request=AllocationBody, responses=AllocationAnswerSerializer
    )
    def post(self, request: Request) -> Any:
        """Say where lines would be served from, or with `commit` claim it there.

        409 `stale_figures` when the caller decided on figures that are too old: the refusal is
        kept, and therefore answered, not raised.
        """
        body = AllocationBody(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        lines = [_line(one, said, place) for place, one in enumerate(said["lines"])]
        try:
            answers = allocate_orders(
                lines,
                commits=said["commit"],
                figures_as_of=said.get("figures_as_of"),
                by=self.actor,
            )
        except StaleFiguresError as refusal:
            note_stale_figures(lines, refusal=refusal, by=self.actor)
            return problem_response(refusal)
        return Response(AllocationAnswerSerializer({"lines": answers}).data)


class AllocationRefusalListView(ApiView):
    """Calls refused because their figures were too old."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_allocation_refusals",
        parameters=PAGE_PARAMETERS,
        responses=RefusalPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page, newest first."""
        limit = page_limit(request)
        found = stale_refusals(before=whole_number(request, "after"), limit=limit)
        rows = RefusalSerializer(found, many=True).data
        last = int(found[-1].event_id) if found else None
        return Response(page_of(request, rows, limit=limit, last=last))


class SubstitutionView(ApiView):
    """Taking a stand-in."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.ALLOCATE}

    @extend_schema(
        operation_id="accept_substitute", request=SubstitutionBody, responses={201: PieceSerializer}
    )
    def post(self, request: Request) -> Response:
        """Release the line's units and allocate the substitute instead, both or neither."""
        body = SubstitutionBody(data=request.data)
        body.is_valid(raise_exception=True)
        piece = accept_substitute(**body.validated_data, by=self.actor)
        return Response(PieceSerializer(piece).data, status=201)


def _line(one: dict[str, Any], asked: dict[str, Any], place: int) -> AllocationLine:
    order = one.get("order") or asked.get("order")
    if not order:
        raise Refused("Name the order.", field=f"lines[{place}].order")
    return AllocationLine(
        order=order,
        line=one["line"],
        sku=one["item"],
        quantity=one["quantity"],
        channel=one.get("channel") or asked.get("channel", ""),
        node=one.get("node", ""),
        customer=one.get("customer", ""),
        is_premium=one.get("service") == "premium",
        ordered_at=one.get("ordered_at"),
        promise_at=one.get("promise_at"),
    )
