"""Comparisons, discrepancies and what is done about them, drift and sign-off, for programs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.catalog.models import Item
from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.reconciliation import permissions
from inventory_control.reconciliation.api.serializers import (
    ComparisonPageSerializer,
    ComparisonSerializer,
    DecideBody,
    DiscrepancyDetailSerializer,
    DiscrepancyPageSerializer,
    DiscrepancySerializer,
    DriftSerializer,
    EffortBody,
    EffortSerializer,
    PictureSerializer,
    RemedyBody,
    RemedySerializer,
    SignOffBody,
    SignOffSerializer,
    SignOffsSerializer,
)
from inventory_control.reconciliation.selectors import (
    STATUSES,
    comparison,
    comparisons,
    discrepancies,
    discrepancy_page,
    offenders,
    picture_of,
    sign_offs,
    trends,
)
from inventory_control.reconciliation.services import (
    compare,
    decide_remedy,
    log_effort,
    settle,
    sign_off,
)
from inventory_control.stock import permissions as stock
from inventory_control.web.paging import PAGE_PARAMETERS, page_limit, page_of, whole_number
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

USUAL_DAYS, MOST_DAYS = 30, 366


class ComparisonListView(ApiView):
    """Comparison runs."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ, "POST": permissions.COMPARE}

    @extend_schema(
        operation_id="list_comparisons",
        parameters=PAGE_PARAMETERS,
        responses=ComparisonPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page of runs, latest first."""
        limit = page_limit(request)
        found = comparisons(before=whole_number(request, "after"), limit=limit)
        rows = ComparisonSerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))

    @extend_schema(
        operation_id="run_comparison", request=None, responses={201: ComparisonSerializer}
    )
    def post(self, request: Request) -> Response:
        """Compare every system's last word with the ledger now."""
        del request
        return Response(ComparisonSerializer(compare(by=self.actor)).data, status=201)


class ComparisonView(ApiView):
    """One run."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_comparison", responses=ComparisonSerializer)
    def get(self, _request: Request, pk: int) -> Response:
        """The run with its figures per system."""
        found = comparison(pk)
        if found is None:
            raise NotFoundError
        return Response(ComparisonSerializer(found).data)


class DiscrepancyListView(ApiView):
    """Discrepancies."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="list_discrepancies",
        parameters=[
            OpenApiParameter("status", str, description=f"One of {', '.join(STATUSES)}."),
            OpenApiParameter("system", str, description="erp, oms, wms, pos or a channel's code."),
            OpenApiParameter("sku", str, description="Only this item."),
            OpenApiParameter("node", str, description="Only this node."),
            *PAGE_PARAMETERS,
        ],
        responses=DiscrepancyPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page, latest first; live ones unless `status` says otherwise."""
        limit, query = page_limit(request), request.query_params
        status = query.get("status", "live")
        if status not in STATUSES:
            raise Refused(f"status is one of {', '.join(STATUSES)}.", field="status")
        found = discrepancies(
            status=status,
            system=query.get("system", ""),
            sku=query.get("sku", ""),
            node=query.get("node", ""),
            before=whole_number(request, "after"),
            limit=limit,
        )
        rows = DiscrepancySerializer(found, many=True).data
        return Response(page_of(request, rows, limit=limit, last=found[-1].pk if found else None))


class DiscrepancyView(ApiView):
    """One discrepancy."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="read_discrepancy", responses=DiscrepancyDetailSerializer)
    def get(self, _request: Request, pk: int) -> Response:
        """The discrepancy, its cause candidates, and what was done about it."""
        return Response(_detail(pk))


class RemedyListView(ApiView):
    """Ways out of a discrepancy."""

    tier = Tier.SYSTEM
    permissions = {"POST": permissions.RESOLVE}

    @extend_schema(
        operation_id="settle_discrepancy", request=RemedyBody, responses={201: RemedySerializer}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Accept, correct the ledger, correct the source or count again; 409 when it is closed.

        The answer's status is `proposed` where policy wants a second person.
        """
        said = _body(RemedyBody(data=request.data))
        remedy = settle(discrepancy_id=pk, by=self.actor, **said)
        return Response(RemedySerializer(remedy).data, status=201)


class RemedyDecideView(ApiView):
    """A second person's word."""

    tier = Tier.SYSTEM
    permissions = {"POST": permissions.APPROVE}

    @extend_schema(operation_id="decide_remedy", request=DecideBody, responses=RemedySerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Approve or refuse a remedy somebody else proposed; 403 for one's own."""
        said = _body(DecideBody(data=request.data))
        return Response(RemedySerializer(decide_remedy(remedy_id=pk, by=self.actor, **said)).data)


class EffortListView(ApiView):
    """Minutes spent on a discrepancy."""

    tier = Tier.SYSTEM
    permissions = {"POST": permissions.RESOLVE}

    @extend_schema(operation_id="log_effort", request=EffortBody, responses={201: EffortSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Write minutes down."""
        said = _body(EffortBody(data=request.data))
        effort = log_effort(discrepancy_id=pk, by=self.actor, **said)
        return Response(EffortSerializer(effort).data, status=201)


class DriftView(ApiView):
    """Drift over time."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ}

    @extend_schema(
        operation_id="read_drift",
        parameters=[OpenApiParameter("days", int, description=f"1 to {MOST_DAYS}; usual 30.")],
        responses=DriftSerializer,
    )
    def get(self, request: Request) -> Response:
        """Trend by system pair, and the items most off, the worst first."""
        days = whole_number(request, "days") or USUAL_DAYS
        if days > MOST_DAYS:
            raise Refused(f"days is 1 to {MOST_DAYS}.", field="days")
        since = clock.now() - timedelta(days=days)
        systems = [
            {
                "system": one.system,
                "runs": one.runs,
                "off_runs": one.off_runs,
                "units": one.units,
                "value": one.value,
                "points": [{"at": at, "units": units} for at, units in one.points],
            }
            for one in trends(since)
        ]
        body = {"since": since, "systems": systems, "items": offenders(since)}
        return Response(DriftSerializer(body).data)


class PictureView(ApiView):
    """One picture of an item."""

    tier = Tier.SYSTEM
    permissions = {"GET": stock.READ}

    @extend_schema(operation_id="read_picture", responses=PictureSerializer)
    def get(self, _request: Request, sku: str) -> Response:
        """The ledger beside what every system last said, with age, the odd one out marked."""
        item = Item.objects.filter(sku=sku).first()
        if item is None:
            raise NotFoundError(f"No item is called {sku}.")
        return Response(PictureSerializer({"item": sku, "places": picture_of(item)}).data)


class SignOffListView(ApiView):
    """Daily sign-off."""

    tier = Tier.SYSTEM
    permissions = {"GET": permissions.READ, "POST": permissions.SIGN}

    @extend_schema(operation_id="list_sign_offs", responses=SignOffsSerializer)
    def get(self, request: Request) -> Response:
        """The days signed off last."""
        del request
        return Response({"results": SignOffSerializer(sign_offs(), many=True).data})

    @extend_schema(
        operation_id="sign_off_day", request=SignOffBody, responses={201: SignOffSerializer}
    )
    def post(self, request: Request) -> Response:
        """Sign a day off, once."""
        said = _body(SignOffBody(data=request.data))
        return Response(SignOffSerializer(sign_off(by=self.actor, **said)).data, status=201)


def _body(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    read: dict[str, Any] = serializer.validated_data
    return read


def _detail(pk: int) -> dict[str, Any]:
    page = discrepancy_page(pk)
    found = page.discrepancy
    commands = [
        {
            "remedy": remedy,
            "kind": command.kind,
            "target": command.target,
            "status": command.status_value,
            "payload": command.payload,
        }
        for remedy, command in sorted(page.commands.items())
    ]
    answer: dict[str, Any] = DiscrepancyDetailSerializer(
        {
            "discrepancy": found,
            "causes": page.causes,
            "earlier": page.earlier,
            "minutes": page.minutes,
            "remedies": sorted(found.remedies.all(), key=lambda one: one.pk),
            "efforts": sorted(found.efforts.all(), key=lambda one: one.pk),
            "commands": commands,
        }
    ).data
    return answer


def moment_of(request: Request, field: str) -> datetime:
    """A moment of the query with its offset; raises `Refused` naming the field."""
    try:
        moment = datetime.fromisoformat(request.query_params.get(field, ""))
    except ValueError:
        raise Refused(f"{field} is a moment such as 2026-03-01T00:00:00Z.", field=field) from None
    if moment.tzinfo is None:
        raise Refused(f"{field} needs its offset from UTC.", field=field)
    return moment
