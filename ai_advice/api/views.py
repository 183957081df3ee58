"""Advice, for programs: read it, give it from outside, override it."""

from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ai_advice import permissions
from ai_advice.api.serializers import AdviceBody, AdviceSerializer, OverrideBody
from ai_advice.errors import InvalidAdviceError
from ai_advice.selectors import advice_of
from ai_advice.services import give_advice, record_override
from ai_advice.values import Action, Recommendation
from exceptions import permissions as exception_permissions
from inventory_control.catalog.models import Node, Supplier
from inventory_control.core import clock
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

USUAL_LEAD_TIME = timedelta(days=1)


class CaseAdviceView(ApiView):
    """What was advised on a case."""

    tier = Tier.PROCESS
    permissions = {"GET": permissions.READ}

    @extend_schema(operation_id="list_advice", responses=AdviceSerializer(many=True))
    def get(self, _request: Request, case_id: int) -> Response:
        """Newest first; only the first can still be current."""
        return Response(AdviceSerializer(advice_of(case_id), many=True).data)


class AdviceView(ApiView):
    """The door of outside advisors."""

    tier = Tier.PROCESS
    permissions = {"POST": permissions.WRITE}

    @extend_schema(
        operation_id="give_advice", request=AdviceBody, responses={201: AdviceSerializer}
    )
    def post(self, request: Request) -> Response:
        """Advise on one version of a case. 409 when the case has moved on."""
        body = AdviceBody(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        node = Node.objects.filter(code=said["from_node"] or "").first()
        supplier = Supplier.objects.filter(code=said["supplier"] or "").first()
        if said["from_node"] and node is None:
            raise InvalidAdviceError(f"No node is called {said['from_node']}.", field="from_node")
        if said["supplier"] and supplier is None:
            raise InvalidAdviceError(f"No supplier is called {said['supplier']}.", field="supplier")
        lead = timedelta(days=supplier.lead_time_days) if supplier else USUAL_LEAD_TIME
        advice = give_advice(
            case_id=said["case"],
            case_version=said["case_version"],
            given=Recommendation(
                action=Action(said["action"]),
                proposition=said["proposition"],
                confidence=said["confidence"],
                expires_at=said["expires_at"],
                quantity=said["quantity"],
                value=said["value"],
                from_node_id=node.pk if node else None,
                supplier_id=supplier.pk if supplier else None,
                expected_at=said["expected_at"] or clock.now() + lead,
                evidence=said["evidence"],
            ),
            model_version=said["model_version"],
            by=self.actor,
        )
        return Response(AdviceSerializer(advice).data, status=201)


class OverrideView(ApiView):
    """A person's word against advice."""

    tier = Tier.PROCESS
    permissions = {"POST": exception_permissions.HANDLE}

    @extend_schema(operation_id="override_advice", request=OverrideBody, responses={204: None})
    def post(self, request: Request, advice_id: int) -> Response:
        """Record that the advice was not followed, and why."""
        body = OverrideBody(data=request.data)
        body.is_valid(raise_exception=True)
        record_override(advice_id=advice_id, reason=body.validated_data["reason"], by=self.actor)
        return Response(status=204)
