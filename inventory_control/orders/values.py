"""What passes between those who decide on orders and those who place them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


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
class BookedFact:
    """What one event means to the books, before it is told: units as the event counts them.

    `corrects` is the event a correction is about, whose details the fact carries; its units are
    the difference the correction makes. `other_node_id` is the destination a transfer names.
    """

    event_id: int
    corrects: int | None
    move: str
    item_id: int
    node_id: int
    quantity: int
    occurred_at: datetime
    document: str = ""
    reason: str = ""
    to_state: str = ""
    other_node_id: int | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a purchase order stands by everything said of it so far; units and whole days."""

    number: str
    promised_at: datetime | None
    expected_at: datetime | None
    days_late: int
    outstanding: int

    @property
    def is_at_risk(self) -> bool:
        """Whether something is owed that will come later than promised."""
        return self.outstanding > 0 and self.days_late > 0


@dataclass(frozen=True, slots=True)
class Difference:
    """Units of one item by which what came, or is announced, differs from what was ordered."""

    sku: str
    item_id: int
    ordered: int
    announced: int | None
    received: int
    units: int


class DocumentsInSight(NamedTuple):
    """Of which kinds a tenant may have documents that need somebody."""

    late_orders: bool
    late_transfers: bool
    disputed_transfers: bool
    disputed_lines: bool
    undecided_goods: bool


@dataclass(frozen=True, slots=True)
class InboundSupply:
    """Units on their way to an item's node: which document, how many, when."""

    document: str
    item_id: int
    node_id: int
    quantity: int
    expected_at: datetime | None
    is_transfer: bool
