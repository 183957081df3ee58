"""What a replay plays: master data, then stretches of facts in time order. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

SOURCE = "replay"
"""Speaks for each row exactly once, so that rows can be counted in the database."""
REST = "replay.rest"
"""What else a row caused: the lost part of a line, a release, an inspection."""
OPENING = "replay.opening"
"""The balances that exactly cover the history, and what each item holds at the live start."""
LAUNCH = "replay.launch"
"""The balances of items first seen after the live start."""
NOT_APPLICABLE = "return_of_lost_line"
"""The reason of a signal that stands for a return of goods that were never shipped."""

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fact:
    """An event that is sent as it is."""

    body: Body


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand line: a reservation is asked for, what is granted ships, the rest is lost."""

    order: str
    line: str
    item: str
    node: str
    channel: str
    quantity: int
    occurred_at: datetime
    customer: str = ""

    @property
    def key(self) -> str:
        """The key of the line, and the id of the event that stands for its row."""
        return f"{self.order}/{self.line}"


@dataclass(frozen=True, slots=True)
class Reversal:
    """An entry error taken back: neither demand nor a physical return."""

    key: str
    of: Demand
    is_live: bool
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Return:
    """Goods that come back; `of` is the line they were sold by, when it is known and live."""

    key: str
    of: Demand | None
    item: str
    node: str
    quantity: int
    occurred_at: datetime
    customer: str = ""


Entry = Fact | Demand | Reversal | Return


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some time and what happened in it: one open day when live, more in the history."""

    starts_at: datetime
    ends_at: datetime
    is_live: bool
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Master data as the API takes it."""

    suppliers: tuple[Body, ...]
    nodes: tuple[Body, ...]
    items: tuple[Body, ...]
    channels: tuple[Body, ...]
    item_nodes: tuple[Body, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """A whole retailer: `digest` tells two scripts apart, `rows` is what must be accounted for.

    The customers of the channel `tells` are told by it what of their orders was cancelled.
    """

    name: str
    digest: str
    catalog: Catalog
    stretches: tuple[Stretch, ...]
    rows: int
    tells: str = ""

    @property
    def starts_at(self) -> datetime:
        """When the first fact may lie."""
        return self.stretches[0].starts_at

    @property
    def live_from(self) -> datetime:
        """When the product takes over; all before is history."""
        return next((one.starts_at for one in self.stretches if one.is_live), self.starts_at)


def midnight(day: date) -> datetime:
    """The first moment of a day, UTC."""
    return datetime.combine(day, time(), UTC)


def received_and_inspected(
    *,
    key: str,
    item: str,
    node: str,
    quantity: int,
    occurred_at: datetime,
    customer: str,
    to_state: str = "sellable",
) -> tuple[Body, Body]:
    """A return, and its inspection two hours later."""
    received: dict[str, Any] = {
        "type": "return.received",
        "source": SOURCE,
        "source_id": key,
        "occurred_at": occurred_at,
        "item": item,
        "node": node,
        "quantity": quantity,
    }
    if customer:
        received["customer"] = customer
    inspected = {
        "type": "return.inspected",
        "source": REST,
        "source_id": f"{key}/inspected",
        "occurred_at": occurred_at + timedelta(hours=2),
        "item": item,
        "node": node,
        "quantity": quantity,
        "to_state": to_state,
    }
    return received, inspected
