"""The shape of advice on the wire."""

from __future__ import annotations

from decimal import Decimal

from rest_framework import serializers

from ai_advice.models import Advice


class AdviceSerializer(serializers.ModelSerializer[Advice]):
    """One recommendation; `confidence` is the probability of `proposition`."""

    from_node = serializers.CharField(source="from_node.code", default=None)
    supplier = serializers.CharField(source="supplier.code", default=None)

    class Meta:
        model = Advice
        fields = (
            "id", "case", "case_version", "advisor", "model_version", "action", "proposition",
            "confidence", "quantity", "value", "from_node", "supplier", "expected_at", "evidence",
            "alternatives", "snapshot", "made_at", "expires_at",
        )  # fmt: skip


class AdviceBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """What an outside advisor says of one version of a case; nodes and suppliers by code."""

    case = serializers.IntegerField(min_value=1)
    case_version = serializers.IntegerField(min_value=1)
    action = serializers.ChoiceField(["transfer", "purchase", "nothing"])
    proposition = serializers.CharField(max_length=2000)
    confidence = serializers.FloatField()
    model_version = serializers.CharField(max_length=40)
    expires_at = serializers.DateTimeField()
    quantity = serializers.IntegerField(min_value=0, max_value=1_000_000_000, default=0)
    value = serializers.DecimalField(max_digits=16, decimal_places=2, default=Decimal)
    from_node = serializers.CharField(default=None, allow_null=True)
    supplier = serializers.CharField(default=None, allow_null=True)
    expected_at = serializers.DateTimeField(default=None, allow_null=True)
    evidence = serializers.DictField(default=dict)


class OverrideBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Why the advice was not followed."""

    reason = serializers.CharField(max_length=300)
