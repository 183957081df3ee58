"""What passes between the queue of backorders, allocation and its rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A backorder as the rule sees it: units still wanted, and what decides its turn."""

    id: int
    units: int
    is_premium: bool
    ordered_at: datetime


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
