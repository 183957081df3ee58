"""Asking that customers are told something, and what became of it, for programs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.core.errors import Refused
from inventory_control.events.states import Medium, Purpose
from inventory_control.notifications import permissions
from inventory_control.notifications.models import NotificationRequest
from inventory_control.notifications.selectors import (
    consents,
    request_of,
    requests,
    sending_of,
)
from inventory_control.notifications.services import call_off, request_notification
from inventory_control.notifications.states import Basis, RequestStatus, Why
from inventory_control.notifications.values import NotificationDraft
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class NotificationSerializer(serializers.ModelSerializer[NotificationRequest]):
    """A request and how far it is. `why` says in a word what stood in its way, `detail` in full.

    `sent` means taken by the system that sends messages, `delivered` and `failed` are its word on
    whether it arrived; `ended_at` is when that was, or when it was withheld or called off.
    """

    number = serializers.CharField()
    item = serializers.CharField(source="item.sku", default=None)
    why = serializers.ChoiceField(choices=Why.choices)

    class Meta:
        model = NotificationRequest
        fields: tuple[str, ...] = (
            "number", "topic", "purpose", "medium", "customer", "order", "item", "parameters",
            "status", "why", "detail", "target", "external_id", "requested_at", "requested_by",
            "expires_at", "sent_at", "ended_at", "policy", "consent_event_id", "outcome_event_id",
            "correlation_id",
        )  # fmt: skip


class NotificationPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of requests, newest first."""

    results = NotificationSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class NotificationDetailSerializer(NotificationSerializer):
    """A request with how sending it goes: how often it was tried, and what went wrong last."""

    attempts = serializers.IntegerField()
    error = serializers.CharField()

    class Meta(NotificationSerializer.Meta):
        fields = (*NotificationSerializer.Meta.fields, "attempts", "error")


class NotificationBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """What to tell whom. The customer is a token; left out, it is the customer of the order.

    `parameters` fill the message where it is written, and name nobody. What is not sent by
    `expires_at` is not sent at all.
    """

    topic = serializers.CharField(max_length=40)
    medium = serializers.CharField(max_length=10)
    customer = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    order = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    item = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    parameters = serializers.DictField(required=False, default=dict)
    expires_at = serializers.DateTimeField(required=False, default=None, allow_null=True)


class CallOffBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """The reason, which is kept."""

    reason = serializers.CharField(max_length=300)


class ConsentSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Whether a customer may be told something by a medium for a purpose, and what decided it:
    `basis` is the policy's, `event_id` the customer's latest word.
    """

    medium = serializers.ChoiceField(Medium.choices)
    purpose = serializers.ChoiceField(Purpose.choices)
    is_allowed = serializers.BooleanField()
    why = serializers.ChoiceField(Why.choices)
    basis = serializers.ChoiceField(Basis.choices)
    event_id = serializers.IntegerField(allow_null=True)
    said_at = serializers.DateTimeField(allow_null=True)


class RequestListView(ApiView):
    """Requests that customers are told something."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ, "POST": permissions.REQUEST}

    @extend_schema(
        operation_id="list_notification_requests",
        parameters=[
            OpenApiParameter("status", str, enum=RequestStatus.values),
            OpenApiParameter("order", str, description="only of this order"),
            OpenApiParameter("customer", str, description="only to this token"),
            OpenApiParameter("topic", str, description="only on this topic"),
            *PAGE_PARAMETERS,
        ],
        responses=NotificationPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page, newest first."""
        limit, asked = page_limit(request), request.query_params
        status = asked.get("status", "")
        if status and status not in RequestStatus.values:
            raise Refused(f"status is one of {', '.join(RequestStatus.values)}.", field="status")
        found = requests(
            status=status,
            order=asked.get("order", ""),
            customer=asked.get("customer", ""),
            topic=asked.get("topic", ""),
            before=whole_number(request, "after"),
            limit=limit,
        )
        rows = NotificationSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))

    @extend_schema(
        operation_id="request_notification",
        request=NotificationBody,
        responses={201: NotificationDetailSerializer},
    )
    def post(self, request: Request) -> Response:
        """Check the consent and queue it. 201 too when it is withheld: look at `status`; a message
        that must not be sent is kept with the reason.
        """
        body = NotificationBody(data=request.data)
        body.is_valid(raise_exception=True)
        asked = dict(body.validated_data)
        draft = NotificationDraft(sku=asked.pop("item"), **asked)
        return Response(_detail(request_notification(draft, by=self.actor)), status=201)


class RequestView(ApiView):
    """One request."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="get_notification_request", responses=NotificationDetailSerializer)
    def get(self, _request: Request, number: str) -> Response:
        """How far it is."""
        return Response(_detail(request_of(number)))


class RequestCallOffView(ApiView):
    """Calling a message off."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.REQUEST}

    @extend_schema(
        operation_id="call_off_notification",
        request=CallOffBody,
        responses=NotificationDetailSerializer,
    )
    def post(self, request: Request, number: str) -> Response:
        """Not send what waits; 409 when it does not wait any more."""
        body = CallOffBody(data=request.data)
        body.is_valid(raise_exception=True)
        moved = call_off(request_of(number), **body.validated_data, by=self.actor)
        return Response(_detail(moved))


class ConsentView(ApiView):
    """What one customer agreed to."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_consents", responses=ConsentSerializer(many=True))
    def get(self, _request: Request, customer: str) -> Response:
        """Whether the token may be told something, for every medium and purpose."""
        return Response(ConsentSerializer(consents(customer), many=True).data)


def _detail(found: NotificationRequest) -> dict[str, Any]:
    sending = sending_of(found)
    return {
        **NotificationSerializer(found).data,
        "attempts": sending.attempts if sending else 0,
        "error": sending.error if sending else "",
    }
