"""What timelines hand out: moments, a whole timeline, one event's page, what an error touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ORDER, PURCHASE_ORDER, TRANSFER, ITEM = "order", "purchase_order", "transfer", "item"
OBJECT_KINDS = (ORDER, PURCHASE_ORDER, TRANSFER, "return", "count", ITEM)
"""What has a timeline."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened to a business object: when it was true and when it was learnt.

    `kind` says which part of the product tells it: event, ledger, claim, count, hold, case,
    run, approval, command, answer, message, audit. `subject` is its row (kind, id), `number` its place in the
    sealed log, if it is an audit entry.
    """

    at: datetime
    learnt_at: datetime
    kind: str
    title: str
    text: str
    subject: tuple[str, str]
    source: str = ""
    correlation_id: str = ""
    number: int | None = None

    @property
    def is_late(self) -> bool:
        """Whether it was learnt noticeably after it was true."""
        return (self.learnt_at - self.at).total_seconds() > 60


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that happened to one business object, in true order; cut at the oldest end."""

    kind: str
    id: str
    moments: tuple[Moment, ...]
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Touched:
    """What used a number that an event proves wrong.

    `since` is when the number became wrong, `until` when it was put right; both are None for an
    event that came in time and corrects nothing. Cases are those that stood meanwhile at its
    places, decisions the approvals given on them, pushes the figures channels acknowledged.
    """

    reason: str
    since: datetime | None
    until: datetime | None
    cases: tuple[Any, ...] = ()
    decisions: tuple[Any, ...] = ()
    pushes: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class EventPage:
    """One event with everything that is known of it. `are_lines_retired` says that it has none
    because the part of the ledger they would be in is gone.
    """

    event: Any
    raw: str
    normalised: Mapping[str, Any]
    lines: tuple[Any, ...]
    count: Any
    claim: Any
    corrects: int | None
    corrected_by: int | None
    audit: Any
    work: tuple[Any, ...]
    caused: tuple[Any, ...] = field(default=())
    are_lines_retired: bool = False
