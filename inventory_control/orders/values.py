"""What passes between those who decide on orders and those who place them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class WantedPurchase:
    """A purchase that was approved: one item for one node. Units; `reference` names the run."""

    reference: str
    item_id: int
    node_id: int
    supplier_id: int
    quantity: int
    unit_cost: Decimal
    expected_at: datetime


@dataclass(frozen=True, slots=True)
class WantedTransfer:
    """A transfer that was approved. Units; `reference` names the run."""

    reference: str
    item_id: int
    from_node_id: int
    to_node_id: int
    quantity: int
    unit_cost: Decimal
    expected_at: datetime


@dataclass(frozen=True, slots=True)
class InboundSupply:
    """Units on their way to an item's node: which document, how many, when."""

    document: str
    item_id: int
    node_id: int
    quantity: int
    expected_at: datetime | None
    is_transfer: bool
