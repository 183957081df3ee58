"""Dead letters that go on: tried again one by one or together, held ones released."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.core.errors import Refused
from inventory_control.events import permissions
from inventory_control.events.values import LetterFilter
from inventory_control.stock.services import (
    Retried,
    release_letter,
    retry_found,
    retry_letter,
    retry_letters,
)
from inventory_control.stock.services.retrying import AT_MOST
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

_LETTER = [OpenApiParameter("letter_id", int, OpenApiParameter.PATH)]


class RetriedSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What became of the row this time."""

    outcome = serializers.CharField()
    code = serializers.CharField()
    field = serializers.CharField()
    detail = serializers.CharField()


class RetriedRowSerializer(RetriedSerializer):
    """What became of one row of a set this time."""

    letter_id = serializers.IntegerField()


class RetriedRowsSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """One answer per letter, and how many had each outcome."""

    counts = serializers.DictField(child=serializers.IntegerField())
    results = RetriedRowSerializer(many=True)


class LetterFilterBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Which open letters; at least one field."""

    source = serializers.CharField(required=False, max_length=200)  # type: ignore[assignment]  # the letter's source
    code = serializers.CharField(required=False, max_length=40)
    field = serializers.CharField(required=False, max_length=120)
    outcome = serializers.CharField(required=False, max_length=16)
    name = serializers.CharField(required=False, max_length=200)

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        """Refuse words that are no field, so that a slip does not retry everything."""
        if unknown := sorted(set(self.initial_data) - set(self.fields)):
            raise Refused(f"No filter is called {unknown[0]}.", field=f"filter.{unknown[0]}")
        if not attrs:
            raise Refused(
                f"Name at least one of {', '.join(map(str, self.fields))}.", field="filter"
            )
        return attrs


class RetryBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Letters by their ids, or whatever a filter finds; one of the two."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1),
        required=False,
        allow_empty=False,
        max_length=AT_MOST,
    )
    filter = serializers.DictField(child=serializers.CharField(), required=False)


class ReleaseLetterBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Why the message is right although it says what another one said."""

    reason = serializers.CharField(max_length=300)


class LetterRetryView(ApiView):
    """A refused row, tried again."""

    tier = Tier.SYSTEM
    permissions = {"POST": permissions.RETRY}

    @extend_schema(
        operation_id="retry_dead_letter",
        parameters=_LETTER,
        request=None,
        responses=RetriedSerializer,
    )
    def post(self, _request: Request, letter_id: int) -> Response:
        """Post the kept body again, once its cause is mended."""
        return Response(RetriedSerializer(retry_letter(letter_id, by=self.actor)).data)


class LettersRetryView(ApiView):
    """Refused rows, tried again together."""

    tier = Tier.SYSTEM
    permissions = {"POST": permissions.RETRY}

    @extend_schema(
        operation_id="retry_dead_letters", request=RetryBody, responses=RetriedRowsSerializer
    )
    def post(self, request: Request) -> Response:
        """Post the kept bodies of some letters again, or of all that a filter finds.

        Always 200 once the call could be read: a letter that is refused again, or is not open any
        more, stops no other.
        """
        body = RetryBody(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        if ("ids" in asked) == ("filter" in asked):
            raise Refused("Name letters by ids or by a filter, one of the two.", field="ids")
        if "ids" in asked:
            return _answer(retry_letters(asked["ids"], by=self.actor))
        chosen = LetterFilterBody(data=asked["filter"])
        chosen.is_valid(raise_exception=True)
        return _answer(retry_found(LetterFilter(**chosen.validated_data), by=self.actor))


class LetterReleaseView(ApiView):
    """A row held as a suspected duplicate."""

    tier = Tier.SYSTEM
    permissions = {"POST": permissions.RETRY}

    @extend_schema(
        operation_id="release_dead_letter",
        parameters=_LETTER,
        request=ReleaseLetterBody,
        responses=RetriedSerializer,
    )
    def post(self, request: Request, letter_id: int) -> Response:
        """Let it post: it did happen twice. Discarding it rejects it; 409 when it is not held."""
        body = ReleaseLetterBody(data=request.data)
        body.is_valid(raise_exception=True)
        released = release_letter(letter_id, **body.validated_data, by=self.actor)
        return Response(RetriedSerializer(released).data)


def _answer(retried: Sequence[Retried]) -> Response:
    return Response(
        {
            "counts": dict(Counter(one.outcome for one in retried)),
            "results": [asdict(one) for one in retried],
        }
    )
