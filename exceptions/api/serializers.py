"""The shape of exceptions on the wire."""

from __future__ import annotations

from rest_framework import serializers

from exceptions.models import ExceptionCase


class CaseSerializer(serializers.ModelSerializer[ExceptionCase]):
    """One case. `severity` is a word, `at_stake` money as text, `evidence` the figures behind it."""

    severity = serializers.SerializerMethodField()
    sku = serializers.CharField(source="item.sku", default=None)
    node = serializers.CharField(source="node.code", default=None)

    class Meta:
        model = ExceptionCase
        fields = (
            "id", "kind", "status", "severity", "key", "sku", "node", "document", "summary",
            "units", "at_stake", "evidence", "opened_at", "due_at", "last_seen_at", "seen",
            "version", "assignee", "acknowledged_at", "closed_at", "resolution", "reason",
            "governed_by", "quiet_until",
        )  # fmt: skip

    def get_severity(self, case: ExceptionCase) -> str:
        """The rank as a word, as filters take it."""
        return case.get_severity_display().lower()


class NoteSerializer(serializers.Serializer):  # type: ignore[type-arg]  # no instance is written
    """A note on a case; `author` is a member's public id."""

    id = serializers.IntegerField(read_only=True)
    author = serializers.CharField(read_only=True)
    written_at = serializers.DateTimeField(read_only=True)
    text = serializers.CharField()


class CasePageSerializer(CaseSerializer):
    """One case with its notes."""

    notes = NoteSerializer(many=True, read_only=True)

    class Meta(CaseSerializer.Meta):
        fields = (*CaseSerializer.Meta.fields, "notes")  # type: ignore[assignment]


class QueueSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of the queue; `next` is the address of the page behind it."""

    results = CaseSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class AssigneeBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Who shall own a case: a member's public id, or empty for nobody."""

    assignee = serializers.CharField(allow_blank=True, max_length=80)


class BulkAssignBody(AssigneeBody):
    """Who shall own some cases."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1), min_length=1, max_length=500
    )


class ReasonBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Why, in a sentence."""

    reason = serializers.CharField(allow_blank=True, default="", max_length=300)


class DismissBody(ReasonBody):
    """Why it is a false alarm, and how long its risk shall stay quiet."""

    quiet_until = serializers.DateTimeField(required=False, allow_null=True, default=None)
