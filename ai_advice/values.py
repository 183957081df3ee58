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


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an advisor knows of an item at a node; quantities are units, days are open days.

    `level` is units per open day and `cv2` the spread over `protection_days`; both are 0 where
    `history_days` are too few. `inbound` counts what is due within the protection period,
    `room` what the node can still take (None without a limit).
    """

    item_id: int
    node_id: int
    node: str
    on_hand: int
    promised: int
    safety_stock: int
    reorder_point: int | None
    order_up_to: int | None
    inbound: int
    inbound_documents: tuple[Mapping[str, object], ...]
    level: float
    cv2: float
    history_days: int
    nonzero_days: int
    protection_days: float
    open_share: float
    room: int | None
    transfer_days: int


@dataclass(frozen=True, slots=True)
class Goods:
    """What an advisor knows of an item: its money and how it is bought."""

    item_id: int
    sku: str
    unit_cost: Decimal
    unit_price: Decimal
    supplier_id: int | None
    supplier: str
    lead_time_days: int
    lead_time_sd_days: float
    pack_size: int
    minimum_order_quantity: int


@dataclass(frozen=True, slots=True)
class Terms:
    """The tenant's policy for advice, with the version to cite."""

    review_days: int
    service_target: float
    own_cover_days: int
    transfer_cost_per_unit: float
    minimum_days: int
    minimum_sales: int
    valid_hours: int
    cited_as: str


@dataclass(frozen=True, slots=True)
class Question:
    """One case put to an advisor: the goods, the place in need, and who else holds them."""

    case_id: int
    case_version: int
    goods: Goods
    place: Outlook
    others: tuple[Outlook, ...]
    at: datetime
