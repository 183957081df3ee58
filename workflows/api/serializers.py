"""The shape of runs, approvals and governing policies on the wire."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ai_advice.models import Advice
from workflows.models import Approval, Request, WorkflowRun
from workflows.selectors import markdown_of
from workflows.values import Facts


class AdviceCitedSerializer(serializers.ModelSerializer[Advice]):
    """The advice a run rests on, as its audit needs it."""

    class Meta:
        model = Advice
        fields = ("id", "advisor", "model_version", "snapshot", "confidence", "proposition")


class FactsSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """What a request rests on; `unit_cost` is money as text."""

    what = serializers.CharField()
    units = serializers.IntegerField()
    unit_cost = serializers.CharField()
    unit_price = serializers.CharField(required=False)


class MarkdownSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A proposed price beside the present one; money as text, of `currency`.

    `margin_effect` is units x (proposed_price - price): the most it can cost, if every unit would
    have sold at the present price.
    """

    units = serializers.IntegerField()
    price = serializers.CharField()
    proposed_price = serializers.CharField()
    currency = serializers.CharField()
    margin_now = serializers.CharField()
    margin_after = serializers.CharField()
    margin_effect = serializers.CharField()


class AskedSerializer(serializers.ModelSerializer[Request]):
    """What somebody asked for, as they asked for it; `corrects` is an event."""

    corrects = serializers.CharField(allow_null=True)
    channel = serializers.CharField(source="channel.code", default=None)

    class Meta:
        model = Request
        fields = ("id", "state", "channel", "reason", "note", "evidence", "corrects", "asked_at")


class ApprovalSerializer(serializers.ModelSerializer[Approval]):
    """One level of approval and what it is about; `value` is money as text.

    It is about an exception (`case`) or about what somebody asked for (`request`, with the facts
    when it was asked and, on a single approval, the facts of now).
    """

    case = serializers.IntegerField(source="run.case_id", allow_null=True)
    request = AskedSerializer(source="run.request", allow_null=True)
    requester = serializers.CharField(source="run.requester")
    facts = FactsSerializer(source="run.facts", allow_null=True)
    facts_now = serializers.SerializerMethodField()
    markdown = serializers.SerializerMethodField()
    action = serializers.CharField(source="run.action")
    quantity = serializers.IntegerField(source="run.quantity")
    sku = serializers.CharField(source="run.item.sku", default=None)
    node = serializers.CharField(source="run.node.code", default=None)
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
            "asked_at", "due_at", "status", "decided_at", "decided_by", "reason", "request",
            "requester", "facts", "facts_now", "markdown",
        )  # fmt: skip

    @extend_schema_field(MarkdownSerializer(allow_null=True))
    def get_markdown(self, approval: Approval) -> dict[str, Any] | None:
        """The price it proposes, if it is about one."""
        found = markdown_of(approval.run)
        return found.as_row() if found else None

    @extend_schema_field(FactsSerializer(allow_null=True))
    def get_facts_now(self, approval: Approval) -> dict[str, Any] | None:
        """The facts of now, which the view looked up for all it shows."""
        found: Facts | None = self.context.get("facts", {}).get(approval.run_id)
        return found.as_row() if found else None


class RunSerializer(serializers.ModelSerializer[WorkflowRun]):
    """One run with its trace, the policies and advice it followed, and its approvals."""

    workflow = serializers.StringRelatedField()  # type: ignore[var-annotated]  # text
    sku = serializers.CharField(source="item.sku", default=None)
    node = serializers.CharField(source="node.code", default=None)
    supplier = serializers.CharField(source="supplier.code", default=None)
    from_node = serializers.CharField(source="from_node.code", default=None)
    advice = AdviceCitedSerializer(allow_null=True)

    class Meta:
        model = WorkflowRun
        fields = (
            "id", "case", "request", "workflow", "status", "step", "action", "quantity", "spend", "sku",
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
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000_000)
    reason = serializers.CharField(max_length=300)
    from_node = serializers.CharField(default=None, allow_null=True)
    supplier = serializers.CharField(default=None, allow_null=True)


class AdjustmentBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """A change of the book in units, for a reason of the policy `reason_codes`."""

    item = serializers.CharField(max_length=60)
    node = serializers.CharField(max_length=40)
    quantity = serializers.IntegerField(min_value=-1_000_000_000, max_value=1_000_000_000)
    state = serializers.CharField(max_length=20, default="sellable")
    reason_code = serializers.CharField(max_length=60)
    note = serializers.CharField(max_length=300, default="", allow_blank=True)
    evidence = serializers.CharField(max_length=500, default="", allow_blank=True)


class CorrectionBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Why an event is wrong, and the units that take its place; none when it never happened."""

    quantity = serializers.IntegerField(
        min_value=-1_000_000_000, max_value=1_000_000_000, default=0
    )
    reason = serializers.CharField(max_length=200)
    note = serializers.CharField(max_length=300, default="", allow_blank=True)


class TransferBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Units to move from one node to another, and why."""

    item = serializers.CharField(max_length=60)
    from_node = serializers.CharField(max_length=40)
    to_node = serializers.CharField(max_length=40)
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000_000)
    reason = serializers.CharField(max_length=300)


class RequisitionBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """Units to buy for a node, and why; from the item's supplier unless another is named."""

    item = serializers.CharField(max_length=60)
    node = serializers.CharField(max_length=40)
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000_000)
    supplier = serializers.CharField(max_length=40, default="", allow_blank=True)
    reason = serializers.CharField(max_length=300)


class MarkdownBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """A lower price for an aged item, in the tenant's currency, and why."""

    item = serializers.CharField(max_length=60)
    price = serializers.DecimalField(max_digits=12, decimal_places=4, min_value=Decimal("0.0001"))
    reason = serializers.CharField(max_length=300)
    note = serializers.CharField(max_length=300, default="", allow_blank=True)


class ChangeBody(serializers.Serializer):  # type: ignore[type-arg]  # a body only
    """What of an item or a supplier the ERP should change, and why."""

    kind = serializers.ChoiceField(["item", "supplier"])
    code = serializers.CharField(max_length=60)
    changes = serializers.DictField()
    reason = serializers.CharField(max_length=300)


class ProposedSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """The wish on its way to the ERP."""

    command = serializers.IntegerField()
    target = serializers.CharField()
    status = serializers.CharField()


class RequestedSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """Where a request stands: `pending_approval`, `done`, or a run's other status.

    `event_id` is what was posted, `document` the order it led to, `waits_for` the role that
    decides now.
    """

    request = serializers.IntegerField()
    run = serializers.IntegerField()
    status = serializers.CharField()
    status_url = serializers.CharField()
    action = serializers.CharField()
    item = serializers.CharField(allow_null=True)
    node = serializers.CharField(allow_null=True)
    channel = serializers.CharField(allow_null=True)
    quantity = serializers.IntegerField()
    value = serializers.DecimalField(max_digits=16, decimal_places=2)
    reason = serializers.CharField()
    corrects = serializers.CharField(allow_null=True)
    waits_for = serializers.CharField(allow_null=True)
    event_id = serializers.CharField(allow_null=True)
    document = serializers.CharField(allow_null=True)
    markdown = MarkdownSerializer(allow_null=True)
    outcome = serializers.CharField()
    asked_at = serializers.DateTimeField()


class RequestedPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of requests, newest first."""

    results = RequestedSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class PolicySerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A policy in force."""

    key = serializers.CharField()
    version = serializers.IntegerField()
    value = serializers.DictField()
