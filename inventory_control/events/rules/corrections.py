"""Which of the corrections of one fact stands, whatever order they came in (D3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from inventory_control.events.values import Stated

_NEWEST = 2**63


def standing(said: Sequence[Stated], *, fact_id: int) -> Stated | None:
    """The correction that says what stands of a fact, or None where the fact stands as told.

    A quantity states what is right of the fact, whichever correction of it is named; of several
    the last by source time stands, and always one after what it names. A correction without a
    quantity withdraws what it names: the fact, which then never happened, or another correction,
    which then counts as never sent, so that what stood before it stands again.
    """
    # Whatever names a correction was posted after it and has the higher id.
    ordered = sorted(said, key=lambda one: one.event_id or _NEWEST)
    withdrawn: set[int] = set()
    for one in reversed(ordered):
        if one.quantity is None and one.event_id not in withdrawn:
            withdrawn.add(one.about_id)
    ranks: dict[int, tuple[datetime, int]] = {}
    last: tuple[tuple[datetime, int, str, str], Stated] | None = None
    for one in ordered:
        at, depth = ranks.get(one.about_id, (one.occurred_at, 0))
        rank = (max(at, one.occurred_at), depth + 1)
        if one.event_id is not None:
            ranks[one.event_id] = rank
        says_nothing = one.quantity is None and one.about_id != fact_id
        if one.event_id in withdrawn or says_nothing:
            continue
        place = (*rank, one.source, one.source_id)
        if last is None or place > last[0]:
            last = (place, one)
    return last[1] if last else None
