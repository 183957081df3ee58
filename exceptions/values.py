"""What passes between detectors, services and readers of the queue."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import msgspec

from inventory_control.availability.values import Disagreement, Held, UnconfirmedChannel
from inventory_control.events.values import Freshness, ShelfSignal, UnknownSerial, WaitingName
from inventory_control.orders.values import InboundSupply
from inventory_control.outbox.values import FailedTarget
from inventory_control.reconciliation.values import Mismatch, Shortfall


@dataclass(frozen=True, slots=True)
class Finding:
    """A risk a detector saw; the service decides whether it opens, raises or repeats a case.

    `key` names the risk within its kind; `units` and `at_stake` are its size in units and money;
    `respond_within` is how soon somebody must act; `evidence` holds the figures the finding
    rests on, as plain JSON values (decimals as text). `assignee` is the member a new case begins
    with, by public id. `is_asked_anew` says that whoever found it asks again at intervals: a
    person's word on the case does not settle it, only the answer does.
    """

    kind: str
    key: str
    severity: int
    summary: str
    units: int
    at_stake: Decimal
    respond_within: timedelta
    item_id: int | None = None
    node_id: int | None = None
    document: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict)
    assignee: str = ""
    is_asked_anew: bool = False

    @property
    def case_key(self) -> str:
        """The key of the case, unique among live ones."""
        return f"{self.kind}:{self.key}"


@dataclass(frozen=True, slots=True)
class Closure:
    """How one case ends: its resolution, the reason in words, and how long its risk stays quiet."""

    case_id: int
    resolution: str
    reason: str
    quiet_until: datetime | None = None


class Goods(msgspec.Struct, frozen=True):
    """What detectors need of an item: its name in the trade, its money, how long supply takes."""

    item_id: int
    sku: str
    unit_cost: Decimal
    unit_price: Decimal
    lead_time_days: int

    @property
    def margin(self) -> Decimal:
        """Money lost with a unit not sold; the cost where no price is known."""
        if not self.unit_price:
            return self.unit_cost
        return max(Decimal(0), self.unit_price - self.unit_cost)


NO_LIFT = Fraction(0)


class Demand(msgspec.Struct, frozen=True):
    """Units asked for, served or lost, over so many open days that have history."""

    units: int = 0
    open_days: int = 0

    @property
    def daily(self) -> float:
        """Mean units per open day; 0 without history."""
        return self.units / self.open_days if self.open_days else 0.0

    def over(self, days: int, lift: Fraction = NO_LIFT) -> int:
        """Units to expect over some days, rounded up in whole numbers, never by a fraction.

        `lift` is what promotions add, in days of usual demand (`rules.promotion_lift`).
        """
        if not self.open_days:
            return 0
        if not lift:
            return -(-self.units * days // self.open_days)
        return math.ceil(self.units * (days + lift) / self.open_days)


@dataclass(frozen=True, slots=True)
class PromotionAhead:
    """A promotion of an item at a node that runs or will: `uplift` is the demand added, a share."""

    code: str
    starts_at: datetime
    ends_at: datetime
    uplift: Decimal


@dataclass(frozen=True, slots=True)
class Claim:
    """An open promise to one order line, in units."""

    key: str
    channel: str
    units: int


@dataclass(frozen=True, slots=True)
class Count:
    """A count out of tolerance that waits for a person, in units."""

    expected: int
    counted: int
    occurred_at: datetime

    @property
    def variance(self) -> int:
        """Counted less expected."""
        return self.counted - self.expected


class NodeCard(NamedTuple):
    """What detectors need of a node: its code, the ISO weekdays it is closed on, and the units it holds
    at most, None without limit.
    """

    code: str
    closed_weekdays: Sequence[int]
    capacity_units: int | None


NO_DEMAND = Demand()


class Holding(msgspec.Struct, frozen=True):
    """Everything detectors may know of an item at a node; quantities are units.

    `reorder_point` None means that no level is fixed. `claims` are filled only where more is
    promised than there is; `overdrawn` are those of which more left than was promised. `room` is
    how many units more the node can take, None without limit.
    """

    goods: Goods
    node_id: int
    node: str
    sellable: int = 0
    reserved: int = 0
    allocated: int = 0
    safety_stock: int = 0
    reorder_point: int | None = None
    is_ranged: bool = True
    demand: Demand = NO_DEMAND
    inbound: tuple[InboundSupply, ...] = ()
    claims: tuple[Claim, ...] = ()
    overdrawn: tuple[Claim, ...] = ()
    counts: tuple[Count, ...] = ()
    room: int | None = None
    holds: tuple[Held, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    promotions: tuple[PromotionAhead, ...] = ()
    empty_shelf: ShelfSignal | None = None
    unknown_serials: tuple[UnknownSerial, ...] = ()
    freshness: Freshness | None = None

    @property
    def key(self) -> str:
        """The place as cases name it."""
        return f"{self.goods.sku}@{self.node}"

    def stale_minutes(self, at: datetime) -> int | None:
        """How old the word on it is, where that is older than its limit; else None."""
        told = self.freshness
        return told.age_minutes(at) if told is not None and told.is_stale(at) else None

    @property
    def promised(self) -> int:
        """Units reserved or allocated."""
        return self.reserved + self.allocated

    @property
    def available(self) -> int:
        """ATS as if nothing were frozen: a freeze stops selling, it does not use stock up."""
        return self.sellable - self.promised - self.safety_stock


@dataclass(frozen=True, slots=True)
class OutstandingLine:
    """Units of an item a purchase order still owes."""

    goods: Goods
    units: int


@dataclass(frozen=True, slots=True)
class LateOrder:
    """An open purchase order whose expected moment has passed."""

    number: str
    supplier: str
    node_id: int
    node: str
    expected_at: datetime
    lines: tuple[OutstandingLine, ...]


@dataclass(frozen=True, slots=True)
class LateTransfer:
    """An open transfer whose expected moment has passed, with the units still to arrive."""

    number: str
    goods: Goods
    from_node_id: int
    from_node: str
    to_node: str
    units: int
    expected_at: datetime
    is_shipped: bool


@dataclass(frozen=True, slots=True)
class DisputedTransfer:
    """A transfer whose ends disagree: `units` are missing, or below zero came too many."""

    number: str
    goods: Goods
    from_node: str
    to_node_id: int
    to_node: str
    shipped: int
    received: int
    returned: int
    written_off: int
    units: int


@dataclass(frozen=True, slots=True)
class DisputedLine:
    """Units of an item by which a delivery differs from its order, and what inspection found."""

    goods: Goods
    ordered: int
    announced: int | None
    received: int
    units: int
    inspected: int = 0
    damaged: int = 0
    is_ordered: bool = True


@dataclass(frozen=True, slots=True)
class DisputedReceipt:
    """An order or delivery with lines that somebody has to look at."""

    number: str
    supplier: str
    node_id: int
    node: str
    lines: tuple[DisputedLine, ...] = ()

    def with_line(self, line: DisputedLine) -> DisputedReceipt:
        """The same with one line more."""
        return replace(self, lines=(*self.lines, line))


@dataclass(frozen=True, slots=True)
class Reports:
    """What other systems say against us: places that disagree, and counts that do not tie."""

    mismatches: tuple[Mismatch, ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoredDay:
    """The latest scored day of a source: its shares from 0 to 1, and the policy it followed."""

    day: date
    rows: int
    shares: Mapping[str, float]
    score: float
    policy: str


@dataclass(frozen=True, slots=True)
class SourceState:
    """What detectors may know of a source; a doubt that somebody settled is left out.

    `silent_since` is set only while it is silent for longer than `expected_minutes`,
    `skewed_at` only while the doubt about its clock stands, `scored` only when it is below
    `limit`.
    """

    code: str
    owner: str
    received_from: str
    expected_minutes: int | None = None
    silent_since: datetime | None = None
    skewed_at: datetime | None = None
    skewed_seconds: int = 0
    skewed_id: str = ""
    scored: ScoredDay | None = None
    limit: float = 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What one run of detection looks at, read once and shown to every detector.

    `damage_share` is how much of a delivery may be damaged before somebody must look.
    """

    at: datetime
    holdings: tuple[Holding, ...] = ()
    late_orders: tuple[LateOrder, ...] = ()
    late_transfers: tuple[LateTransfer, ...] = ()
    disputed_transfers: tuple[DisputedTransfer, ...] = ()
    disputed_receipts: tuple[DisputedReceipt, ...] = ()
    damage_share: Decimal = Decimal("0.03")
    reports: Reports = field(default_factory=Reports)
    sources: tuple[SourceState, ...] = ()
    waiting_names: tuple[WaitingName, ...] = ()
    failed_targets: tuple[FailedTarget, ...] = ()
    unconfirmed: tuple[UnconfirmedChannel, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueFilters:
    """Which cases a reader of the queue asked for; an empty field does not narrow.

    `status` is a status, or `live` (the default), `closed`, `any`. `assignee` is a member's
    public id, or `none` for cases without an owner. `order` names a way of sorting.
    """

    status: str = "live"
    order: str = "urgency"
    kind: str = ""
    severity: int | None = None
    node: str = ""
    assignee: str = ""
    is_past_due: bool = False
    sku: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class CappedCount:
    """A count that stops at a cap, because nobody needs the exact number of a long queue."""

    value: int
    is_capped: bool

    def __str__(self) -> str:
        return f"{self.value:,}+" if self.is_capped else f"{self.value:,}"


@dataclass(frozen=True, slots=True)
class Counters:
    """How many cases are live, how many of them past due, and the money at stake in all."""

    open: int
    past_due: int
    at_stake: Decimal
