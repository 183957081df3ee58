"""Dead letters, for programs: see what was refused, give it up for a reason."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.events import permissions
from inventory_control.events.models import DeadLetter
from inventory_control.events.selectors import open_dead_letters
from inventory_control.events.services import discard
from inventory_control.events.values import LetterFilter
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class DeadLetterSerializer(serializers.ModelSerializer[DeadLetter]):
    """A refused row: where it broke, why, and its body as it came."""

    body = serializers.SerializerMethodField()

    class Meta:
        model = DeadLetter
        fields = (
            "id", "source", "source_id", "received_from", "received_at", "outcome", "code",
            "field", "reason", "seen", "status", "decided_reason", "waits_noun", "waits_name",
            "body",
        )  # fmt: skip

    def get_body(self, letter: DeadLetter) -> str:
        """The body as text; what is no UTF-8 is shown escaped."""
        return bytes(letter.body)[:20_000].decode("utf-8", "backslashreplace")


class DeadLetterPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of dead letters, newest first."""

    results = DeadLetterSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class DiscardBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Why the row is given up."""

    reason = serializers.CharField(max_length=300)


_FILTERS = [
    OpenApiParameter("source", str, description="Whose rows."),
    OpenApiParameter("code", str, description="Why they were refused."),
    OpenApiParameter("field", str, description="Where they broke."),
    OpenApiParameter("outcome", str, description="quarantined, unmapped, held or conflict."),
    OpenApiParameter("name", str, description="The unknown name they wait for."),
]


class DeadLetterListView(ApiView):
    """Refused rows that wait for a person."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_dead_letters",
        parameters=[*PAGE_PARAMETERS, *_FILTERS],
        responses=DeadLetterPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page, newest first."""
        limit, after = page_limit(request), whole_number(request, "after")
        letters = open_dead_letters(_filter_of(request))
        if after is not None:
            letters = letters.filter(pk__lt=after)
        found = list(letters[:limit])
        rows = DeadLetterSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))


class DeadLetterView(ApiView):
    """One refused row, open or decided."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_dead_letter", responses=DeadLetterSerializer)
    def get(self, _request: Request, letter_id: int) -> Response:
        """The row with its body and what became of it."""
        letter = DeadLetter.objects.filter(pk=letter_id).first()
        if letter is None:
            raise NotFoundError
        return Response(DeadLetterSerializer(letter).data)


class DeadLetterDiscardView(ApiView):
    """Giving up a refused row."""

    tier = Tier.SYSTEM
    permissions = {"POST": permissions.RETRY}

    @extend_schema(
        operation_id="discard_dead_letter", request=DiscardBody, responses=DeadLetterSerializer
    )
    def post(self, request: Request, letter_id: int) -> Response:
        """Discard it for a reason that is kept; 409 when it was decided before."""
        body = DiscardBody(data=request.data)
        body.is_valid(raise_exception=True)
        letter = DeadLetter.objects.filter(pk=letter_id).first()
        if letter is None:
            raise NotFoundError
        discarded = discard(letter, reason=body.validated_data["reason"], by=self.actor)
        return Response(DeadLetterSerializer(discarded).data)


def _filter_of(request: Request) -> LetterFilter:
    names = (str(parameter.name) for parameter in _FILTERS)
    return LetterFilter(**{name: request.query_params.get(name, "")[:200] for name in names})
