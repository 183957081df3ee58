"""What passes between the queue of backorders, allocation and its rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

KEPT = "backorders"
"""The order whose claims keep units for those who wait; its lines are node and item."""
ALLOCATIONS = "allocations"
"""The source under which allocation posts its claims."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A backorder as the rule sees it: units still wanted, and what decides its turn."""

    id: int
    units: int
    is_premium: bool
    ordered_at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """One who waits at a place: its turn (1 is next), units still wanted, and why it waits."""

    number: int
    id: int
    wanted: int
    reason: str


@dataclass(frozen=True, slots=True)
class Given:
    """Units of an item at a node that went to an order line, and why to this one."""

    order: str
    line: str
    units: int
    at: datetime
    event_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """How backorders are served: in which order, in parts or not, and who gets what is left.

    `order_by` names what counts, first things first: `service` (premium first), `age` (oldest
    first). With `keeps_remainder` what is left waits for the head of the queue instead of being
    sold.
    """

    order_by: tuple[str, ...] = ("service", "age")
    takes_part: bool = False
    keeps_remainder: bool = True


@dataclass(frozen=True, slots=True)
class Served:
    """Who gets how many units, who still waits (in turn), and what is kept for them."""

    given: tuple[tuple[int, int], ...]
    waiting: tuple[Waiting, ...]
    kept: int


@dataclass(frozen=True, slots=True)
class Expected:
    """Units that come in by a moment."""

    units: int
    at: datetime


@dataclass(frozen=True, slots=True)
class AllocationLine:
    """An order line that wants stock, as it was asked for; without a node one is chosen."""

    order: str
    line: str
    sku: str
    quantity: int
    channel: str = ""
    node: str = ""
    customer: str = ""
    is_premium: bool = False
    ordered_at: datetime | None = None
    promise_at: datetime | None = None

    @property
    def key(self) -> str:
        """The key of its claim."""
        return f"{self.order}/{self.line}"


@dataclass(frozen=True, slots=True)
class Demand:
    """What the rule needs of an order line: the units, its rank, and where it may come from.

    `priority` and `margin` are its channel's; a channel of unknown margin ranks last by margin.
    """

    key: str
    item_id: int
    units: int
    nodes: tuple[int, ...]
    priority: int = 100
    margin: Decimal | None = None
    is_premium: bool = False
    ordered_at: datetime | None = None
    promise_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node that may serve: when it has an order ready, and what it may still take today."""

    node_id: int
    code: str
    ready_at: datetime
    capacity: int | None = None
    used: int = 0


@dataclass(frozen=True, slots=True)
class AllocationPolicy:
    """Whose turn it is, and what happens when not all can be served.

    `order_by` names what counts, first things first: `priority` of the channel, `service`
    (premium first), `margin`, `age`. At most `most_nodes` serve a line together; `takes_part`
    lets it be served in part; `remainder` is `none` or `backorder`.
    """

    order_by: tuple[str, ...] = ("priority", "service", "margin", "age")
    most_nodes: int = 5
    takes_part: bool = False
    remainder: str = "none"


@dataclass(frozen=True, slots=True)
class Considered:
    """What became of one candidate, with the reason in words."""

    node: str
    units: int
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a line is served from, in units per node, and why there and no more."""

    key: str
    asked: int
    pieces: tuple[tuple[int, int], ...]
    considered: tuple[Considered, ...]
    reason: str

    @property
    def granted(self) -> int:
        """Units it gets."""
        return sum(units for _, units in self.pieces)


@dataclass(frozen=True, slots=True)
class Substitution:
    """An approved stand-in with stock, best first."""

    sku: str
    node: str
    available: int
    rank: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A claim an allocation made: its order line, node and units."""

    line: str
    node: str
    units: int


@dataclass(frozen=True, slots=True)
class Allocated:
    """The answer to one order line, in units."""

    order: str
    line: str
    requested: int
    granted: int
    pieces: tuple[Piece, ...]
    considered: tuple[Considered, ...]
    reason: str
    is_repeat: bool = False
    backordered: int = 0
    substitutes: tuple[Substitution, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderFact:
    """What one event said of an order line; `units` is what corrections left of it."""

    type: str
    source: str
    line: str
    units: int
    occurred_at: datetime
    channel: str | None
    customer: str | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Queued:
    """What the queue knows of an order line, in units."""

    line: str
    sku: str
    node: str
    channel: str
    customer: str
    units: int
    is_waiting: bool
    allocated: int
    ordered_at: datetime
    promise_at: datetime | None


@dataclass(frozen=True, slots=True)
class SalesLine:
    """One line of a customer's order, the same whatever channel it came through; units."""

    line: str
    item: str
    node: str
    channel: str
    customer: str
    quantity: int
    state: str
    reserved: int
    allocated: int
    shipped: int
    released: int
    backordered: int
    ordered_at: datetime | None
    promise_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    """What another system was told about an order."""

    kind: str
    target: str
    status: str
    queued_at: datetime


@dataclass(frozen=True, slots=True)
class SalesOrder:
    """A customer's order as events and claims make it (EVT-17). `customer` is a token."""

    order: str
    channel: str
    customer: str
    ordered_at: datetime | None
    promise_at: datetime | None
    lines: tuple[SalesLine, ...] = ()
    messages: tuple[Message, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class StaleRefusal:
    """An allocation that was refused because it rested on figures too old."""

    event_id: str
    order: str
    item: str
    refused_at: datetime
    figures_as_of: datetime
    age_s: int
    limit_s: int
    lines: int
