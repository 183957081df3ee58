"""The shape of figures, receipts and promises on the wire."""

from __future__ import annotations

from rest_framework import serializers

from inventory_control.availability.models import ChannelFallback, SafetyStockChange


class TermSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """One term of a figure, in units."""

    name = serializers.CharField()
    quantity = serializers.IntegerField()


class NodeTermsSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What a node contributes, and the terms that sum to it."""

    node = serializers.CharField()
    ats = serializers.IntegerField()
    terms = TermSerializer(many=True)


class FallbackSerializer(serializers.ModelSerializer[ChannelFallback]):
    """What the channel holds back because a source is silent, under which policy, since when."""

    class Meta:
        model = ChannelFallback
        fields = ("source", "action", "share", "units", "policy", "since")


class BreakdownSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """How the figure of an item on a channel is made now: `terms` sum to `quantity`."""

    item = serializers.CharField()
    channel = serializers.CharField()
    ats = serializers.IntegerField()
    quantity = serializers.IntegerField()
    terms = TermSerializer(many=True)
    nodes = NodeTermsSerializer(many=True)
    rules = serializers.ListField(child=serializers.CharField())
    paused_because = serializers.CharField(allow_null=True)
    fallbacks = FallbackSerializer(many=True)


class ReceiptSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What a channel was told by one push, the terms it was made of, and what came back.

    `shown` is what the channel showed when it was asked; null where it was not asked or does not
    list the item (`is_listed` tells which). Without `acknowledged_at` it is not known to show it.
    """

    push = serializers.IntegerField()
    key = serializers.CharField()
    quantity = serializers.IntegerField()
    version = serializers.IntegerField()
    terms = TermSerializer(many=True)
    changed_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField()
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    latency_seconds = serializers.FloatField(allow_null=True)
    read_back_at = serializers.DateTimeField(allow_null=True)
    shown = serializers.IntegerField(allow_null=True)
    is_listed = serializers.BooleanField(allow_null=True)
    error = serializers.CharField()


class ReceiptListSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """The trail of an item on a channel, latest first."""

    item = serializers.CharField()
    channel = serializers.CharField()
    results = ReceiptSerializer(many=True)


class DayPromiseSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A day on which something changes: what comes, what is there, what may be promised for it."""

    day = serializers.DateField()
    change = serializers.IntegerField()
    available = serializers.IntegerField()
    promise = serializers.IntegerField()


class SupplySerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Units on their way."""

    node = serializers.CharField()
    document = serializers.CharField()
    quantity = serializers.IntegerField()
    expected_at = serializers.DateTimeField()


class PromisesSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Available-to-promise by day; `undated` units on their way are promised to nobody."""

    item = serializers.CharField()
    available = serializers.IntegerField()
    days = DayPromiseSerializer(many=True)
    supply = SupplySerializer(many=True)
    undated = serializers.IntegerField()


class SafetyStockChangeSerializer(serializers.ModelSerializer[SafetyStockChange]):
    """One change of safety stock."""

    node = serializers.CharField(source="node.code")

    class Meta:
        model = SafetyStockChange
        fields = ("node", "was", "became", "changed_at", "changed_by", "policy", "reason")


class SafetyStockBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """The new safety stock of an item at a node, and why."""

    item = serializers.CharField()
    node = serializers.CharField()
    safety_stock = serializers.IntegerField(min_value=0, max_value=10**9)
    reason = serializers.CharField(allow_blank=True)
