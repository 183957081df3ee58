"""Control totals and snapshots, for programs: is everything here that was sent."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.core import clock
from inventory_control.core.errors import NotPermitted, Refused
from inventory_control.events.values import Posted, Refusal
from inventory_control.reconciliation import permissions
from inventory_control.reconciliation.api.serializers import (
    ControlTotalBody,
    ControlTotalPageSerializer,
    ControlTotalSerializer,
    OutboundTotalsSerializer,
    SnapshotAnswerSerializer,
    SnapshotBody,
)
from inventory_control.reconciliation.api.views import moment_of
from inventory_control.reconciliation.selectors import control_totals, outbound_totals
from inventory_control.reconciliation.services import (
    SnapshotRow,
    declare_total,
    import_snapshot,
)
from inventory_control.reconciliation.states import TotalStatus
from inventory_control.reconciliation.values import Declaration
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView


class ControlTotalListView(ApiView):
    """Control totals."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ, "POST": permissions.DECLARE}

    @extend_schema(
        operation_id="list_control_totals",
        parameters=[
            OpenApiParameter("status", str, description="open or tied"),
            *PAGE_PARAMETERS,
        ],
        responses=ControlTotalPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page, latest first."""
        limit, status = page_limit(request), request.query_params.get("status", "")
        if status and status not in TotalStatus.values:
            raise Refused("status is open or tied.", field="status")
        found = control_totals(before=whole_number(request, "after"), status=status, limit=limit)
        rows = ControlTotalSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))

    @extend_schema(
        operation_id="declare_control_total",
        request=ControlTotalBody,
        responses={201: ControlTotalSerializer},
    )
    def post(self, request: Request) -> Response:
        """Say how many messages a source sent; the answer lists what is missing."""
        body = ControlTotalBody(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        if said["until"] <= said["since"]:
            raise Refused("until lies after since.", field="until")
        _refuse_foreign(self, said["source"])
        total = declare_total(
            Declaration(
                source=said["source"],
                direction=said["direction"],
                type=said["type"],
                since=said["since"],
                until=said["until"],
                expected=said["expected"],
                declared_at=clock.now(),
                ids=tuple(said.get("ids", ())),
            ),
            by=self.actor,
        )
        return Response(ControlTotalSerializer(total).data, status=201)


class OutboundTotalsView(ApiView):
    """Sent against acknowledged."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="read_outbound_totals",
        parameters=[
            OpenApiParameter("since", str, required=True, description="from this moment on"),
            OpenApiParameter("until", str, required=True, description="to before this moment"),
        ],
        responses=OutboundTotalsSerializer,
    )
    def get(self, request: Request) -> Response:
        """What was queued in a window, per target and kind, by what became of it."""
        since, until = moment_of(request, "since"), moment_of(request, "until")
        body = {"since": since, "until": until, "results": outbound_totals(since, until)}
        return Response(OutboundTotalsSerializer(body).data)


class SnapshotView(ApiView):
    """Snapshots."""

    tier = Tier.SYSTEM
    permissions = {"POST": permissions.DECLARE}

    @extend_schema(
        operation_id="import_snapshot", request=SnapshotBody, responses=SnapshotAnswerSerializer
    )
    def post(self, request: Request) -> Response:
        """Post a snapshot row by row; the same snapshot again changes nothing. See `results`."""
        body = SnapshotBody(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        holder: Any = request.user
        imported = import_snapshot(
            [SnapshotRow(**row) for row in said["rows"]],
            snapshot=said["snapshot"],
            source=said["source"],
            as_of=said["as_of"],
            system=said["system"],
            may_speak_for=holder.may_speak_for,
            by=self.actor,
        )
        rows = [_row(one, place) for place, one in enumerate(imported.results)]
        return Response({"counts": imported.counts, "results": rows})


def _refuse_foreign(view: ApiView, source: str) -> None:
    """A key speaks only for its sources."""
    holder: Any = view.request.user
    if not holder.may_speak_for(source):
        raise NotPermitted(f"This key may not speak for the source {source}.", field="source")


def _row(one: Posted | Refusal, place: int) -> dict[str, Any]:
    if isinstance(one, Posted):
        return one.as_row(place)
    return {
        "row": place,
        "outcome": one.outcome,
        "code": one.code,
        "field": one.field,
        "detail": one.reason,
    }
