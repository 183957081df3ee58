"""Resuming: to show what an exposure rule holds is asked of a second person."""

from __future__ import annotations

from django.db import transaction

from inventory_control.availability import permissions
from inventory_control.availability.errors import ReasonMissingError
from inventory_control.availability.selectors import held_listings
from inventory_control.catalog.models import Channel, Item
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from workflows.errors import AlreadyRunningError
from workflows.models import Request, WorkflowRun
from workflows.rules import spend_of
from workflows.services.starting import start
from workflows.states import RUN_LIVE
from workflows.values import WantedResumption


@transaction.atomic
def request_resumption(wanted: WantedResumption, *, by: Actor) -> WorkflowRun:
    """Ask that a channel shows an item although rules hold it; its value is what it would show.

    Raises `Refused` naming the field, `ImpossibleError` when no rule holds it,
    `AlreadyRunningError` when somebody has asked and it is not decided.
    """
    require(by, permissions.EXPOSE)
    reason = wanted.reason.strip()
    if not reason:
        raise ReasonMissingError(field="reason")
    # Locked, so that two who ask at once are asked about once.
    item = Item.objects.select_for_update(of=("self",)).filter(sku=wanted.item).first()
    if item is None:
        raise Refused(f"No item is called {wanted.item}.", field="item")
    channel = Channel.objects.filter(code=wanted.channel).first()
    if channel is None:
        raise Refused(f"No channel is called {wanted.channel}.", field="channel")
    if WorkflowRun.objects.filter(
        request__item=item, request__channel=channel, action="resume", status__in=RUN_LIVE
    ).exists():
        raise AlreadyRunningError("Somebody asked for this already; it waits for a decision.")
    held = held_listings([(item.pk, channel.pk)]).get((item.pk, channel.pk))
    units = held.units if held else 0
    request = Request(item=item, channel=channel, reason=reason[:300], asked_at=clock.now())
    request.save()
    run = WorkflowRun(
        request=request,
        action="resume",
        quantity=units,
        spend=spend_of(units, item.unit_cost),
    )
    return start(run, None, by=by)
