"""What passes between the ledger's rules and its services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

FoldKey = tuple[datetime, str, str]
"""The order in which facts are folded: when it was true, then source, then source id (D3)."""


class Leg(msgspec.Struct, frozen=True):
    """One line of a balanced move, in units; positive goes in."""

    item_id: int
    node_id: int
    state: str
    quantity: int
    lot: str = ""


@dataclass(frozen=True, slots=True)
class Financial:
    """What a move means to the ERP: its effect class and the form of document it expects.

    `between` is the form expected instead when the two nodes belong to different legal entities.
    `sign` turns the event's units into those of the document: -1 where they leave the books.
    """

    effect: str
    form: str = "none"
    between: str = ""
    sign: int = 1

    def form_for(self, *, crosses_entities: bool) -> str:
        """The form of document expected of one event."""
        return self.between if crosses_entities and self.between else self.form


class ClaimChange(msgspec.Struct, frozen=True):
    """What an event changes of the claim of one order line, in units.

    `confirmed` units are hard-assigned: they count as allocated instead of reserved.
    """

    key: str
    item_id: int
    node_id: int
    channel: str
    committed: int = 0
    confirmed: int = 0
    shipped: int = 0
    released: int = 0


@dataclass(frozen=True, slots=True)
class AssertedPoint:
    """One assertion of an account as the fold sees it.

    `moved` is the sum of moves between the assertion before and this one, `settled` a final
    verdict or None, `is_opening` marks an opening balance.
    """

    event_id: int
    key: FoldKey
    quantity: int
    moved: int
    is_opening: bool = False
    settled: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The fold's answer for one assertion: what was expected, the verdict, the adjustment owed."""

    event_id: int
    expected: int
    verdict: str
    adjustment: int


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a count may be off before a person must look: the larger of units and share."""

    units: int = 2
    share: float = 0.05

    def allows(self, variance: int, expected: int) -> bool:
        """Whether a variance is small enough to be accepted by policy."""
        return abs(variance) <= max(self.units, self.share * abs(expected))


@dataclass(frozen=True, slots=True)
class ReservationLine:
    """A request for stock: which order line wants how many units of what, where.

    `is_partial` says whether less than the whole is welcome, None that the policy decides. What is
    not confirmed by `expires_at` is given back.
    """

    order: str
    line: str
    sku: str
    node: str
    quantity: int
    channel: str = ""
    is_partial: bool | None = False
    customer: str | None = None
    occurred_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def key(self) -> str:
        """The key of its claim."""
        return f"{self.order}/{self.line}"


@dataclass(frozen=True, slots=True)
class Span:
    """Since when changes of an item at a node are asked for.

    Those after `as_of` are summed up, those from `since` to `as_of` come one by one. With claims,
    what promises took or gave back counts too, as the account `claimed`.
    """

    item_id: int
    node_id: int
    since: datetime
    as_of: datetime
    with_claims: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """Units into (or out of) an account in a span; `at` None is the sum of all after `as_of`."""

    at: datetime | None
    state: str
    units: int


@dataclass(frozen=True, slots=True)
class Granted:
    """The answer to one reservation line, in units.

    `reason` says in words why less was granted, `code` in one (`not_available`, `frozen`,
    `reservation_ended`); `is_partial` whether less than the whole was welcome.
    """

    key: str
    requested: int
    granted: int
    available: int
    reason: str = ""
    is_repeat: bool = False
    code: str = ""
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class ClaimState:
    """The claim of one order line as it stands, in units; `state` is its life in one word."""

    key: str
    item_id: int
    node_id: int
    sku: str
    node: str
    channel: str
    committed: int
    confirmed: int
    shipped: int
    released: int
    open: int
    assigned: int
    state: str
    expires_at: datetime | None
    changed_at: datetime

    @property
    def excess(self) -> int:
        """Units shipped or released beyond what was committed."""
        return max(0, self.shipped + self.released - self.committed)


@dataclass(frozen=True, slots=True)
class ClaimTold:
    """A change of a claim that a part of the product decided, about to be told as an event.

    `name` is its id within its source: the same decision told twice changes nothing.
    """

    kind: str
    order: str
    line: str
    place: tuple[int, int]
    quantity: int
    name: str
    channel: str = ""
    customer: str = ""
    due_at: datetime | None = None
    attributes: Mapping[str, str | int | bool] = field(default_factory=dict)


class StockCard(NamedTuple):
    """An item at a node as a look at many places sees it: what it is worth, what is there, what is
    promised, planned and asked for. Quantities are units, money is a unit's.

    `lead_time_days` is None without a supplier, `reorder_point` where no level is fixed. `first_day`
    is when anything was first asked for, None when nothing ever was, and `demand` then too.
    """

    item_id: int
    node_id: int
    sku: str
    unit_cost: Decimal
    unit_price: Decimal
    lead_time_days: int | None
    sellable: int
    reserved: int
    allocated: int
    safety_stock: int
    reorder_point: int | None
    is_ranged: bool
    first_day: date | None
    demand: int | None


class StockDoubts(NamedTuple):
    """Whether a tenant has any overdrawn claim, and any count that waits for a person."""

    overdrawn: bool
    counts: bool


class PendingCount(NamedTuple):
    """A count out of tolerance that waits for a person, in units."""

    item_id: int
    node_id: int
    event_id: int
    expected: int
    quantity: int
    occurred_at: datetime


class OverdrawnClaim(NamedTuple):
    """A claim of which `units` more left than was promised although part was given back: an order
    that shipped in spite of its cancellation.
    """

    item_id: int
    node_id: int
    key: str
    channel: str
    units: int


@dataclass(frozen=True, slots=True)
class Position:
    """What the ledger holds of an item at a node, with the claims laid over it."""

    item_id: int
    node_id: int
    received: int
    quarantined: int
    sellable: int
    refurbishable: int
    damaged: int
    vendor_return: int
    in_transit: int
    reserved: int
    allocated: int
    is_frozen: bool
    safety_stock: int
    changed_at: datetime | None

    @property
    def on_hand(self) -> int:
        """What lies at the node, in any condition."""
        return (
            self.received
            + self.quarantined
            + self.sellable
            + self.refurbishable
            + self.damaged
            + self.vendor_return
        )


@dataclass(frozen=True, slots=True)
class Horizon:
    """Up to where the ledger was retired: nothing that went happened after `at`, or was posted at
    or after `posted_until`.
    """

    at: datetime
    posted_until: datetime


@dataclass(frozen=True, slots=True)
class LedgerPart:
    """A partition of the ledger and why it may not be retired, in sentences; none when it may.

    `since` is None for the oldest, `until` for the one still open, and `horizon` (the last moment
    anything in it happened) is known of those alone that are old enough. `lines` of the others is
    the server's estimate.
    """

    name: str
    since: datetime | None
    until: datetime | None
    lines: int
    bytes: int
    horizon: datetime | None
    blockers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RetiredPart:
    """A partition that went: `carried` lines stand for it, `layer` is their SHA-256."""

    part: LedgerPart
    carried: int
    layer: str


@dataclass(frozen=True, slots=True)
class DecidedAdjustment:
    """A change of the book somebody agreed to, in units; `reference` makes it post once."""

    reference: str
    sku: str
    node: str
    state: str
    quantity: int
    reason: str
    note: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class DecidedCorrection:
    """An event to undo, by its first key; `quantity` units take its place, 0 withdraws it."""

    reference: str
    source: str
    source_id: str
    quantity: int
    reason: str
    note: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Age:
    """How old the units of an item are that can be sold, everywhere, and how long they last.

    `oldest_at` is when the oldest of them came in, if what came first left first. `asked_for` is
    the demand, served or not, of the last `days`; an item known for fewer has no cover yet.
    """

    at: datetime
    units: int
    asked_for: int
    days: int
    oldest_at: datetime | None
    known_since: datetime | None

    @property
    def oldest_days(self) -> int | None:
        """Whole days since the oldest unit came in; None when nothing is left, or nothing known."""
        return None if self.oldest_at is None else (self.at - self.oldest_at).days

    @property
    def has_cover(self) -> bool:
        """Whether it has been known for long enough to say how long it lasts."""
        return self.known_since is not None and (self.at - self.known_since).days >= self.days

    @property
    def cover_days(self) -> int | None:
        """Days the units last at the demand of the last days, rounded down; None when nobody asks
        for any, or while that cannot be said.
        """
        if not self.has_cover or self.asked_for <= 0:
            return None
        return self.units * self.days // self.asked_for


@dataclass(frozen=True, slots=True)
class SeriesDay:
    """One day (UTC) of an item: units sold, units that came back, units the books lost.

    `shrink` is what counts and adjustments took off the books, less what they put on them.
    """

    day: date
    sold: int = 0
    returned: int = 0
    shrink: int = 0


@dataclass(frozen=True, slots=True)
class SeriesFigures:
    """What a series comes to: `velocity` in units a day, the rates as shares of units sold.

    `weekdays` is the season of the week: the mean of each ISO weekday over the mean of all days,
    1.0 where it is as any other. A rate without sales is None.
    """

    velocity: float
    return_rate: float | None
    shrink_rate: float | None
    weekdays: Mapping[int, float]
