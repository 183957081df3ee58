"""The product's own advisors, by key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ai_advice.advisors.replenishment import Replenishment
from ai_advice.values import Question, Recommendation, Terms
from inventory_control.core.registry import Registry


class Advisor(Protocol):
    """What every advisor shows: its key, meaning and method, and an answer per question."""

    key: str
    meaning: str
    model_version: str

    def advise(self, asked: Sequence[Question], terms: Terms) -> list[Recommendation]:
        """One recommendation per question, in order."""
        ...


ADVISORS: Registry[Advisor] = Registry("advisor", Replenishment())

__all__ = ["ADVISORS", "Advisor"]
