"""What a document's history makes of it: a fold over its events. Pure.

Every event about a document is folded each time one arrives, so the order of arrival never
matters and a correction needs no special case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from inventory_control.events.values import DocumentFact


@dataclass(slots=True)
class PurchaseStory:
    """What events say of a purchase order, in units per item.

    `ordered` holds the lines another system announced or changed; ours are known without.
    """

    ordered: dict[int, int] = field(default_factory=dict)
    received: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    node_id: int | None = None
    supplier: str | None = None
    created_at: datetime | None = None
    first_due_at: datetime | None = None
    expected_at: datetime | None = None
    asn: str = ""
    is_confirmed: bool = False
    is_cancelled: bool = False
    received_at: datetime | None = None


@dataclass(slots=True)
class TransferStory:
    """What events say of a transfer, in units."""

    item_id: int | None = None
    from_node_id: int | None = None
    to_node: str | None = None
    ordered: int = 0
    shipped: int = 0
    received: int = 0
    created_at: datetime | None = None
    expected_at: datetime | None = None
    is_cancelled: bool = False
    received_at: datetime | None = None


def purchase_story(facts: Iterable[DocumentFact]) -> PurchaseStory:
    """Fold the facts of a purchase order, which come in true order."""
    story = PurchaseStory()
    for fact in facts:
        if fact.due_at is not None and fact.type != "receipt.recorded":
            story.first_due_at = story.first_due_at or fact.due_at
            story.expected_at = fact.due_at
        if fact.asn:
            story.asn = fact.asn
        if fact.type == "receipt.recorded" and fact.item_id is not None:
            story.received[fact.item_id] += fact.quantity or 0
            story.received_at = fact.occurred_at
        elif fact.type in {"purchase_order.created", "purchase_order.changed"}:
            _announced(story, fact)
        elif fact.type == "purchase_order.confirmed":
            story.is_confirmed = True
        elif fact.type == "purchase_order.cancelled":
            story.is_cancelled = True
    return story


def transfer_story(facts: Iterable[DocumentFact]) -> TransferStory:
    """Fold the facts of a transfer, which come in true order."""
    story = TransferStory()
    for fact in facts:
        units = fact.quantity or 0
        if fact.due_at is not None:
            story.expected_at = fact.due_at
        if fact.type == "transfer.created":
            story.item_id, story.from_node_id = fact.item_id, fact.node_id
            story.to_node, story.ordered = fact.to_node, units
            story.created_at = fact.occurred_at
        elif fact.type == "transfer.shipped":
            story.shipped += units
        elif fact.type == "transfer.received":
            story.received += units
            story.received_at = fact.occurred_at
        elif fact.type == "transfer.cancelled":
            story.is_cancelled = True
    return story


def is_complete(ordered: Mapping[int, int], received: Mapping[int, int]) -> bool:
    """Whether every line arrived in full; more than ordered is complete too."""
    return bool(ordered) and all(received.get(item, 0) >= units for item, units in ordered.items())


def _announced(story: PurchaseStory, fact: DocumentFact) -> None:
    story.created_at = story.created_at or fact.occurred_at
    story.node_id = fact.node_id or story.node_id
    story.supplier = fact.supplier or story.supplier
    if fact.item_id is not None and fact.quantity:
        story.ordered[fact.item_id] = fact.quantity
