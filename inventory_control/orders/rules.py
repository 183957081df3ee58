"""What a document's history makes of it: a fold over its events. Pure.

Every event about a document is folded each time one arrives, so the order of arrival never
matters and a correction needs no special case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from inventory_control.events.values import DocumentFact
from inventory_control.orders.states import HeldFor
from inventory_control.orders.values import BookedFact
from inventory_control.stock.states import State

APART = frozenset({State.RECEIVED.value, State.QUARANTINED.value})
"""States in which goods wait for somebody to decide on them."""


@dataclass(slots=True)
class PurchaseStory:
    """What events say of a purchase order, in units per item.

    `ordered` holds the lines another system announced or changed; ours are known without.
    `notices` holds what each shipping notice, by its name, last said of an item.
    """

    ordered: dict[int, int] = field(default_factory=dict)
    received: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    notices: dict[tuple[int, str], int] = field(default_factory=dict)
    inspected: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    damaged: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    awaits_more: dict[int, bool] = field(default_factory=dict)
    node_id: int | None = None
    supplier: str | None = None
    created_at: datetime | None = None
    first_due_at: datetime | None = None
    expected_at: datetime | None = None
    asn: str = ""
    is_confirmed: bool = False
    is_cancelled: bool = False
    received_at: datetime | None = None

    def announced(self, item_id: int) -> int | None:
        """Units of an item that shipping notices name; None when none names it."""
        named = [units for (item, _), units in self.notices.items() if item == item_id]
        return sum(named) if named else None


@dataclass(slots=True)
class TransferStory:
    """What events say of a transfer, in units."""

    item_id: int | None = None
    from_node_id: int | None = None
    to_node: str | None = None
    ordered: int = 0
    shipped: int = 0
    received: int = 0
    returned: int = 0
    written_off: int = 0
    awaits_more: bool = False
    created_at: datetime | None = None
    expected_at: datetime | None = None
    is_cancelled: bool = False
    received_at: datetime | None = None

    @property
    def in_transit(self) -> int:
        """Units that left their node and came nowhere; below zero when more came than left."""
        return self.shipped - self.received - self.returned - self.written_off


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
            story.awaits_more[fact.item_id] = fact.is_partial
            story.received_at = fact.occurred_at
        elif fact.type == "receipt.inspected" and fact.item_id is not None:
            _inspected(story, fact.item_id, fact)
        elif fact.type in {"asn.created", "asn.updated"}:
            _noticed(story, fact)
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
            story.awaits_more = fact.is_partial
            story.received_at = fact.occurred_at
        elif fact.type == "transfer.returned":
            story.returned += units
        elif fact.type == "transfer.written_off":
            story.written_off += units
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


def disputed_units(
    *,
    in_transit: int,
    has_arrivals: bool,
    awaits_more: bool,
    expected_at: datetime | None,
    at: datetime,
) -> int:
    """Units of a transfer that sender and receiver disagree about; below zero more came than left.

    Until something arrived, what is under way is merely under way. A receipt that announced more
    is believed until the transfer falls due.
    """
    if in_transit < 0:
        return in_transit
    is_believed = awaits_more and (expected_at is None or expected_at > at)
    return in_transit if has_arrivals and not is_believed else 0


def difference_of(*, ordered: int, announced: int | None, received: int, awaits_more: bool) -> int:
    """Units by which a line differs from what was ordered: as received, or before as announced."""
    if received and not awaits_more:
        return received - ordered
    if announced is None:
        return max(0, received - ordered)
    return max(received, announced) - ordered


def is_damage_material(*, inspected: int, damaged: int, share: Decimal) -> bool:
    """Whether more of what was inspected is damaged than the policy tolerates."""
    return damaged > share * inspected


def line_state(
    *, ordered: int, received: int, is_confirmed: bool, expected_at: datetime | None, at: datetime
) -> str:
    """How a line of an order stands for whoever asks: the worst that is true of it."""
    if received >= ordered:
        return "received"
    if expected_at is not None and expected_at < at:
        return "late"
    if received:
        return "partial"
    return "confirmed" if is_confirmed else "open"


def hold_of(fact: BookedFact, *, is_ordered: bool, origin_id: int | None) -> str:
    """Why the ERP may not be told of a fact yet (LED-20), or nothing.

    Goods that were put straight on sale have been decided on; what lies apart and nobody ordered
    has not. Who owned what a transfer brings is known from where it came.
    """
    if fact.move == "receipt.recorded" and fact.to_state in APART and not is_ordered:
        return HeldFor.UNORDERED
    if fact.move == "transfer.received" and fact.document and origin_id is None:
        return HeldFor.ORIGIN
    return HeldFor.NOTHING


def _inspected(story: PurchaseStory, item_id: int, fact: DocumentFact) -> None:
    """Take in an inspection; what is set apart to be looked at again has no verdict yet."""
    units = fact.quantity or 0
    if fact.to_state == State.QUARANTINED:
        return
    story.inspected[item_id] += units
    if fact.to_state != State.SELLABLE:
        story.damaged[item_id] += units


def _noticed(story: PurchaseStory, fact: DocumentFact) -> None:
    if fact.item_id is not None and fact.quantity is not None:
        story.notices[fact.item_id, fact.asn or ""] = fact.quantity
