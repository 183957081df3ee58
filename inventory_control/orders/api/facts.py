"""Thin doors over events: a ship date, an inspection, a shipment become facts and are posted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.core import clock
from inventory_control.events import permissions as event_permissions
from inventory_control.events.errors import ContentConflictError, InvalidEventError
from inventory_control.events.states import Outcome
from inventory_control.events.values import Posted, Refusal
from inventory_control.orders.selectors import outlook_of, purchase_order
from inventory_control.stock.services import post_rows
from inventory_control.stock.states import INSPECTED_TO
from inventory_control.web.problems import NotFoundError, problem_response
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class FactBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """`reference` is what the sender calls this fact: sent again, with the same moment and figures,
    it is the same fact.
    """

    reference = serializers.CharField(max_length=200)
    occurred_at = serializers.DateTimeField()


class ShipDateBody(FactBody):
    """When an order will arrive, as its supplier says now."""

    due_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=200, required=False)


class InspectionBody(FactBody):
    """What an inspection found of goods that came back, or that were delivered."""

    subject = serializers.ChoiceField(["return", "receipt"])
    item = serializers.CharField(max_length=200)
    node = serializers.CharField(max_length=200)
    quantity = serializers.IntegerField(min_value=1)
    from_state = serializers.CharField(max_length=40, required=False)
    to_state = serializers.CharField(max_length=40)
    document = serializers.CharField(max_length=200, required=False)
    reason = serializers.CharField(max_length=200, required=False)


class ShipmentBody(FactBody):
    """Units of an order line that left a node for the customer."""

    order = serializers.CharField(max_length=200)
    line = serializers.CharField(max_length=200)
    item = serializers.CharField(max_length=200)
    node = serializers.CharField(max_length=200)
    quantity = serializers.IntegerField(min_value=1)
    channel = serializers.CharField(max_length=200, required=False)


class OutlookSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """An order as it stands after the news: when it comes, how late that is, what it still owes."""

    number = serializers.CharField()
    promised_at = serializers.DateTimeField(allow_null=True)
    expected_at = serializers.DateTimeField(allow_null=True)
    days_late = serializers.IntegerField()
    outstanding = serializers.IntegerField()
    is_at_risk = serializers.BooleanField()


class DispositionSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Where the goods are now, and where another inspection may send them."""

    event_id = serializers.CharField()
    outcome = serializers.CharField()
    disposition = serializers.CharField()
    next_states = serializers.ListField(child=serializers.CharField())


class FactSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """The event a fact became."""

    event_id = serializers.CharField()
    outcome = serializers.CharField()


class ShipDateView(ApiView):
    """A supplier's word on one of its own orders."""

    tier = Tier.PROCESS
    permissions = {"POST": event_permissions.WRITE}

    @extend_schema(operation_id="post_ship_date", request=ShipDateBody, responses=OutlookSerializer)
    def post(self, request: Request, number: str) -> Any:
        """Take in the new date. 404 for an order of a supplier the key does not speak for."""
        body = ShipDateBody(data=request.data)
        body.is_valid(raise_exception=True)
        order, holder = purchase_order(number), _holder(request)
        supplier = order.supplier.code if order is not None and order.supplier else None
        if supplier is None or not holder.may_speak_for(supplier):
            raise NotFoundError
        fact = {"type": "shipment.updated", "source": supplier, "document": number}
        answer = _post(self, fact, body.validated_data)
        if isinstance(answer, Posted):
            return Response(OutlookSerializer(outlook_of(number, clock.now())).data)
        return problem_response(_refusal_of(answer))


class InspectionView(ApiView):
    """The outcome of an inspection."""

    tier = Tier.PROCESS
    permissions = {"POST": event_permissions.WRITE}

    @extend_schema(
        operation_id="post_inspection", request=InspectionBody, responses=DispositionSerializer
    )
    def post(self, request: Request) -> Any:
        """Move the goods to where the inspection sends them; 422 for a way that does not exist."""
        body = InspectionBody(data=request.data)
        body.is_valid(raise_exception=True)
        fields = dict(body.validated_data)
        answer = _post(self, {"type": f"{fields.pop('subject')}.inspected"}, fields)
        if not isinstance(answer, Posted):
            return problem_response(_refusal_of(answer))
        told = {
            **_fact(answer),
            "disposition": fields["to_state"],
            "next_states": sorted(INSPECTED_TO.get(fields["to_state"], ())),
        }
        return Response(DispositionSerializer(told).data, status=_status(answer))


class ShipmentView(ApiView):
    """The confirmation that an order line was shipped."""

    tier = Tier.PROCESS
    permissions = {"POST": event_permissions.WRITE}

    @extend_schema(operation_id="post_shipment", request=ShipmentBody, responses=FactSerializer)
    def post(self, request: Request) -> Any:
        """Reduce on-hand and consume the line's claim, whichever of both came first."""
        body = ShipmentBody(data=request.data)
        body.is_valid(raise_exception=True)
        answer = _post(self, {"type": "order.shipped"}, body.validated_data)
        if not isinstance(answer, Posted):
            return problem_response(_refusal_of(answer))
        return Response(FactSerializer(_fact(answer)).data, status=_status(answer))


def _holder(request: Request) -> Any:
    return request.user


def _post(view: ApiView, fact: Mapping[str, Any], told: Mapping[str, Any]) -> Posted | Refusal:
    """Post a fact as the holder of the key; one that is refused is kept, so nothing is raised."""
    fields = dict(told)
    row = {
        "source_id": fields.pop("reference"),
        **fact,
        **fields,
    }
    holder = _holder(view.request)
    (answer,) = post_rows(
        [msgspec.json.encode(row)],
        received_from=holder.key_name,
        may_speak_for=holder.may_speak_for,
        by=view.actor,
        is_ours=True,
    )
    if isinstance(answer, Posted) and answer.outcome in (Outcome.CONFLICT, Outcome.QUARANTINED):
        return Refusal(answer.outcome, "refused", "", answer.detail, b"")
    return answer


def _refusal_of(answer: Refusal) -> ContentConflictError | InvalidEventError:
    if answer.outcome == Outcome.CONFLICT:
        return ContentConflictError(answer.reason or None, field="reference")
    return InvalidEventError(answer.reason, field=answer.field or None)


def _fact(answer: Posted) -> dict[str, Any]:
    return {"event_id": str(answer.event_id), "outcome": answer.outcome}


def _status(answer: Posted) -> int:
    return 200 if answer.outcome == Outcome.DUPLICATE else 201
