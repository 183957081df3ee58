"""The shape of reconciliation on the wire: units as numbers, money as text."""

from __future__ import annotations

from rest_framework import serializers

from inventory_control.reconciliation.models import (
    Comparison,
    ControlTotal,
    Discrepancy,
    DriftPoint,
    Effort,
    Remedy,
    SignOff,
)
from inventory_control.reconciliation.states import Direction, Path


class DriftPointSerializer(serializers.ModelSerializer[DriftPoint]):
    """How far one system was off in a run."""

    class Meta:
        model = DriftPoint
        fields = ("system", "compared", "off", "units", "value")


class ComparisonSerializer(serializers.ModelSerializer[Comparison]):
    """One run; `variance` is the units nothing explains, of all systems together."""

    variance = serializers.IntegerField(source="units")
    systems = DriftPointSerializer(source="points", many=True)

    class Meta:
        model = Comparison
        fields = (
            "id", "started_at", "trigger", "asked_by", "policy", "compared", "matched",
            "explained", "tolerated", "accepted", "material", "unknown", "opened", "closed",
            "variance", "value", "systems",
        )  # fmt: skip


class ComparisonPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of runs, latest first."""

    results = ComparisonSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class DiscrepancySerializer(serializers.ModelSerializer[Discrepancy]):
    """A difference: `gap` as it looks, what time explains of it, and the rest."""

    sku = serializers.CharField(source="item.sku")
    node = serializers.CharField(source="node.code", default=None)

    class Meta:
        model = Discrepancy
        fields = (
            "id", "system", "sku", "node", "state", "status", "reported", "ledger", "gap",
            "explained", "unexplained", "value", "as_of", "opened_at", "last_seen_at", "seen",
            "closed_at", "root_cause",
        )  # fmt: skip


class DiscrepancyPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of discrepancies, latest first."""

    results = DiscrepancySerializer(many=True)
    next = serializers.CharField(allow_null=True)


class CauseSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A cause candidate; an exact one accounts for every unit."""

    code = serializers.CharField()
    words = serializers.CharField()
    units = serializers.IntegerField()
    is_exact = serializers.BooleanField()


class RemedySerializer(serializers.ModelSerializer[Remedy]):
    """What was done, or waits for a second person."""

    class Meta:
        model = Remedy
        fields = (
            "id", "path", "reason", "status", "units", "target", "value", "proposed_at",
            "proposed_by", "decided_at", "decided_by", "decided_reason",
        )  # fmt: skip


class EffortSerializer(serializers.ModelSerializer[Effort]):
    """Minutes spent."""

    class Meta:
        model = Effort
        fields = ("minutes", "note", "logged_at", "logged_by")


class CommandSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What a remedy sent, and whether it was acknowledged."""

    remedy = serializers.IntegerField()
    kind = serializers.CharField()
    target = serializers.CharField()
    status = serializers.CharField()
    payload = serializers.DictField()


class DiscrepancyDetailSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """One discrepancy with everything around it."""

    discrepancy = DiscrepancySerializer()
    causes = CauseSerializer(many=True)
    earlier = serializers.IntegerField()
    minutes = serializers.IntegerField()
    remedies = RemedySerializer(many=True)
    efforts = EffortSerializer(many=True)
    commands = CommandSerializer(many=True)


class RemedyBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """A way out, why, and the minutes it took."""

    path = serializers.ChoiceField(Path.choices)
    reason = serializers.CharField(max_length=300)
    minutes = serializers.IntegerField(min_value=0, max_value=1440, required=False, default=0)


class DecideBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """A second person's word on a remedy."""

    verdict = serializers.ChoiceField([("approved", "Approved"), ("refused", "Refused")])
    reason = serializers.CharField(max_length=300)


class EffortBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Minutes spent on a discrepancy."""

    minutes = serializers.IntegerField(min_value=1, max_value=1440)
    note = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class TrendPointSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Units in doubt at one run."""

    at = serializers.DateTimeField()
    units = serializers.IntegerField()


class TrendSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """How far a system was off against the ledger over some time."""

    system = serializers.CharField()
    runs = serializers.IntegerField()
    off_runs = serializers.IntegerField()
    units = serializers.IntegerField()
    value = serializers.DecimalField(max_digits=18, decimal_places=2)
    points = TrendPointSerializer(many=True)


class OffenderSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """An item a system is often off by; sums are over all runs."""

    system = serializers.CharField()
    sku = serializers.CharField()
    node = serializers.CharField()
    runs = serializers.IntegerField()
    units = serializers.IntegerField()
    value = serializers.DecimalField(max_digits=18, decimal_places=2)


class DriftSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Drift by system pair and by item and node, the worst first."""

    since = serializers.DateTimeField()
    systems = TrendSerializer(many=True)
    items = OffenderSerializer(many=True)


class FigureSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """One number about an item at a place, beside the ledger's number of the same measure.

    `off` is what time does not explain; `is_odd` marks who stands against the others.
    """

    system = serializers.CharField()
    quantity = serializers.IntegerField()
    measure = serializers.CharField()
    as_of = serializers.DateTimeField()
    received_at = serializers.DateTimeField(allow_null=True)
    age_minutes = serializers.IntegerField()
    ledger = serializers.IntegerField()
    off = serializers.IntegerField()
    is_odd = serializers.BooleanField()


class PanelSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Every figure about an item at one place."""

    where = serializers.CharField()
    figures = FigureSerializer(many=True)


class PictureSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """The ledger beside what every system last said."""

    item = serializers.CharField()
    places = PanelSerializer(many=True)


class SignOffSerializer(serializers.ModelSerializer[SignOff]):
    """A day signed off, with the figures it was signed on."""

    class Meta:
        model = SignOff
        fields = (
            "day", "signed_at", "signed_by", "note", "comparisons", "compared", "open", "value",
            "untied_totals", "minutes",
        )  # fmt: skip


class SignOffsSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """The days signed off last."""

    results = SignOffSerializer(many=True)


class SignOffBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Which day, and what becomes of what is open."""

    day = serializers.DateField()
    note = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class ControlTotalSerializer(serializers.ModelSerializer[ControlTotal]):
    """A control total; `gap` is what is missing, `missing` the ids known to be."""

    gap = serializers.IntegerField()

    class Meta:
        model = ControlTotal
        fields = (
            "id", "source", "direction", "type", "since", "until", "expected", "received", "gap",
            "refused", "missing", "declared_at", "checked_at", "status",
        )  # fmt: skip


class ControlTotalPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of control totals, latest first."""

    results = ControlTotalSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class ControlTotalBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """How many messages a source sent (or took) in [since, until), and their ids if it knows."""

    source = serializers.CharField(max_length=80)  # type: ignore[assignment]  # the field, not where it reads
    direction = serializers.ChoiceField(Direction.choices, required=False, default=Direction.IN)
    type = serializers.CharField(max_length=60, required=False, default="", allow_blank=True)
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    expected = serializers.IntegerField(min_value=0, max_value=2_000_000_000)
    ids = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=10_000
    )


class SentSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Instructions of one kind to one target, by what became of them."""

    target = serializers.CharField()
    kind = serializers.CharField()
    queued = serializers.IntegerField()
    acknowledged = serializers.IntegerField()
    waiting = serializers.IntegerField()
    dead = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    is_tied = serializers.BooleanField()


class OutboundTotalsSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Sent against acknowledged in a window."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    results = SentSerializer(many=True)


class SnapshotRowBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """A quantity of an item at a node; without a state the usual one."""

    item = serializers.CharField(max_length=200)
    node = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    quantity = serializers.IntegerField()
    state = serializers.CharField(max_length=20, required=False, default="", allow_blank=True)


class SnapshotBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """A snapshot: opening balances, or one system's full list when `system` is named."""

    snapshot = serializers.CharField(max_length=80)
    source = serializers.CharField(max_length=80)  # type: ignore[assignment]  # the field, not where it reads
    as_of = serializers.DateTimeField()
    system = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)
    rows = SnapshotRowBody(many=True)


class SnapshotResultSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What became of one row."""

    row = serializers.IntegerField()
    outcome = serializers.CharField()
    event_id = serializers.CharField(required=False)
    code = serializers.CharField(required=False)
    field = serializers.CharField(required=False)
    detail = serializers.CharField(required=False)


class SnapshotAnswerSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What became of a snapshot."""

    counts = serializers.DictField(child=serializers.IntegerField())
    results = SnapshotResultSerializer(many=True)
