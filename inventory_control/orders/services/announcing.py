"""Announcing: a supplier hears at once where a notice or a receipt differs from the order."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from inventory_control.catalog.models import Item
from inventory_control.core.actors import Actor
from inventory_control.orders.models import PurchaseOrder, PurchaseOrderLine
from inventory_control.orders.rules import PurchaseStory, difference_of
from inventory_control.orders.services.placing import ERP
from inventory_control.orders.values import Difference
from inventory_control.outbox.services import queue_commands
from inventory_control.outbox.values import CommandDraft

DISCREPANCY = "supplier.discrepancy"
_LONGEST_TARGET = 40
Announced = tuple[PurchaseOrder, Sequence[PurchaseOrderLine], PurchaseStory]


def tell_suppliers(orders: Sequence[Announced], *, by: Actor) -> None:
    """Queue what each supplier of a noticed order has to hear; the same words are said once.

    Only orders with a shipping notice that names units: without one, a part that is missing may
    still be on its way, and a person looks at the case first.
    """
    noticed = [one for one in orders if one[2].notices]
    if not noticed:
        return
    skus = dict(
        Item.objects.filter(
            pk__in={item for _, _, story in noticed for item in _items_of(story)}
        ).values_list("pk", "sku")
    )
    told = [
        (order, differences, story)
        for order, lines, story in noticed
        if (differences := _differences(lines, story, skus))
    ]
    queue_commands(
        [_draft(order, differences, story, skus) for order, differences, story in told], by=by
    )


def _items_of(story: PurchaseStory) -> set[int]:
    return {item for item, _ in story.notices} | set(story.received) | set(story.ordered)


def _differences(
    lines: Sequence[PurchaseOrderLine], story: PurchaseStory, skus: Mapping[int, str]
) -> list[Difference]:
    """Where announcement or receipt differ from the order; what is on no line was not ordered."""
    ordered = {line.item_id: line for line in lines}
    found = []
    for item_id in sorted(_items_of(story) | ordered.keys()):
        line = ordered.get(item_id)
        announced, received = story.announced(item_id), story.received.get(item_id, 0)
        if announced is None and not received:
            continue
        units = difference_of(
            ordered=line.quantity if line else 0,
            announced=announced,
            received=received,
            awaits_more=story.awaits_more.get(item_id, False),
        )
        if units or story.damaged.get(item_id):
            sku = skus.get(item_id) or (line.item.sku if line else "")
            quantity = line.quantity if line else 0
            found.append(Difference(sku, item_id, quantity, announced, received, units))
    return found


def _draft(
    order: PurchaseOrder,
    differences: Sequence[Difference],
    story: PurchaseStory,
    skus: Mapping[int, str],
) -> CommandDraft:
    supplier = order.supplier
    payload: dict[str, Any] = {
        "number": order.number,
        "supplier": supplier.code if supplier else None,
        "asn": order.asn,
        "lines": [
            {
                "sku": one.sku,
                "ordered": one.ordered,
                "announced": one.announced,
                "received": one.received,
                "difference": one.units,
                "damaged": story.damaged.get(one.item_id, 0),
            }
            for one in differences
        ],
    }
    words = hashlib.sha256(msgspec.json.encode(payload["lines"])).hexdigest()[:16]
    return CommandDraft(
        kind=DISCREPANCY,
        target=target_of(supplier.code if supplier else ""),
        idempotency_key=f"{order.number}:discrepancy:{words}",
        payload=payload,
        subject=("purchaseorder", order.number),
    )


def target_of(supplier: str) -> str:
    """Where a supplier is reached: its own connector, or the ERP's where it has none.

    A code too long for an address is reached through the ERP.
    """
    target = f"supplier:{supplier}"
    return target if supplier and len(target) <= _LONGEST_TARGET else ERP
