"""What passes between availability and those who tell channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

Listing = tuple[int, int]
"""(item id, channel id)."""
PUBLISH = "availability.publish"
"""The kind of command that tells a channel what it should show."""
NOT_LISTED = -1
"""What a receipt keeps for an item that a channel, asked for it, does not list."""
TOLD_TWICE = 2
"""So many disagreements in a row mean that telling again did not help."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One figure a channel should show; `changed_at` is when the posting behind it was made."""

    sku: str
    quantity: int
    version: int
    changed_at: datetime
    item_id: int
    disagreements: int = 0


@dataclass(frozen=True, slots=True)
class PushDraft:
    """A push about to leave: its number, the channel, the figures in it."""

    id: int
    channel: str
    figures: Sequence[Publication]


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """What an exposure rule says, as somebody sets it; items, nodes and channels by their codes.

    `resume_after` is minutes, `margin_below` a share of the price.
    """

    key: str
    hold_below: int
    resume_from: int
    resume_after: int
    reason: str
    item: str | None = None
    node: str | None = None
    margin_below: Decimal | None = None
    channels: Sequence[str] = ()
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class ListingTerms:
    """Buffer and cap of an item on a channel, in units; None: the channel's own, and no limit."""

    item: str
    channel: str
    buffer: int | None = None
    cap: int | None = None


class ExposureDoubts(NamedTuple):
    """Whether a tenant has anything held, and any push a channel may disagree with."""

    holds: bool
    pushes: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A live hold as detection sees it."""

    rule: str
    version: int
    channel: str
    ats: int
    hold_below: int
    resume_from: int
    held_at: datetime


@dataclass(frozen=True, slots=True)
class FallbackTerms:
    """What a channel holds back while a source is silent: see `models.ChannelFallback`."""

    action: str
    share: Decimal = Decimal(0)
    units: int = 0


@dataclass(frozen=True, slots=True)
class UnconfirmedChannel:
    """A channel that could not be told that it shows more than may be sold.

    `listings` are the worst of them, (sku, shown as far as anybody knows, should show); `units` and
    `at_stake` are of all.
    """

    channel: str
    since: datetime
    count: int
    units: int
    at_stake: Decimal
    listings: Sequence[tuple[str, int, int]]


@dataclass(frozen=True, slots=True)
class HeldListing:
    """An item that rules hold on a channel: what it would show if they did not, in units."""

    units: int
    rules: Sequence[str]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A channel that still shows another figure than it was told; `shown` None: not listed."""

    channel: str
    told: int
    shown: int | None
    seen_at: datetime
    in_a_row: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A figure a channel acknowledged: it sold on it from then on."""

    channel: str
    item_id: int
    quantity: int
    version: int
    acknowledged_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a channel was told of an item by one push, why, and what came back.

    `shown` is what it showed when asked (None: not asked, `NOT_LISTED`: nothing).
    """

    push: int
    key: str
    quantity: int
    version: int
    changed_at: datetime
    sent_at: datetime
    acknowledged_at: datetime | None
    shown: int | None
    read_back_at: datetime | None
    error: str
    sellable: int
    reserved: int
    allocated: int
    safety_stock: int
    frozen: int
    buffer: int
    cap: int | None
    is_held: bool

    @property
    def latency_seconds(self) -> float | None:
        """From the posting behind the figure to its acknowledgement."""
        if self.acknowledged_at is None:
            return None
        return (self.acknowledged_at - self.changed_at).total_seconds()


@dataclass(frozen=True, slots=True)
class OrderInFlight:
    """An order that came in after a hold began; in flight when it was placed before the channel
    acknowledged the hold. It is honoured all the same.
    """

    order: str
    line: str
    quantity: int
    occurred_at: datetime
    recorded_at: datetime
    is_in_flight: bool
