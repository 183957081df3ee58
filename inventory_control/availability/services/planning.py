"""Planning: master data that changes what may be sold, and the history of safety stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from inventory_control.audit.services import record
from inventory_control.availability import permissions
from inventory_control.availability.errors import ChangeOutOfBoundsError, ReasonMissingError
from inventory_control.availability.models import SafetyStockChange
from inventory_control.availability.rules import is_within_bounds
from inventory_control.catalog.models import Item, ItemNode, Node
from inventory_control.catalog.services import upsert_channels, upsert_item_nodes
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.core.places import Place
from inventory_control.policies.selectors import current_policy
from inventory_control.stock.services import mark_places

SAFETY_STOCK = "safety_stock"
SYNCHRONISED = "Sent as master data."


@transaction.atomic
def set_channels(rows: Sequence[Mapping[str, Any]], *, by: Actor) -> int:
    """Take channels from master data; whatever may be sold through them is worked out anew."""
    mark_places(node_ids=upsert_channels(rows, by=by))
    return len(rows)


@transaction.atomic
def set_planning(rows: Sequence[Mapping[str, Any]], *, by: Actor) -> int:
    """Take planning parameters from master data; safety stock changes what may be sold.

    The system they come from is their owner, so no bounds hold here; the history is written.
    """
    before = _safety_stocks_named(rows)
    places = upsert_item_nodes(rows, by=by)
    _write_history(before, places, reason=SYNCHRONISED, policy="", by=by)
    mark_places(item_ids=sorted({item for item, _ in places}))
    return len(rows)


@transaction.atomic
def change_safety_stock(
    *, item: str, node: str, to: int, reason: str, by: Actor
) -> SafetyStockChange:
    """Change the safety stock of an item at a node as recommended, within the bounds of policy.

    Raises `ChangeOutOfBoundsError` naming how far it may go, `Refused` when it is that already.
    """
    require(by, permissions.PLAN)
    words = reason.strip()
    if not words:
        raise ReasonMissingError(field="reason")
    if to < 0:
        raise Refused("safety_stock is a whole number of 0 or more.", field="safety_stock")
    row = _planned(item, node)
    if to == row.safety_stock:
        raise Refused(f"The safety stock is {to} already.", field="safety_stock")
    policy = current_policy(SAFETY_STOCK)
    share, free = float(policy.value["max_change_share"]), int(policy.value["free_units"])
    if not is_within_bounds(row.safety_stock, to, share=share, free_units=free):
        raise ChangeOutOfBoundsError(
            f"From {row.safety_stock} to {to} is more than {share:.0%} or {free} units at once, "
            f"which {policy.name} allows.",
            field="safety_stock",
        )
    before = {(row.item_id, row.node_id): row.safety_stock}
    row.safety_stock = to
    row.save(update_fields=["safety_stock"])
    (change,) = _write_history(before, list(before), reason=words, policy=policy.name, by=by)
    record(
        "safety_stock.changed",
        subject=("itemnode", f"{item}@{node}"),
        by=by,
        data={"was": change.was, "became": to, "policy": policy.name, "reason": words},
    )
    mark_places(item_ids=[row.item_id])
    return change


def _planned(sku: str, code: str) -> ItemNode:
    """The planning row of an item at a node, locked; made when there is none yet."""
    item, node = Item.objects.filter(sku=sku).first(), Node.objects.filter(code=code).first()
    if item is None:
        raise Refused(f"No item is called {sku}.", field="item")
    if node is None:
        raise Refused(f"No node is called {code}.", field="node")
    ItemNode.objects.bulk_create([ItemNode(item=item, node=node)], ignore_conflicts=True)
    row: ItemNode = ItemNode.objects.select_for_update().get(item=item, node=node)
    return row


def _safety_stocks_named(rows: Sequence[Any]) -> dict[Place, int]:
    """The safety stock of every place that rows, not checked yet, speak of; locked."""
    named = [row for row in rows if isinstance(row, Mapping) and "safety_stock" in row]
    skus = {row["item"] for row in named if isinstance(row.get("item"), str)}
    codes = {row["node"] for row in named if isinstance(row.get("node"), str)}
    if not skus or not codes:
        return {}
    known = (
        ItemNode.objects.select_for_update(of=("self",))
        .filter(item__sku__in=skus, node__code__in=codes)
        .order_by("pk")
    )
    return {(row.item_id, row.node_id): row.safety_stock for row in known}


def _write_history(
    before: Mapping[Place, int], places: Sequence[Place], *, reason: str, policy: str, by: Actor
) -> list[SafetyStockChange]:
    """Keep every safety stock that is now another than before; a new place had none."""
    now, wanted = clock.now(), set(places)
    rows = ItemNode.objects.filter(
        item_id__in={item for item, _ in wanted}, node_id__in={node for _, node in wanted}
    ).order_by("pk")
    return SafetyStockChange.objects.bulk_create(
        SafetyStockChange(
            item_id=row.item_id,
            node_id=row.node_id,
            was=before.get((row.item_id, row.node_id), 0),
            became=row.safety_stock,
            changed_at=now,
            changed_by=by.id,
            policy=policy,
            reason=reason[:300],
        )
        for row in rows
        if (row.item_id, row.node_id) in wanted
        and row.safety_stock != before.get((row.item_id, row.node_id), 0)
    )
