"""What passes between the rules, services and readers of reconciliation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

SYSTEMS = ("erp", "oms", "wms", "pos")
"""The systems that hold stock figures; every other name is a channel's code."""
LEDGER = "ledger"
"""Who speaks where our own number stands beside theirs."""
ON_HAND, AVAILABLE = "on_hand", "available"
"""Measures besides the physical states: all that lies there, and what may be sold."""

Key = tuple[str, int, int | None, str]
"""Whose number of what: system, item id, node id (None: over all), state."""


@dataclass(frozen=True, slots=True)
class Material:
    """From where on a difference matters: any limit that is reached. None never matters."""

    units: int | None = None
    value: Decimal | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class SystemTerms:
    """What policy says of one system.

    `measure` is what its number counts where a report does not say. It posts up to `lag` late:
    a number as of ten may be that of any moment back to ten less the lag. `owner` is the role
    that settles its discrepancies.
    """

    measure: str
    lag: timedelta
    owner: str
    material: Material


@dataclass(frozen=True, slots=True)
class Terms:
    """The policy of reconciliation as rules and services read it."""

    interval: timedelta
    systems: Mapping[str, SystemTerms]
    channels: SystemTerms
    recount_freezes: bool
    approval_above: Decimal | None
    late_after: timedelta

    def of(self, system: str) -> SystemTerms:
        """The terms of a system, or those of channels."""
        return self.systems.get(system, self.channels)


@dataclass(frozen=True, slots=True)
class Ours:
    """Our number for a report: as it is now, and what changed it lately, in units.

    `since` is the sum of changes after the report's moment; `within` are the changes inside the
    system's lag before it, newest first. A channel's figure is never published below zero.
    """

    now: int
    since: int = 0
    within: tuple[int, ...] = ()
    is_floored: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """A report against the ledger, in units: `reported - now = explained + unexplained`.

    `then` is the ledger's number at the moment the report speaks of.
    """

    reported: int
    now: int
    then: int

    @property
    def raw(self) -> int:
        """The difference as it looks."""
        return self.reported - self.now

    @property
    def explained(self) -> int:
        """The part that what happened meanwhile explains."""
        return self.then - self.now

    @property
    def unexplained(self) -> int:
        """The part nothing explains."""
        return self.reported - self.then


@dataclass(frozen=True, slots=True)
class Reported:
    """The last word of a system on an item, as a comparison reads it."""

    system: str
    item_id: int
    sku: str
    unit_cost: Decimal
    node_id: int | None
    node: str
    state: str
    quantity: int
    as_of: datetime
    received_at: datetime

    @property
    def key(self) -> Key:
        """Whose number of what."""
        return (self.system, self.item_id, self.node_id, self.state)


@dataclass(frozen=True, slots=True)
class Judged:
    """One report compared: the gap, its money, and whether it matters."""

    report: Reported
    gap: Gap
    value: Decimal
    is_material: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known around a discrepancy, from which its causes are read. Units.

    `late` came more than the tolerated time after it happened, `refused` are open dead letters
    that name the item, `repeated` deliveries we dropped as known, `uninspected` returns.
    """

    late_events: int = 0
    late_units: int = 0
    refused: int = 0
    refused_unmapped: int = 0
    conflicts: int = 0
    repeated: int = 0
    uninspected: int = 0
    in_transit: int = 0
    claimed: int = 0
    counts_pending: int = 0
    earlier: int = 0


@dataclass(frozen=True, slots=True)
class Cause:
    """A candidate for why two numbers differ. An exact one accounts for every unit."""

    code: str
    words: str
    units: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What one system last said of an item at a place, beside the ledger's number.

    `off` is what time does not explain; `is_odd` marks who stands against the others.
    """

    system: str
    quantity: int
    measure: str
    as_of: datetime
    received_at: datetime | None
    off: int
    is_odd: bool = False


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer on its way to a place or not yet released."""

    number: str
    from_node: str
    to_node: str
    quantity: int
    shipped: int
    status: str


@dataclass(frozen=True, slots=True)
class MismatchLine:
    """One live discrepancy of a mismatch."""

    discrepancy_id: int
    system: str
    reported: int
    ledger: int
    explained: int
    unexplained: int
    value: Decimal
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Everything that disagrees about an item at one place: one risk, whoever says it.

    `node_id` is None where the numbers are about several nodes. `owner` is a member's public id,
    empty when nobody holds the role.
    """

    item_id: int
    sku: str
    node_id: int | None
    where: str
    owner: str
    owner_role: str
    lines: tuple[MismatchLine, ...]
    said: tuple[Said, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    causes: tuple[Cause, ...] = ()
    is_oversold: bool = False

    @property
    def worst(self) -> MismatchLine:
        """The line with the most units in doubt: several systems may doubt the same units."""
        return max(self.lines, key=lambda line: (abs(line.unexplained), line.value))

    @property
    def reference(self) -> str:
        """The document a case names: its oldest discrepancy."""
        return f"RC-{min(line.discrepancy_id for line in self.lines)}"


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A control total that does not tie: what a source sent and what is here."""

    total_id: int
    source: str
    direction: str
    type: str
    since: datetime
    until: datetime
    expected: int
    received: int
    missing: tuple[str, ...] = ()
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Declaration:
    """How many messages of a type a source says it sent (or took) in [since, until)."""

    source: str
    direction: str
    type: str
    since: datetime
    until: datetime
    expected: int
    declared_at: datetime
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trend:
    """How far a system was off over some time: latest run, mean, and runs with a difference."""

    system: str
    runs: int
    off_runs: int
    units: int
    value: Decimal
    points: tuple[tuple[datetime, int], ...] = field(default_factory=tuple)
