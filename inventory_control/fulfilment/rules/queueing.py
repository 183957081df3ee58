"""The queue of backorders: whose turn it is, what is kept for them, and when they can be served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from inventory_control.fulfilment.values import Expected, QueuePolicy, Served, Waiting


def units_wanted(asked: Sequence[tuple[int, int]], excess: int) -> list[int]:
    """What the backorders of one order line still want, from (asked, allocated) of each.

    `excess` units of the line were shipped or cancelled beyond what was ever committed to it:
    the line wants so many fewer, and the latest backorder gives them up first.
    """
    wanted = [max(0, units - allocated) for units, allocated in asked]
    for place in range(len(wanted) - 1, -1, -1):
        given_up = min(wanted[place], excess)
        wanted[place] -= given_up
        excess -= given_up
    return wanted


def in_turn(queue: Sequence[Waiting], policy: QueuePolicy) -> list[Waiting]:
    """The queue in the order the policy serves it; who came first breaks every tie."""

    def turn(one: Waiting) -> tuple[object, ...]:
        ranks: Mapping[str, object] = {"service": not one.is_premium, "age": one.ordered_at}
        return (*(ranks[name] for name in policy.order_by), one.ordered_at, one.id)

    return sorted(queue, key=turn)


def serve(queue: Sequence[Waiting], supply: int, policy: QueuePolicy) -> Served:
    """Serve the queue from so many units, strictly in turn.

    Nobody overtakes a head of the queue that cannot be served whole: what is left is kept for it
    or, if the policy says so, given up for sale.
    """
    left = max(0, supply)
    given: list[tuple[int, int]] = []
    waiting: list[Waiting] = []
    for one in in_turn(queue, policy):
        units = 0
        if not waiting:
            units = one.units if one.units <= left else (left if policy.takes_part else 0)
        if units:
            given.append((one.id, units))
            left -= units
        if units < one.units:
            waiting.append(replace(one, units=one.units - units))
    wanted = sum(one.units for one in waiting)
    return Served(
        given=tuple(given),
        waiting=tuple(waiting),
        kept=min(left, wanted) if policy.keeps_remainder else 0,
    )


def promise_dates(
    waiting: Sequence[Waiting], kept: int, supply: Sequence[Expected], *, ready: timedelta
) -> dict[int, datetime]:
    """When each of a queue, in turn, can be served from what is kept and what is expected.

    The moment is that of the delivery that completes it, plus what the node needs to send it on.
    Those whom no known supply will serve are missing: nobody is promised a date out of thin air.
    """
    promised: dict[int, datetime] = {}
    coming = sorted(supply, key=lambda one: one.at)
    there, place = kept, 0
    at: datetime | None = None
    for one in waiting:
        while there < one.units and place < len(coming):
            there += coming[place].units
            at = coming[place].at
            place += 1
        if there < one.units or at is None:
            break
        there -= one.units
        promised[one.id] = at + ready
    return promised


def standing(one: Waiting, policy: QueuePolicy) -> str:
    """What gives one its turn, in words: what the policy looks at, first things first."""
    words = {
        "service": "premium" if one.is_premium else "standard",
        "age": f"ordered {one.ordered_at:%-d %b %H:%M}",
    }
    return ", ".join(words[name] for name in policy.order_by)


def why_waits(queue: Sequence[Waiting], kept: int, policy: QueuePolicy) -> list[str]:
    """Why each of a queue, in turn, still waits: what is short for the first, then who is before.

    `kept` units are there for the head of the queue already.
    """
    said: list[str] = []
    for place, one in enumerate(queue):
        if place:
            said.append(f"{_before(queue[place - 1], one, policy)}")
        elif kept and not policy.takes_part:
            said.append(f"next in turn; {kept:,} of {one.units:,} are kept, it is served whole")
        else:
            said.append("next in turn; nothing is free")
    return said


def _before(first: Waiting, then: Waiting, policy: QueuePolicy) -> str:
    """Why one comes before another: the first thing in which they differ."""
    for name in policy.order_by:
        if name == "service" and first.is_premium != then.is_premium:
            return "the one before is premium"
        if name == "age" and first.ordered_at != then.ordered_at:
            return "the one before was ordered earlier"
    return "the one before was taken in earlier"
