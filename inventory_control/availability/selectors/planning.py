"""What may be promised for later, and how safety stock came to be what it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from inventory_control.availability.models import SafetyStockChange
from inventory_control.availability.rules import DatedSupply, DayPromise, promises_by_day
from inventory_control.availability.selectors.figures import ats_at
from inventory_control.catalog.models import Node
from inventory_control.core import clock
from inventory_control.orders.selectors import inbound_supply


def safety_stock_history(
    *, item_id: int, node_id: int | None = None, limit: int = 50
) -> list[SafetyStockChange]:
    """The changes of an item's safety stock, latest first."""
    found = SafetyStockChange.objects.filter(item_id=item_id).select_related("node")
    if node_id is not None:
        found = found.filter(node_id=node_id)
    return list(found.order_by("-pk")[:limit])


@dataclass(frozen=True, slots=True)
class Promises:
    """What may be promised of an item, day by day, and the documents behind it.

    `undated` are units on their way of which nobody says when: they are promised to nobody.
    """

    available: int
    days: tuple[DayPromise, ...]
    supply: list[tuple[str, str, int, datetime]]
    undated: int


def promises_at(item_id: int, nodes: Iterable[Node], *, buffer: int, until: date) -> Promises:
    """ATP of an item at some nodes together, less a buffer, from today until a day."""
    codes = {node.pk: node.code for node in nodes}
    places = [(item_id, node_id) for node_id in codes]
    available = sum(ats_at(places).values()) - buffer
    inbound = [
        (codes[place[1]], one)
        for place, found in sorted(inbound_supply(places).items())
        for one in found
    ]
    dated = [(code, one, one.expected_at) for code, one in inbound if one.expected_at is not None]
    return Promises(
        available=available,
        days=promises_by_day(
            available,
            [DatedSupply(one.quantity, due_at) for _, one, due_at in dated],
            first=clock.now().date(),
            until=until,
        ),
        supply=[
            (code, one.document, one.quantity, due_at)
            for code, one, due_at in dated
            if due_at.date() <= until
        ],
        undated=sum(one.quantity for _, one in inbound if one.expected_at is None),
    )
