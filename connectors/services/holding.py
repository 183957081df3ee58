"""Legal holds: placed and lifted by whoever answers for it, never by whoever replays."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connectors.errors import UnknownHoldError
from connectors.models import LegalHold
from connectors.states import LegalHoldStatus
from inventory_control.audit.services import advance, record
from inventory_control.catalog.models import Item
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.events import permissions


@transaction.atomic
def place_hold(
    *,
    reason: str,
    source: str = "",
    sku: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    by: Actor,
) -> LegalHold:
    """Let nothing be replayed that a hold covers; running replays stop where they reach it.

    An empty part does not narrow: a hold without any covers everything.
    """
    require(by, permissions.HOLD)
    words = _said(reason)
    if since and until and since >= until:
        raise Refused("until must be after since.", field="until")
    item = Item.objects.filter(sku=sku).first() if sku else None
    if sku and item is None:
        raise Refused(f"No item is called {sku}.", field="item")
    hold: LegalHold = LegalHold.objects.create(
        source=source,
        item=item,
        since=since,
        until=until,
        reason=words,
        placed_at=clock.now(),
        placed_by=by.id,
    )
    record(
        "legal_hold.placed",
        subject=("legalhold", str(hold.pk)),
        by=by,
        data={"source": source, "item": sku, "since": since, "until": until, "reason": words},
    )
    return hold


def lift_hold(hold_id: int, *, reason: str, by: Actor) -> LegalHold:
    """Let replays cover it again. Raises `UnknownHoldError`, `IllegalMove` when it was lifted."""
    require(by, permissions.HOLD)
    words = _said(reason)
    hold = LegalHold.objects.filter(pk=hold_id).first()
    if hold is None:
        raise UnknownHoldError
    return advance(
        hold,
        LegalHoldStatus.LIFTED,
        by=by,
        verb="legal_hold.lifted",
        lifted_at=clock.now(),
        lifted_by=by.id,
        lifted_reason=words,
    )


def _said(reason: str) -> str:
    words = reason.strip()
    if not words:
        raise Refused("Say why in reason.", field="reason")
    if len(words) > 300:
        raise Refused("reason may have 300 characters.", field="reason")
    return words
