"""The clock of a sandbox tenant: forward only, from due time to due time (decision D17)."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from exceptions.models import ExceptionCase
from exceptions.services import LOOK
from inventory_control.availability.models import (
    ChannelFallback,
    ExposureHold,
    ExposureRule,
    Push,
)
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import DomainError, Refused
from inventory_control.core.permissions import require
from inventory_control.core.tenancy import current_tenant, in_tenant
from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.orders.models import FinancialDocument, PurchaseOrder, TransferOrder
from inventory_control.outbox.models import OutboundCommand
from inventory_control.pipeline import is_settled, ring_all, unsettled
from inventory_control.stock.selectors import ledger_digest
from inventory_control.timers.models import Timer
from inventory_control.timers.selectors import next_due_at
from inventory_control.timers.states import TimerStatus
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView
from workflows.models import Approval, WorkflowRun

COUNTED = (
    InventoryEvent,
    ExceptionCase,
    WorkflowRun,
    Approval,
    OutboundCommand,
    PurchaseOrder,
    TransferOrder,
    FinancialDocument,
    DeadLetter,
    ExposureRule,
    ExposureHold,
    Push,
    ChannelFallback,
)
LOOKS = (LOOK,)
"""Timers that only say "look again": a repeated delivery is a reason to look, and no more."""
MOVE = "sandbox.clock"
"""The permission to move a sandbox's clock."""
PATIENCE_S = 120.0
"""How long one step may take to settle before the call answers 504."""
_LOOK_EVERY_S = 0.025
_RING_EVERY_S = 1.0


class NotSettledError(DomainError):
    """Some stages still had work when patience ran out; the clock stays where it is."""

    code = "not_settled"
    status = 504


@dataclass(slots=True)
class Advanced:
    """What happened on the way: the steps taken and the timers that fired, in order."""

    now: datetime
    steps: int = 0
    fired: list[str] = field(default_factory=list)


def advance_clock(to: datetime | None, *, by: Actor) -> Advanced:
    """Move product time forward, stopping at every moment a timer falls due, until all is done.

    Without a moment it stays where it is and only waits. After each step every bell is rung and the call waits until no stage has anything due. Raises
    `Refused` outside a sandbox or backwards, `NotSettledError` naming what did not finish.
    """
    require(by, MOVE)
    tenant = current_tenant()
    if not tenant.is_sandbox:
        raise Refused("Only a sandbox has a clock that can be moved.")
    if to is None:
        to = clock.now()
    elif to < clock.now():
        raise Refused(f"The clock only moves forward; it is {clock.now().isoformat()}.", field="to")
    known = set(_fired())
    steps = 0
    _settle()
    while True:
        due = next_due_at()
        step = to if due is None or due > to else max(due, clock.now())
        _move(step)
        with in_tenant(tenant):
            _settle()
            steps += 1
            following = next_due_at()
            is_there = following is None or following > to
        if step >= to and is_there:
            break
    with in_tenant(tenant):
        return Advanced(clock.now(), steps, [key for key in _fired() if key not in known])


def _move(to: datetime) -> None:
    with connection.cursor() as cursor:
        seconds = (to - clock.real_now()).total_seconds()
        cursor.execute("SELECT ic_sys.move_clock(make_interval(secs => %s))", [seconds])


def _settle() -> None:
    """Ring and wait until nothing is due."""
    patience = time.monotonic() + PATIENCE_S
    ring_again = 0.0
    while not is_settled():
        now = time.monotonic()
        if now > patience:
            waiting = unsettled()
            raise NotSettledError(
                f"Still due after {PATIENCE_S:.0f} s: {', '.join(waiting)}.",
                extra={"stages": waiting},
            )
        if now > ring_again:
            ring_all()
            ring_again = now + _RING_EVERY_S
        time.sleep(_LOOK_EVERY_S)


def _fired() -> list[str]:
    return list(
        Timer.objects.filter(status=TimerStatus.FIRED)
        .order_by("fired_at")
        .values_list("key", flat=True)
    )


def tenant_state() -> dict[str, str]:
    """What a sandbox holds, as fingerprints: the ledger's parts, and how many rows of everything
    that a repeated write could leave a second time.
    """
    answer = ledger_digest()
    for model in COUNTED:
        answer[str(model._meta.model_name)] = str(model.objects.count())
    answer["timer"] = str(Timer.objects.exclude(kind__in=LOOKS).count())
    return answer


class ClockBody(serializers.Serializer):  # type: ignore[type-arg]  # no instance behind it
    """Where to move the clock."""

    to = serializers.DateTimeField(required=False, allow_null=True, default=None)


class ClockAnswer(serializers.Serializer):  # type: ignore[type-arg]  # no instance behind it
    """Where the clock is and what fired on the way."""

    now = serializers.DateTimeField()
    steps = serializers.IntegerField()
    fired = serializers.ListField(child=serializers.CharField())


class StateAnswer(serializers.Serializer):  # type: ignore[type-arg]  # no instance behind it
    """Fingerprints by part."""

    parts = serializers.DictField(child=serializers.CharField())


class SandboxStateView(ApiView):
    """The fingerprint of a sandbox, by which a drill sees that nothing changed."""

    tier = Tier.SYSTEM
    permissions = {"GET": MOVE}

    @extend_schema(operation_id="read_state", responses=StateAnswer)
    def get(self, _request: Request) -> Response:
        """The fingerprint of now; refused outside a sandbox."""
        if not current_tenant().is_sandbox:
            raise Refused("Only a sandbox tells its fingerprint.")
        return Response({"parts": tenant_state()})


class SandboxClockView(ApiView):
    """Product time of a sandbox."""

    tier = Tier.SYSTEM
    effect = nullcontext  # the stages it waits for run in other processes and must see the move
    permissions = {"GET": MOVE, "POST": MOVE}

    @extend_schema(operation_id="read_clock", responses=ClockAnswer)
    def get(self, _request: Request) -> Response:
        """Where the clock is."""
        return Response({"now": clock.now(), "steps": 0, "fired": []})

    @extend_schema(operation_id="move_clock", request=ClockBody, responses=ClockAnswer)
    def post(self, request: Request) -> Response:
        """Move it forward and wait until everything that fell due is done."""
        body = ClockBody(data=request.data)
        body.is_valid(raise_exception=True)
        advanced = advance_clock(body.validated_data["to"], by=self.actor)
        return Response({"now": advanced.now, "steps": advanced.steps, "fired": advanced.fired})
