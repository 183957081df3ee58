"""The shape of runs, approvals and governing policies on the wire."""

from __future__ import annotations

from rest_framework import serializers

from ai_advice.models import Advice
from workflows.models import Approval, WorkflowRun


class AdviceCitedSerializer(serializers.ModelSerializer[Advice]):
    """The advice a run rests on, as its audit needs it."""

    class Meta:
        model = Advice
        fields = ("id", "advisor", "model_version", "snapshot", "confidence", "proposition")


class ApprovalSerializer(serializers.ModelSerializer[Approval]):
    """One level of approval and what it is about; `value` is money as text."""

    case = serializers.IntegerField(source="run.case_id")
    action = serializers.CharField(source="run.action")
    quantity = serializers.IntegerField(source="run.quantity")
    sku = serializers.CharField(source="run.case.item.sku", default=None)
    node = serializers.CharField(source="run.case.node.code", default=None)
    supplier = serializers.CharField(source="run.supplier.code", default=None)
    from_node = serializers.CharField(source="run.from_node.code", default=None)
    proposition = serializers.CharField(source="run.advice.proposition", default="")
    confidence = serializers.FloatField(source="run.advice.confidence", default=None)
    evidence = serializers.JSONField(source="run.advice.evidence", default=dict)

    class Meta:
        model = Approval
        fields = (
            "id", "run", "case", "level", "role", "escalated_role", "action", "quantity", "value",
            "sku", "node", "supplier", "from_node", "proposition", "confidence", "evidence",
            "asked_at", "due_at", "status", "decided_at", "decided_by", "reason",
        )  # fmt: skip


class RunSerializer(serializers.ModelSerializer[WorkflowRun]):
    """One run with its trace, the policies and advice it followed, and its approvals."""

    workflow = serializers.StringRelatedField()  # type: ignore[var-annotated]  # text
    sku = serializers.CharField(source="case.item.sku", default=None)
    node = serializers.CharField(source="case.node.code", default=None)
    supplier = serializers.CharField(source="supplier.code", default=None)
    from_node = serializers.CharField(source="from_node.code", default=None)
    advice = AdviceCitedSerializer(allow_null=True)

    class Meta:
        model = WorkflowRun
        fields = (
            "id", "case", "workflow", "status", "step", "action", "quantity", "spend", "sku",
            "node", "supplier", "from_node", "requester", "policy", "advice", "trace", "document",
            "started_at", "finished_at", "outcome",
        )  # fmt: skip


class ApprovalPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of approvals, oldest first."""

    results = ApprovalSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class RunPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """The runs of a case, newest first."""

    results = RunSerializer(many=True)


class DecisionBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """What the approver says; a refusal needs its reason."""

    verdict = serializers.ChoiceField(["approved", "refused"])
    reason = serializers.CharField(allow_blank=True, default="", max_length=300)


class BulkDecisionBody(DecisionBody):
    """One verdict on many approvals."""

    approvals = serializers.ListField(
        child=serializers.IntegerField(min_value=1), min_length=1, max_length=1000
    )


class DecidedSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What became of each approval; `code` and `detail` say why one was refused to this person."""

    approval = serializers.IntegerField()
    status = serializers.CharField()
    code = serializers.CharField(required=False)
    detail = serializers.CharField(required=False)


class BulkDecidedSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """One answer per approval, in order, and how many were decided."""

    decided = serializers.IntegerField()
    results = DecidedSerializer(many=True)


class RunBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """An order a person asks for by hand; somebody else must approve it."""

    action = serializers.ChoiceField(["transfer", "purchase"])
    quantity = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=300)
    from_node = serializers.CharField(default=None, allow_null=True)
    supplier = serializers.CharField(default=None, allow_null=True)


class PolicySerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A policy in force."""

    key = serializers.CharField()
    version = serializers.IntegerField()
    value = serializers.DictField()
