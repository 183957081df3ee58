"""History: what an item must have shown before a number is given for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AbstainReason(StrEnum):
    """Why no number is given."""

    TOO_FEW_DAYS = "too_few_days"
    TOO_FEW_SALES = "too_few_sales"


@dataclass(frozen=True, slots=True)
class HistoryMinimum:
    """In-stock open days, and days with demand among them, below which advice abstains.

    28 days hold two windows of a two-week protection period; with 6 days of demand the level is
    already uncertain by about 40 %. Both are choices, not measurements: the measured back-test
    holds only items with 20 days of demand and more.
    """

    days: int = 28
    nonzero_days: int = 6


@dataclass(frozen=True, slots=True)
class Abstained:
    """No advice: history is too short. Carries what there is and what is needed, no estimate."""

    reason: AbstainReason
    history_days: int
    nonzero_days: int
    minimum: HistoryMinimum


DEFAULT_MINIMUM = HistoryMinimum()


def abstention(
    history_days: int, nonzero_days: int, minimum: HistoryMinimum = DEFAULT_MINIMUM
) -> Abstained | None:
    """The abstention a history calls for, or None where it suffices."""
    if history_days < minimum.days:
        reason = AbstainReason.TOO_FEW_DAYS
    elif nonzero_days < minimum.nonzero_days:
        reason = AbstainReason.TOO_FEW_SALES
    else:
        return None
    return Abstained(reason, history_days, nonzero_days, minimum)
