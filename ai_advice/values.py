"""What an advisor returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Action(StrEnum):
    """What advice may propose; carrying it out is for workflows."""

    TRANSFER = "transfer"
    PURCHASE = "purchase"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One proposition with its evidence.

    `confidence` is the probability that the proposition comes true, in [0, 1]; `value` the money
    the action would move; `expires_at` product time after which nobody may act on it;
    `alternatives` are the ways not taken, each with its reason.
    """

    action: Action
    proposition: str
    confidence: float
    expires_at: datetime
    quantity: int = 0
    value: Decimal = Decimal(0)
    from_node_id: int | None = None
    supplier_id: int | None = None
    expected_at: datetime | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)
    alternatives: tuple[Mapping[str, object], ...] = ()
