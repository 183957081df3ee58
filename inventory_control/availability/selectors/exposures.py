"""What is decided about listings: rules, and the holds they placed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from django.db import connection

from inventory_control.availability.models import Availability, ExposureHold, ExposureRule
from inventory_control.availability.states import HoldStatus
from inventory_control.availability.values import (
    ExposureDoubts,
    Held,
    HeldListing,
    Listing,
    OrderInFlight,
)
from inventory_control.core import clock
from inventory_control.core.places import Place, Places
from inventory_control.core.sql import hot, named_statements

_EXPOSURE = named_statements(Path(__file__).parents[1] / "exposure.sql")
_ORDER_TYPES = ("order.created", "reservation.created", "allocation.created")


def exposure_rules() -> list[ExposureRule]:
    """The rules in force and those that were ended, in their current versions, by key."""
    rules = ExposureRule.objects.filter(is_current=True).select_related("item", "node")
    return list(rules.order_by("key"))


def exposure_holds(
    *,
    sku: str = "",
    channel: str = "",
    status: str = "",
    before: int | None = None,
    limit: int = 50,
) -> list[ExposureHold]:
    """A page of holds, latest first, below the id `before`."""
    found = ExposureHold.objects.select_related("rule", "item", "channel", "node")
    if sku:
        found = found.filter(item__sku=sku)
    if channel:
        found = found.filter(channel__code=channel)
    if status:
        found = found.filter(status=status)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])


def exposure_hold(pk: int) -> ExposureHold | None:
    """One hold, or None."""
    found = ExposureHold.objects.select_related("rule", "item", "channel", "node")
    return found.filter(pk=pk).first()


def is_held(*, sku: str, channel: str) -> bool:
    """Whether a rule holds an item on a channel now."""
    return ExposureHold.objects.filter(
        item__sku=sku, channel__code=channel, status=HoldStatus.HELD
    ).exists()


def held_listings(listings: Collection[Listing]) -> dict[Listing, HeldListing]:
    """Those of some listings that rules hold now, by (item id, channel id); two statements."""
    asked = {
        "item_id__in": {item for item, _ in listings},
        "channel_id__in": {channel for _, channel in listings},
    }
    rules: dict[Listing, list[str]] = {}
    held = ExposureHold.objects.filter(status=HoldStatus.HELD, **asked).order_by("rule_key")
    for item, channel, key in held.values_list("item_id", "channel_id", "rule_key"):
        rules.setdefault((item, channel), []).append(key)
    figures = {
        (item, channel): max(0, ats) if cap is None else min(max(0, ats), cap)
        for item, channel, ats, cap in Availability.objects.filter(**asked).values_list(
            "item_id", "channel_id", "ats", "cap"
        )
    }
    return {
        listing: HeldListing(figures.get(listing, 0), rules[listing])
        for listing in listings
        if listing in rules
    }


def orders_during(hold: ExposureHold) -> list[OrderInFlight]:
    """Orders of the item on the channel that came in while it was held, the first 200.

    Those placed before the channel acknowledged the hold were in flight; the others show that
    it went on selling.
    """
    until = hold.released_at or clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            _EXPOSURE["orders_on_their_way"],
            {
                "item": hold.item_id,
                "channel": hold.channel.code,
                "since": hold.held_at,
                "until": until,
                "types": list(_ORDER_TYPES),
            },
        )
        rows = cursor.fetchall()
    shown = hold.acknowledged_at or until
    return [
        OrderInFlight(order, line, quantity, occurred_at, recorded_at, occurred_at <= shown)
        for order, line, quantity, occurred_at, recorded_at in rows
    ]


def exposure_doubts() -> ExposureDoubts:
    """Whether there is any hold and any push at all; most looks need not ask place by place."""
    return ExposureDoubts(*hot(_EXPOSURE["doubts"], ())[0])


def holds_at(places: Iterable[Place]) -> dict[Place, list[Held]]:
    """The live holds whose cases belong to some places; one statement for any number."""
    found: dict[Place, list[Held]] = {}
    for item_id, node_id, *held in hot(_EXPOSURE["holds_at"], Places.of(places).arrays):
        found.setdefault((item_id, node_id), []).append(Held(*held))
    return found
