"""What the doors of timelines answer and take."""

from __future__ import annotations

from rest_framework import serializers

from inventory_control.events.api.searching import FoundEventSerializer


class MomentSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """One thing that happened: when it was true, when it was learnt, who told it."""

    at = serializers.DateTimeField()
    learnt_at = serializers.DateTimeField()
    kind = serializers.CharField()
    title = serializers.CharField()
    text = serializers.CharField()
    subject = serializers.ListField(child=serializers.CharField())
    source = serializers.CharField()  # type: ignore[assignment]  # every field has one of that name
    correlation_id = serializers.CharField()
    number = serializers.IntegerField(allow_null=True)


class TimelineSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Everything that happened to a business object, in true order."""

    kind = serializers.CharField()
    id = serializers.CharField()
    is_cut = serializers.BooleanField()
    moments = MomentSerializer(many=True)


class EventLineSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A ledger line of the event."""

    id = serializers.IntegerField()
    item = serializers.CharField(source="item.sku")
    node = serializers.CharField(source="node.code")
    state = serializers.CharField()
    lot = serializers.CharField()
    quantity = serializers.IntegerField()
    cause = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    posted_at = serializers.DateTimeField()


class EventCountSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What became of the quantity the event stated."""

    quantity = serializers.IntegerField()
    expected = serializers.IntegerField()
    verdict = serializers.CharField()


class EventClaimSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """The claim of its order line as it stands, in units."""

    key = serializers.CharField()
    committed = serializers.IntegerField()
    confirmed = serializers.IntegerField()
    shipped = serializers.IntegerField()
    released = serializers.IntegerField()
    open = serializers.IntegerField()


class EventWorkSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A consumer that still owes the event its part; dead after the fifth failure."""

    id = serializers.IntegerField()
    consumer = serializers.CharField()
    attempts = serializers.IntegerField()
    error = serializers.CharField()


class TouchedCaseSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """An exception, briefly."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.CharField()
    summary = serializers.CharField()
    status = serializers.CharField()
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)


class AuditPlaceSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Where the batch that posted the event stands in the audit log."""

    entry_id = serializers.IntegerField()
    verb = serializers.CharField()
    actor_name = serializers.CharField()
    number = serializers.IntegerField(allow_null=True)
    batch_root = serializers.CharField(source="data.root")


class EventPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """One event: what arrived (`raw`), what was made of it (`normalised`), and what it did."""

    event = FoundEventSerializer()
    tenant = serializers.SerializerMethodField()
    schema_version = serializers.IntegerField(source="event.schema_version")
    causation_id = serializers.CharField(source="event.details.causation_id", default=None)
    raw = serializers.CharField()
    normalised = serializers.DictField()
    ledger = EventLineSerializer(source="lines", many=True)
    count = EventCountSerializer(allow_null=True)
    claim = EventClaimSerializer(allow_null=True)
    corrects = serializers.CharField(allow_null=True)
    corrected_by = serializers.CharField(allow_null=True)
    audit = AuditPlaceSerializer(allow_null=True)
    work = EventWorkSerializer(many=True)
    caused = TouchedCaseSerializer(many=True)

    def get_tenant(self, _page: object) -> str:
        """Whose event it is."""
        return str(self.context["tenant"])


class DecisionSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """An approval given or refused on a wrong number."""

    id = serializers.IntegerField(source="pk")
    case = serializers.IntegerField(source="run.case_id")
    status = serializers.CharField()
    decided_at = serializers.DateTimeField()
    decided_by = serializers.CharField()
    value = serializers.DecimalField(max_digits=16, decimal_places=2)


class PushSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A figure a channel acknowledged while it was wrong, in units."""

    channel = serializers.CharField()
    quantity = serializers.IntegerField()
    version = serializers.IntegerField()
    acknowledged_at = serializers.DateTimeField()


class TouchedSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What used a number between `since`, when it became wrong, and `until`, when it was put right.

    `reason` is correction, corrected, late, or "in time" when nothing was touched.
    """

    reason = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    cases = TouchedCaseSerializer(many=True)
    decisions = DecisionSerializer(many=True)
    pushes = PushSerializer(many=True)


class ReopenBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Which of the touched exceptions go back into the queue, and why."""

    cases = serializers.ListField(
        child=serializers.IntegerField(min_value=1), min_length=1, max_length=200
    )
    reason = serializers.CharField(max_length=250)
