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
