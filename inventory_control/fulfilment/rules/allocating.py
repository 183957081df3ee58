"""Allocation: whose turn it is, which node serves, and in words why it is so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from inventory_control.core.places import Place
from inventory_control.fulfilment.values import (
    AllocationPolicy,
    Candidate,
    Considered,
    Decision,
    Demand,
)

_LAST = datetime.max.replace(tzinfo=UTC)


def allocate(
    demands: Sequence[Demand],
    nodes: Mapping[int, Candidate],
    free: Mapping[Place, int | None],
    policy: AllocationPolicy,
) -> list[Decision]:
    """Give each demand its nodes, the first in rank first; decisions in the order of the demands.

    `free` holds the units that may be promised at each place, None where it is frozen. Units and
    capacity that one demand takes are gone for the next.
    """
    floor = _Floor(nodes, dict(free), {one.node_id: one.used for one in nodes.values()})
    turns = sorted(demands, key=lambda one: (*_rank(one, policy), one.key))
    decided = {one.key: _decide(one, floor, policy) for one in turns}
    return [decided[one.key] for one in demands]


def ready_at(now: datetime, *, ready_hours: int, closed_weekdays: Collection[int]) -> datetime:
    """When an order taken now leaves a node: its hours on, and not on a day it is closed."""
    at = now + timedelta(hours=ready_hours)
    if len(set(closed_weekdays)) >= 7:
        return _LAST
    while at.isoweekday() in closed_weekdays:
        at += timedelta(days=1)
    return at


@dataclass(slots=True)
class _Floor:
    """What is still to be had while demands are served one by one."""

    nodes: Mapping[int, Candidate]
    free: dict[Place, int | None]
    used: dict[int, int]
    takers: dict[Place, list[Demand]] = field(default_factory=dict)

    def usable(self, demand: Demand, node_id: int) -> int:
        """Units a node could give the demand, within its stock and its day."""
        units = self.free.get((demand.item_id, node_id)) or 0
        capacity = self.nodes[node_id].capacity
        return max(0, units if capacity is None else min(units, capacity - self.used[node_id]))

    def refusal(self, demand: Demand, node_id: int) -> str:
        """Why a node cannot serve the demand at all; empty when it can."""
        node, place = self.nodes[node_id], (demand.item_id, node_id)
        if place in self.free and self.free[place] is None:
            return "frozen"
        if demand.promise_at is not None and node.ready_at > demand.promise_at:
            return f"{_clock(node.ready_at, demand.promise_at)} after promise " + _clock(
                demand.promise_at, node.ready_at
            )
        if node.capacity is not None and self.used[node_id] >= node.capacity:
            return f"capacity {self.used[node_id]} of {node.capacity} used"
        if self.usable(demand, node_id) == 0:
            return "none available"
        return ""

    def take(self, demand: Demand, node_id: int, units: int) -> None:
        place = demand.item_id, node_id
        self.free[place] = (self.free[place] or 0) - units
        self.used[node_id] += units
        self.takers.setdefault(place, []).append(demand)


def _decide(demand: Demand, floor: _Floor, policy: AllocationPolicy) -> Decision:
    considered: list[Considered] = []
    usable: dict[int, int] = {}
    for node_id in demand.nodes:
        code = floor.nodes[node_id].code
        if refusal := floor.refusal(demand, node_id):
            considered.append(Considered(code, 0, f"{code} rejected: {refusal}"))
        else:
            usable[node_id] = floor.usable(demand, node_id)
    pieces = _pieces(demand, usable, floor, policy)
    taken = dict(pieces)
    for node_id, units in usable.items():
        node = floor.nodes[node_id]
        considered.append(
            Considered(
                node.code,
                taken.get(node_id, 0),
                f"{node.code} chosen: {taken[node_id]} of {units} available, "
                f"ready {node.ready_at:%d %b %H:%M}"
                if node_id in taken
                else f"{node.code} not needed: {units} available, "
                f"ready {node.ready_at:%d %b %H:%M}",
            )
        )
    reason = _reason(demand, sum(taken.values()), floor, policy)
    for node_id, units in pieces:
        floor.take(demand, node_id, units)
    return Decision(demand.key, demand.units, pieces, tuple(considered), reason)


def _pieces(
    demand: Demand, usable: Mapping[int, int], floor: _Floor, policy: AllocationPolicy
) -> tuple[tuple[int, int], ...]:
    """The nodes that serve: one that has it all, the soonest first, or else as few as possible."""

    def preference(node_id: int) -> tuple[object, ...]:
        node, units = floor.nodes[node_id], usable[node_id]
        is_whole = units >= demand.units
        return (
            not is_whole,
            node.ready_at if is_whole else -units,
            -units if is_whole else node.ready_at,
            node.code,
        )

    ranked = sorted(usable, key=preference)
    pieces: list[tuple[int, int]] = []
    left = demand.units
    for node_id in ranked[: max(1, policy.most_nodes)]:
        if left == 0:
            break
        units = min(left, usable[node_id])
        pieces.append((node_id, units))
        left -= units
    return tuple(pieces) if left == 0 or policy.takes_part else ()


def _reason(demand: Demand, granted: int, floor: _Floor, policy: AllocationPolicy) -> str:
    said = f"{granted} of {demand.units}: {_standing(demand, policy)}"
    if granted == demand.units:
        return said
    earlier = [
        one for node_id in demand.nodes for one in floor.takers.get((demand.item_id, node_id), ())
    ]
    return f"{said}; {_before(earlier[0], demand, policy)}" if earlier else said


def _standing(demand: Demand, policy: AllocationPolicy) -> str:
    words = {
        "priority": f"channel priority {demand.priority}",
        "service": "premium" if demand.is_premium else "standard",
        "margin": f"margin {demand.margin}" if demand.margin is not None else "margin unknown",
        "age": f"ordered {demand.ordered_at:%d %b %H:%M}" if demand.ordered_at else "ordered now",
    }
    return ", ".join(words[name] for name in policy.order_by)


def _before(first: Demand, then: Demand, policy: AllocationPolicy) -> str:
    """Why one demand came before another: the first thing in which they differ."""
    words = {
        "priority": f"channel priority {first.priority} comes before {then.priority}",
        "service": "premium comes before standard",
        "margin": f"margin {first.margin} comes before {then.margin}",
        "age": "it was ordered earlier",
    }
    ranks = zip(policy.order_by, _rank(first, policy), _rank(then, policy), strict=True)
    why = next((words[name] for name, one, other in ranks if one != other), "it was named first")
    return f"{first.key} went first: {why}"


def _rank(demand: Demand, policy: AllocationPolicy) -> tuple[object, ...]:
    ranks: Mapping[str, object] = {
        "priority": demand.priority,
        "service": not demand.is_premium,
        "margin": (demand.margin is None, -(demand.margin or 0)),
        "age": demand.ordered_at or _LAST,
    }
    return tuple(ranks[name] for name in policy.order_by)


def _clock(at: datetime, beside: datetime) -> str:
    """A moment as short as it can be told beside another."""
    return f"{at:%H:%M}" if at.date() == beside.date() else f"{at:%d %b %H:%M}"
