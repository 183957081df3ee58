"""Read-only doors to the audit log: entries, proofs, signed heads."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.audit import permissions
from inventory_control.audit.selectors import entries, proof_for, signed_heads
from inventory_control.audit.values import TimelineEntry
from inventory_control.core.errors import Refused
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

PAGE = 100


class EntrySerializer(serializers.Serializer):  # type: ignore[type-arg]  # no instance behind it
    """One audit entry; `number` is its leaf, null while it waits for the sealer."""

    entry_id = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor_kind = serializers.CharField()
    actor_id = serializers.CharField()
    actor_name = serializers.CharField()
    verb = serializers.CharField()
    subject_kind = serializers.CharField()
    subject_id = serializers.CharField()
    data = serializers.JSONField()  # type: ignore[assignment]  # shadows a read property
    correlation_id = serializers.CharField()
    number = serializers.IntegerField(allow_null=True)


class EntryPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # no instance behind it
    """A page of entries, newest first; `next` leads to older ones."""

    results = EntrySerializer(many=True)
    next = serializers.CharField(allow_null=True)


class HeadSerializer(serializers.Serializer):  # type: ignore[type-arg]  # no instance behind it
    """A signed tree head."""

    size = serializers.IntegerField()
    root = serializers.CharField()  # type: ignore[assignment]  # shadows a read property
    signed_at = serializers.CharField()
    key_id = serializers.CharField()
    signature = serializers.CharField()


class ProofSerializer(serializers.Serializer):  # type: ignore[type-arg]  # no instance behind it
    """An inclusion proof: `entry` hashes to `leaf`, `path` leads from there to the head's root."""

    number = serializers.IntegerField()
    leaf = serializers.CharField()
    entry = serializers.CharField()
    path = serializers.ListField(child=serializers.CharField())
    head = HeadSerializer()


class EntryListView(ApiView):
    """The audit log, newest first."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_audit_entries",
        parameters=[
            OpenApiParameter("before", int, description="entries below this id"),
            OpenApiParameter("subject", str, description="kind:id"),
        ],
        responses=EntryPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page of entries, of one subject if asked."""
        before = _number(request.query_params.get("before"), "before")
        subject = request.query_params.get("subject")
        found = entries(before=before, subject=_subject(subject), limit=PAGE)
        more = f"?before={found[-1].entry_id}" + (f"&subject={subject}" if subject else "")
        return Response(
            {
                "results": [_entry(one) for one in found],
                "next": request.path + more if len(found) == PAGE else None,
            }
        )


class ProofView(ApiView):
    """The proof of one entry."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="prove_audit_entry", responses=ProofSerializer)
    def get(self, _request: Request, entry_id: int) -> Response:
        """Everything needed to check that the entry stands under the newest head."""
        proof = proof_for(entry_id)
        return Response(
            {
                "number": proof.number,
                "leaf": proof.leaf,
                "entry": proof.entry,
                "path": proof.path,
                "head": proof.head.as_fields(),
            }
        )


class HeadListView(ApiView):
    """The signed heads, to be kept elsewhere."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="list_audit_heads", responses=HeadSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """Every head, smallest first."""
        return Response([head.as_fields() for head in signed_heads()])


def _entry(one: TimelineEntry) -> dict[str, Any]:
    return {
        "entry_id": one.entry_id,
        "at": one.at,
        "actor_kind": one.actor_kind,
        "actor_id": one.actor_id,
        "actor_name": one.actor_name,
        "verb": one.verb,
        "subject_kind": one.subject_kind,
        "subject_id": one.subject_id,
        "data": one.data,
        "correlation_id": one.correlation_id,
        "number": one.number,
    }


def _number(text: str | None, field: str) -> int | None:
    if text is None:
        return None
    if not text.isdigit():
        raise Refused(f"{field} is a whole number, not {text}.", field=field)
    return int(text)


def _subject(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    kind, separator, pk = text.partition(":")
    if not separator:
        raise Refused("subject is kind:id, for example exceptioncase:12.", field="subject")
    return kind, pk
