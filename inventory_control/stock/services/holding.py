"""Holding: freeze an item at a node so that nothing of it is promised, and let it go again."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection, transaction

from inventory_control.audit.services import advance, record
from inventory_control.catalog.models import Item, Node
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.stock import permissions
from inventory_control.stock.errors import UnknownPlaceError
from inventory_control.stock.models import Hold
from inventory_control.stock.states import HoldStatus

_COUNT = """
    WITH mark AS (
        INSERT INTO stock_stockmark (item_id, node_id, day, posted_at)
        VALUES (%(item)s, %(node)s, NULL, %(now)s)
    )
    INSERT INTO stock_stockbalance AS mine (
        item_id, node_id, received, quarantined, sellable, refurbishable, damaged, vendor_return,
        in_transit, reserved, allocated, counts_pending, holds, changed_at
    )
    VALUES (%(item)s, %(node)s, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, %(change)s, %(now)s)
    ON CONFLICT (item_id, node_id) DO UPDATE SET
        holds = mine.holds + %(change)s, changed_at = excluded.changed_at
"""


@transaction.atomic
def freeze(*, sku: str, node: str, reason: str, by: Actor) -> Hold:
    """Place a hold on an item at a node, also where nothing of it lies yet.

    Counted on the balance row under its lock: a reservation sees either none or all of it. What
    was promised before stays promised. Raises `UnknownPlaceError` naming the field, `Refused`
    without a reason.
    """
    require(by, permissions.HOLD)
    item, place = Item.objects.filter(sku=sku).first(), Node.objects.filter(code=node).first()
    if item is None:
        raise UnknownPlaceError(f"No item is called {sku}.", field="item")
    if place is None:
        raise UnknownPlaceError(f"No node is called {node}.", field="node")
    return _placed(item, place, reason, by)


@transaction.atomic
def freeze_places(places: Iterable[tuple[int, int]], *, reason: str, by: Actor) -> int:
    """Place a hold on each of some (item, node) places; returns how many.

    For a stage that freezes by policy and lifts what it placed itself: see `thaw_places`.
    """
    require(by, permissions.HOLD)
    asked = sorted(places)
    items = Item.objects.in_bulk({item for item, _ in asked})
    nodes = Node.objects.in_bulk({node for _, node in asked})
    for item, node in asked:
        _placed(items[item], nodes[node], reason, by)
    return len(asked)


@transaction.atomic
def thaw_places(places: Iterable[tuple[int, int]], *, reason: str, by: Actor) -> None:
    """Lift holds this actor placed, the oldest of a place each time it is named; others stay."""
    for item_id, node_id in sorted(places):
        hold = (
            Hold.objects.filter(
                item_id=item_id, node_id=node_id, status=HoldStatus.PLACED, placed_by=by.id
            )
            .order_by("pk")
            .first()
        )
        if hold is not None:
            unfreeze(hold, reason=reason, by=by)


@transaction.atomic
def unfreeze(hold: Hold, *, reason: str, by: Actor) -> Hold:
    """Lift a hold, once; the place may be sold from again when no other lies on it.

    Raises `IllegalMove` when it was lifted before, `Refused` without a reason.
    """
    require(by, permissions.HOLD, hold)
    lifted = advance(
        hold,
        HoldStatus.LIFTED,
        by=by,
        verb="hold.lifted",
        lifted_by=by.id,
        lifted_at=clock.now(),
        lifted_reason=_said(reason),
    )
    _count(lifted, -1)
    return lifted


def _placed(item: Item, node: Node, reason: str, by: Actor) -> Hold:
    hold: Hold = Hold.objects.create(
        item=item,
        node=node,
        reason=_said(reason),
        placed_by=by.id,
        placed_at=clock.now(),
    )
    _count(hold, 1)
    record(
        "hold.placed",
        subject=("hold", str(hold.pk)),
        by=by,
        data={"item": item.sku, "node": node.code, "reason": hold.reason},
    )
    return hold


def _said(reason: str) -> str:
    said = reason.strip()
    if not said or len(said) > 300:
        raise Refused("Say why, in 1 to 300 characters.", field="reason")
    return said


def _count(hold: Hold, change: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {"item": hold.item_id, "node": hold.node_id, "change": change, "now": clock.now()},
        )
    ring("availability")
