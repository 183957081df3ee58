"""What passes between the parts of a workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

CENT = Decimal("0.01")


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
class WantedMarkdown:
    """A lower price a person proposes for an aged item, in the tenant's currency, and why."""

    item: str
    price: Decimal
    currency: str
    reason: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Markdown:
    """A proposed price beside the present one, and what it does to the margin.

    The margin of the units on hand is units x (price - cost of one): `margin_now` at the present
    price, `margin_after` at the proposed one. `margin_effect` is the difference, units x
    (proposed - present): what is given up if every unit would have sold at the present price
    too, so the most it can cost. Money of `currency`.
    """

    units: int
    price: Decimal
    proposed: Decimal
    unit_cost: Decimal
    currency: str

    @property
    def margin_now(self) -> Decimal:
        """The margin of the units at the present price."""
        return (self.units * (self.price - self.unit_cost)).quantize(CENT)

    @property
    def margin_after(self) -> Decimal:
        """The margin of the units at the proposed price; below zero when it is below the cost."""
        return (self.units * (self.proposed - self.unit_cost)).quantize(CENT)

    @property
    def margin_effect(self) -> Decimal:
        """What the proposal changes, never above zero."""
        return (self.units * (self.proposed - self.price)).quantize(CENT)

    def as_row(self) -> dict[str, Any]:
        """As the API, the audit log and the pricing system read it: money as text."""
        return {
            "units": self.units,
            "price": str(self.price),
            "proposed_price": str(self.proposed),
            "currency": self.currency,
            "margin_now": str(self.margin_now),
            "margin_after": str(self.margin_after),
            "margin_effect": str(self.margin_effect),
        }


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

    `unit_price` is what one sells for, where that matters. `obstacle` says why it cannot be done
    at all; empty when it can.
    """

    what: str
    units: int
    unit_cost: Decimal
    obstacle: str = ""
    unit_price: Decimal | None = None

    def as_row(self) -> dict[str, Any]:
        """As a run keeps it and as approvers read it."""
        row = {"what": self.what, "units": self.units, "unit_cost": str(self.unit_cost)}
        return row if self.unit_price is None else {**row, "unit_price": str(self.unit_price)}


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """Why stock may be adjusted: up to `limit` at once, unless the reason is sensitive."""

    code: str
    meaning: str
    is_sensitive: bool
    limit: Decimal
    needs_evidence: bool
