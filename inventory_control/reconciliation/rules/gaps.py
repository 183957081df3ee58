"""How far a report is from the ledger, what time explains of it, and who is the odd one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import accumulate

from inventory_control.reconciliation.values import (
    AVAILABLE,
    ON_HAND,
    Gap,
    Judged,
    Material,
    Ours,
    Reported,
    Said,
)

PHYSICAL = ("received", "quarantined", "sellable", "refurbishable", "damaged", "vendor_return")
CENT = Decimal("0.01")


def states_of(measure: str) -> tuple[tuple[str, int], ...]:
    """The accounts a measure is the sum of, each with its sign.

    What may be sold is what is sellable less what is claimed.
    """
    if measure == ON_HAND:
        return tuple((state, 1) for state in PHYSICAL)
    if measure == AVAILABLE:
        return (("sellable", 1), ("claimed", -1))
    return ((measure, 1),)


def gap_of(reported: int, ours: Ours) -> Gap:
    """The report against our number at the moment it speaks of.

    A system that posts late may speak of any moment within its lag: the one that leaves the
    least unexplained is taken, and of equal ones the latest, which assumes least.
    """
    numbers = [ours.now - moved for moved in accumulate((ours.since, *ours.within))]
    now = ours.now
    if ours.is_floored:
        now, numbers = max(0, now), [max(0, number) for number in numbers]
    then = min(numbers, key=lambda number: abs(reported - number))
    return Gap(reported=reported, now=now, then=then)


def judge(report: Reported, ours: Ours, material: Material) -> Judged:
    """Compare one report: its gap, the money at cost, and whether any limit is reached."""
    gap = gap_of(report.quantity, ours)
    units = abs(gap.unexplained)
    value = (units * report.unit_cost).quantize(CENT)
    is_material = units > 0 and (
        (material.units is not None and units >= material.units)
        or (material.value is not None and value >= material.value)
        or (material.share is not None and units >= material.share * max(1, abs(gap.then)))
    )
    return Judged(report, gap, value, is_material)


def odd_ones(said: Sequence[Said]) -> list[Said]:
    """Mark whoever stands against the others, the ledger included as a `Said` that is off by 0.

    With a majority those outside it are odd, be it the ledger; without one the ledger is the
    reference, because only it can show every line behind its number.
    """
    if len(said) < 2:
        return list(said)
    votes: Mapping[int, int] = Counter(one.off for one in said)
    most = max(votes.values())
    agreed = [off for off, count in votes.items() if count == most]
    right = agreed[0] if len(agreed) == 1 and most * 2 > len(said) else 0
    return [replace(one, is_odd=one.off != right) for one in said]
