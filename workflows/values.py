"""What passes between the parts of a workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any


class StepKind(StrEnum):
    """Everything a step can be; a definition is an order of these and nothing else."""

    VALIDATE = "validate"
    DECIDE = "decide"
    APPROVE = "approve"
    ACT = "act"
    CONFIRM = "confirm"


class Verdict(StrEnum):
    """What an approver says."""

    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of a workflow: the kinds of cases it serves and its steps, in order."""

    key: str
    meaning: str
    serves: tuple[str, ...]
    steps: tuple[StepKind, ...]


@dataclass(frozen=True, slots=True)
class Spend:
    """What an approval is about: the action and the money it moves."""

    action: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class Freedom:
    """Whether an action may run without a person, and why or why not, in words."""

    is_free: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of one approval a person decided: the new state, or why it was refused."""

    approval_id: int
    status: str
    code: str = ""
    detail: str = ""

    @property
    def is_done(self) -> bool:
        """Whether the decision was taken."""
        return not self.code

    def as_row(self) -> dict[str, Any]:
        """The row as the bulk API answers it."""
        row: dict[str, Any] = {"approval": self.approval_id, "status": self.status}
        if self.code:
            row |= {"code": self.code, "detail": self.detail}
        return row


@dataclass(frozen=True, slots=True)
class Found:
    """One entry of a run's trace: which step, what it found, the figures it rests on."""

    step: str
    says: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedAdjustment:
    """A change of the book a person asks for, in units; item and node by name."""

    item: str
    node: str
    quantity: int
    reason_code: str
    state: str = "sellable"
    note: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedCorrection:
    """An event to undo; `quantity` is what takes its place, nothing when there is none."""

    event_id: int
    reason: str
    quantity: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedOrder:
    """A transfer (from a node) or a purchase (from a supplier) a person asks for, in units."""

    action: str
    item: str
    node: str
    quantity: int
    reason: str
    from_node: str = ""
    supplier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedResumption:
    """An item that a person wants a channel to show although an exposure rule holds it."""

    item: str
    channel: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedChange:
    """A change of what the ERP owns: of an `item` or a `supplier`, by its code."""

    noun: str
    code: str
    changes: Mapping[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a request rests on: so many units of something, and what one of them costs.

    `obstacle` says why it cannot be done at all; empty when it can.
    """

    what: str
    units: int
    unit_cost: Decimal
    obstacle: str = ""

    def as_row(self) -> dict[str, Any]:
        """As a run keeps it and as approvers read it."""
        return {"what": self.what, "units": self.units, "unit_cost": str(self.unit_cost)}


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """Why stock may be adjusted: up to `limit` at once, unless the reason is sensitive."""

    code: str
    meaning: str
    is_sensitive: bool
    limit: Decimal
    needs_evidence: bool
