"""What leaves: instructions to other systems, and those that gave up sent again."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import permissions
from inventory_control.core.errors import Refused
from inventory_control.outbox import permissions as outbox_permissions
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.selectors import commands
from inventory_control.outbox.services import retry
from inventory_control.outbox.states import CommandStatus
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class InstructionSerializer(serializers.ModelSerializer[OutboundCommand]):
    """One instruction; `sent` means acknowledged by the other side, `served_by` is the connector
    that tried last, `attempts` how often it tried.
    """

    class Meta:
        model = OutboundCommand
        fields = (
            "id", "kind", "target", "idempotency_key", "status", "attempts", "served_by", "error",
            "payload", "answer", "subject_kind", "subject_id", "queued_at", "sent_at",
            "correlation_id",
        )  # fmt: skip


class InstructionPageSerializer(serializers.Serializer):  # type: ignore[type-arg]  # an answer only
    """A page of instructions, latest first."""

    results = InstructionSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class CommandListView(ApiView):
    """Instructions."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_commands",
        parameters=[
            OpenApiParameter("status", str, enum=CommandStatus.values),
            OpenApiParameter("target", str, description="a system or a channel"),
            *PAGE_PARAMETERS,
        ],
        responses=InstructionPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page, latest first."""
        limit, status = page_limit(request), request.query_params.get("status", "")
        if status and status not in CommandStatus.values:
            raise Refused(f"status is one of {', '.join(CommandStatus.values)}.", field="status")
        target = request.query_params.get("target", "")
        if "\0" in target:
            raise Refused("target is text.", field="target")
        before = whole_number(request, "after")
        found = commands(status=status, target=target, before=before, limit=limit)
        rows = InstructionSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))


class CommandRetryView(ApiView):
    """An instruction that gave up."""

    tier = Tier.SYSTEM
    permissions = {"POST": outbox_permissions.RETRY}

    @extend_schema(operation_id="retry_command", request=None, responses=InstructionSerializer)
    def post(self, _request: Request, command_id: int) -> Response:
        """Send it again under the same idempotency key; 409 when it has not given up."""
        command = OutboundCommand.objects.filter(pk=command_id).first()
        if command is None:
            raise NotFoundError(f"There is no command {command_id}.")
        return Response(InstructionSerializer(retry(command, by=self.actor)).data)
