"""Holds: what freezes an item at a node, and did."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from inventory_control.core.places import Place
from inventory_control.stock.models import Hold
from inventory_control.stock.states import HoldStatus


def holds(
    *, sku: str = "", node: str = "", status: str = "", before: int | None = None, limit: int = 50
) -> list[Hold]:
    """A page of holds, newest first, below the id `before` (keyset)."""
    found = Hold.objects.select_related("item", "node")
    if sku:
        found = found.filter(item__sku=sku)
    if node:
        found = found.filter(node__code=node)
    if status:
        found = found.filter(status=status)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])


def holds_in_force(item_id: int) -> list[Hold]:
    """What freezes an item anywhere, oldest first."""
    return list(
        Hold.objects.select_related("node")
        .filter(item_id=item_id, status=HoldStatus.PLACED)
        .order_by("pk")
    )


def holds_since(places: Iterable[Place], moment: datetime) -> list[Hold]:
    """Holds that lay on some places at a moment or were placed there later, oldest first."""
    asked = set(places)
    found = Hold.objects.filter(
        Q(lifted_at__isnull=True) | Q(lifted_at__gte=moment),
        item_id__in={item for item, _ in asked},
        node_id__in={node for _, node in asked},
    )
    return [one for one in found.order_by("pk") if (one.item_id, one.node_id) in asked]


def hold_of(pk: int) -> Hold | None:
    """One hold, or None."""
    return Hold.objects.select_related("item", "node").filter(pk=pk).first()
