"""How the API describes itself: operations grouped by tier, one shape for every error."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from inventory_control.web.problems import CONTENT_TYPE
from inventory_control.web.tiers import Tier

Direction = Literal["request", "response"]


class FaultSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """One offending input of several."""

    field = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Every refusal of the API (RFC 9457).

    `code` is stable and for programs, `detail` is for people, `field` the path of the offending
    input, `errors` all of them when there are several, `correlation_id` what to quote. Some codes
    bring figures of their own.
    """

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    correlation_id = serializers.CharField()
    field = serializers.CharField(required=False)
    errors = FaultSerializer(many=True, required=False)  # type: ignore[assignment]  # its name


class TieredSchema(AutoSchema):
    """An operation's only tag is the tier of its view; whatever is no success is a problem."""

    def get_tags(self) -> list[str]:
        """The tier."""
        return [str(getattr(self.view, "tier", Tier.SYSTEM))]

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        bodies["default"] = self._get_response_for_code(  # type: ignore[no-untyped-call]
            ProblemSerializer, "default", [CONTENT_TYPE], direction
        )
        return bodies
