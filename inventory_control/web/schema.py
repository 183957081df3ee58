"""How the API describes itself: operations grouped by tier, one shape for every error."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from inventory_control.web.problems import CONTENT_TYPE
from inventory_control.web.tiers import Tier
from inventory_control.web.views import WRITES

KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Up to 255 characters of your choice. The same key with the same body gives the "
    "first answer again, marked `Idempotent-Replay: true`, for whatever was done (2xx) and for "
    "conflicts (409); with another body 422 `idempotency_key_reused`; while the first still runs "
    "409 `idempotency_key_running`. Any other refusal did nothing and is not kept: mend the "
    "request and send it under the same key.",
)
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
    """An operation's only tag is the tier of its view; a write may bring a key; whatever is no
    success is a problem.
    """

    def get_tags(self) -> list[str]:
        """The tier."""
        return [str(getattr(self.view, "tier", Tier.SYSTEM))]

    def get_override_parameters(self) -> list[Any]:
        """The key that every write may bring, beside what the view names."""
        named: list[Any] = super().get_override_parameters()
        is_known_by_key = self.method in WRITES and getattr(self.view, "keeps_answers", False)
        return [*named, KEY] if is_known_by_key else named

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        bodies["default"] = self._get_response_for_code(  # type: ignore[no-untyped-call]
            ProblemSerializer, "default", [CONTENT_TYPE], direction
        )
        return bodies
