"""States as data: which moves are lawful, and nothing else.

A model with a state declares its `Flow` in `states.py`; `audit.services.advance` is the only
function that changes the state, under a lock and with an audit entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import models

from inventory_control.core.errors import IllegalMove
from inventory_control.core.tenancy import TenantModel


class Flow:
    """The lawful moves of one kind of row, as a table from state to the states it may reach.

    Every state is a key; a state that reaches nothing is final. The first key is where a row
    begins.
    """

    def __init__(self, moves: Mapping[str, frozenset[str]]) -> None:
        unknown = {to for reached in moves.values() for to in reached} - set(moves)
        if unknown:
            raise ValueError(f"moves lead to undeclared states: {sorted(unknown)}")
        self._moves = {str(state): frozenset(map(str, reached)) for state, reached in moves.items()}
        self.first = next(iter(self._moves))

    @property
    def states(self) -> tuple[str, ...]:
        """All states, in the order they were declared."""
        return tuple(self._moves)

    @property
    def final(self) -> frozenset[str]:
        """The states nothing leaves."""
        return frozenset(state for state, reached in self._moves.items() if not reached)

    def moves_from(self, state: str) -> frozenset[str]:
        """The states a row may go to next; empty when it is final."""
        return self._moves[state]

    def check(self, state: str, to: str, *, noun: str = "row") -> None:
        """Refuse an unlawful move; raises `IllegalMove` with the moves there are."""
        if to in self._moves.get(state, frozenset()):
            return
        reached = ", ".join(sorted(self._moves.get(state, frozenset()))) or "nothing, it is final"
        raise IllegalMove(
            f"This {noun} is {state} and cannot become {to}. From here it may become: {reached}.",
            extra={"state": state, "to": to},
        )


class Stateful(TenantModel):
    """A row with a governed state: `status` moves only through `audit.services.advance`.

    Subclasses set `flow` and declare `status` with the choices of their enum, plus a CHECK
    constraint on its values (`status_in`).
    """

    flow: Flow

    class Meta(TenantModel.Meta):
        abstract = True

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to this row any more."""
        return not self.flow.moves_from(self.status_value)

    @property
    def status_value(self) -> str:
        """The present state as plain text."""
        return str(self.status)  # type: ignore[attr-defined]  # declared by every subclass


def status_in(states: Iterable[str], *, name: str) -> models.CheckConstraint:
    """The CHECK constraint that keeps a status column to the declared states."""
    return models.CheckConstraint(condition=models.Q(status__in=[*states]), name=name)
