"""Subscriptions, for programs: who is told of which events and positions."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import permissions
from connectors.selectors import Subscriber, subscribers
from connectors.services import subscribe, unsubscribe
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class SubscriptionSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A subscriber: what it is told and how it does. `waiting` is capped."""

    code = serializers.CharField()
    name = serializers.CharField()
    url = serializers.CharField()
    owner = serializers.CharField()
    types = serializers.ListField(child=serializers.CharField())
    items = serializers.ListField(child=serializers.CharField())
    nodes = serializers.ListField(child=serializers.CharField())
    is_active = serializers.BooleanField()
    waiting = serializers.IntegerField()
    last_ok_at = serializers.DateTimeField(allow_null=True)
    last_error_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()


class SubscribedSerializer(SubscriptionSerializer):
    """The subscriber as it is now; `secret` is there once, when it was made up here."""

    secret = serializers.CharField()


class SubscriptionBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """What to tell whom; empty items or nodes mean all. Without a secret one is made up, or kept.

    `owner` is who answers for it; left out, it stays as it is.
    """

    name = serializers.CharField(max_length=80)
    url = serializers.CharField(max_length=200)
    types = serializers.ListField(child=serializers.CharField(max_length=60), max_length=100)
    items = serializers.ListField(
        child=serializers.CharField(max_length=60), max_length=10_000, required=False, default=list
    )
    nodes = serializers.ListField(
        child=serializers.CharField(max_length=60), max_length=1_000, required=False, default=list
    )
    owner = serializers.CharField(max_length=120, required=False, allow_blank=True)
    secret = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True, write_only=True
    )


class SubscriptionListView(ApiView):
    """Subscribers."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="list_subscriptions", responses=SubscriptionSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """Every one, by code."""
        return Response(SubscriptionSerializer(subscribers(), many=True).data)


class SubscriptionView(ApiView):
    """One subscriber."""

    tier = Tier.SYSTEM
    permissions = {
        "GET": permissions.READ,
        "PUT": permissions.CONFIGURE,
        "DELETE": permissions.CONFIGURE,
    }

    @extend_schema(operation_id="get_subscription", responses=SubscriptionSerializer)
    def get(self, _request: Request, code: str) -> Response:
        """What it is told."""
        return Response(SubscriptionSerializer(_subscriber(code)).data)

    @extend_schema(
        operation_id="put_subscription", request=SubscriptionBody, responses=SubscribedSerializer
    )
    def put(self, request: Request, code: str) -> Response:
        """Tell it from now on, or change what it is told."""
        body = SubscriptionBody(data=request.data)
        body.is_valid(raise_exception=True)
        asked: dict[str, Any] = dict(body.validated_data)
        _, secret = subscribe(code=code, skus=asked.pop("items"), **asked, by=self.actor)
        answer = SubscriptionSerializer(_subscriber(code)).data
        return Response({**answer, "secret": secret})

    @extend_schema(operation_id="end_subscription", responses=SubscriptionSerializer)
    def delete(self, _request: Request, code: str) -> Response:
        """Tell it nothing more; what it was still to be told is dropped."""
        unsubscribe(code, by=self.actor)
        return Response(SubscriptionSerializer(_subscriber(code)).data)


def _subscriber(code: str) -> Subscriber:
    for one in subscribers():
        if one.code == code:
            return one
    raise NotFoundError(f"Nobody subscribed as {code}.")
