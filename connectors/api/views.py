"""The signed door of other systems, and how connectors are."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import permissions
from connectors.selectors import health
from connectors.services import receive_webhook
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class TakenSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """The message as it is kept here."""

    message = serializers.CharField()


class HealthSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """How a connector does."""

    code = serializers.CharField()
    name = serializers.CharField()
    is_paused = serializers.BooleanField()
    waiting = serializers.IntegerField()
    dead = serializers.IntegerField()
    last_ok_at = serializers.DateTimeField(allow_null=True)
    last_error_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()


class WebhookView(ApiView):
    """Where other systems deliver. No key: the signature over the body authenticates."""

    tier = Tier.SYSTEM
    keeps_answers = False
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    parser_classes: list[Any] = []

    @extend_schema(
        operation_id="receive_webhook",
        parameters=[
            OpenApiParameter("webhook-id", str, OpenApiParameter.HEADER, required=True),
            OpenApiParameter("webhook-timestamp", str, OpenApiParameter.HEADER, required=True),
            OpenApiParameter("webhook-signature", str, OpenApiParameter.HEADER, required=True),
        ],
        request={"application/json": {"type": "object"}},
        responses={202: TakenSerializer},
    )
    def post(self, request: Request, code: str) -> Response:
        """202 once the body is kept; it becomes events behind the answer."""
        message_id = receive_webhook(
            code=code, headers=dict(request._request.headers), body=request._request.body
        )
        return Response({"message": str(message_id)}, status=202)


class ConnectorListView(ApiView):
    """Connectors."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="list_connectors", responses=HealthSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """How each does."""
        return Response(HealthSerializer(health(), many=True).data)
