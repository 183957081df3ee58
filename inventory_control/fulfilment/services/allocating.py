"""Allocating: choose the nodes that serve order lines and claim there, or only say what would be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import msgspec
from django.db import connection, models

from inventory_control.audit.services import record
from inventory_control.catalog.models import Channel, Item, Node
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.permissions import require
from inventory_control.core.places import Place
from inventory_control.fulfilment import permissions
from inventory_control.fulfilment.errors import StaleFiguresError, UnknownNameError
from inventory_control.fulfilment.rules import allocate, ready_at
from inventory_control.fulfilment.selectors import allocation_policy, node_loads, substitutes_of
from inventory_control.fulfilment.values import (
    ALLOCATIONS,
    Allocated,
    AllocationLine,
    AllocationPolicy,
    Candidate,
    Decision,
    Demand,
    Piece,
)
from inventory_control.stock.selectors import claims_by_key, free_at, positions_of
from inventory_control.stock.services import in_one_transaction, lock_places, post_rows, tell_claims
from inventory_control.stock.values import ClaimTold

_LOADS = """
    INSERT INTO fulfilment_nodeload AS mine (node_id, day, units)
    SELECT node_id, %s, units
      FROM unnest(%s::bigint[], %s::bigint[]) AS told (node_id, units)
     ORDER BY node_id
    ON CONFLICT (node_id, day) DO UPDATE SET units = mine.units + excluded.units
"""
_Model = TypeVar("_Model", bound=models.Model)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What the lines name, looked up: items, channels, nodes, and the nodes of each line."""

    items: Mapping[str, Item]
    channels: Mapping[str, Channel]
    nodes: Mapping[int, Node]
    candidates: Mapping[str, tuple[int, ...]]

    def places(self, lines: Sequence[AllocationLine]) -> set[Place]:
        """Every place a line could be served from."""
        return {
            (self.items[line.sku].pk, node_id)
            for line in lines
            for node_id in self.candidates[line.key]
        }


def allocate_orders(
    lines: Sequence[AllocationLine],
    *,
    commits: bool,
    figures_as_of: datetime | None = None,
    by: Actor,
) -> list[Allocated]:
    """Choose nodes for order lines, by policy, and claim the units there if it `commits`.

    Node capacity is locked before stock, and stock before anything is decided, so two callers
    never get the same unit or the last place of a day. A line allocated before gets its first
    answer again. A line served by several nodes becomes lines of its own (`1.1`, `1.2`). Raises
    `StaleFiguresError` for a decision that rests on figures older than the policy allows, and
    `UnknownNameError` naming the field; then nothing is written.
    """
    require(by, permissions.ALLOCATE)
    policy, name, stale_after = allocation_policy()
    _refuse_stale(figures_as_of, stale_after)
    ground = _ground(lines)

    def decide() -> list[Allocated]:
        loads = _loads(ground, is_locked=commits)
        places = ground.places(lines)
        free = lock_places(places) if commits else free_at(places)
        answers = _known(lines, ground)
        fresh = [line for line in lines if line.key not in answers]
        decisions = allocate(
            [_demand(line, ground) for line in fresh], _candidates(ground, loads), free, policy
        )
        for line, decision in zip(fresh, decisions, strict=True):
            answers[line.key] = _answer(line, decision, ground, policy)
        if commits:
            _commit(fresh, answers, ground, policy_name=name, by=by)
        return _with_substitutes([answers[line.key] for line in lines], lines, ground)

    return in_one_transaction(decide)


def note_stale_figures(
    lines: Sequence[AllocationLine], *, refusal: StaleFiguresError, by: Actor
) -> None:
    """Keep what was refused because its figures were too old, as a failed integration.

    No order is touched: whoever asked reads the figures again. Called by the door that answers
    the refusal, because the refusing transaction keeps nothing.
    """
    told = {
        "type": "integration.failed",
        "source_id": f"{lines[0].key}/{refusal.extra['figures_as_of']}"[:200],
        "occurred_at": clock.now(),
        "reason": StaleFiguresError.code,
        "item": lines[0].sku,
        "order": lines[0].order,
        "note": refusal.detail,
        "attributes": {"lines": len(lines), **refusal.extra},
    }
    post_rows(
        [msgspec.json.encode(told)],
        received_from=ALLOCATIONS,
        may_speak_for=lambda source: source == ALLOCATIONS,
        by=Actor.system(ALLOCATIONS),
        is_ours=True,
    )
    record(
        "allocation.refused",
        subject=("order", lines[0].order),
        by=by,
        data={"code": StaleFiguresError.code, **refusal.extra},
    )


def _refuse_stale(as_of: datetime | None, limit: int) -> None:
    if as_of is None:
        return
    age = int((clock.now() - as_of).total_seconds())
    if age <= limit:
        return
    raise StaleFiguresError(
        f"These figures are {age // 60} min old, the limit is {limit // 60} min. "
        "Read availability again and allocate anew; nothing was cancelled.",
        field="figures_as_of",
        extra={"age_s": age, "limit_s": limit, "figures_as_of": as_of.isoformat()},
    )


def _ground(lines: Sequence[AllocationLine]) -> _Ground:
    items = {one.sku: one for one in Item.objects.filter(sku__in={line.sku for line in lines})}
    channels = {
        one.code: one
        for one in Channel.objects.prefetch_related("nodes").filter(
            code__in={line.channel for line in lines if line.channel}
        )
    }
    named = {
        one.code: one.pk
        for one in Node.objects.filter(code__in={line.node for line in lines if line.node})
    }
    held: dict[int, list[int]] = {}
    for item_id, node_id in positions_of([one.pk for one in items.values()]):
        held.setdefault(item_id, []).append(node_id)
    candidates: dict[str, tuple[int, ...]] = {}
    for place, line in enumerate(lines):
        if line.key in candidates:
            raise UnknownNameError(f"{line.key} comes twice.", field=f"lines[{place}].line")
        item = _named(items, line.sku, f"lines[{place}].item")
        channel = (
            _named(channels, line.channel, f"lines[{place}].channel") if line.channel else None
        )
        if line.node:
            candidates[line.key] = (_named(named, line.node, f"lines[{place}].node"),)
        elif channel is not None:
            candidates[line.key] = tuple(sorted(node.pk for node in channel.nodes.all()))
        else:
            candidates[line.key] = tuple(held.get(item.pk, ()))
    nodes = Node.objects.in_bulk({node_id for one in candidates.values() for node_id in one})
    return _Ground(items, channels, nodes, candidates)


_Found = TypeVar("_Found")


def _named(known: Mapping[str, _Found], name: str, field: str) -> _Found:
    if name not in known:
        raise UnknownNameError(f"Nothing is called {name}.", field=field)
    return known[name]


def _known(lines: Sequence[AllocationLine], ground: _Ground) -> dict[str, Allocated]:
    """What earlier calls allocated to lines, whole or in pieces, or others reserved for them."""
    keys = {
        line.key: [
            line.key,
            *(f"{line.key}.{number + 1}" for number in range(len(ground.candidates[line.key]))),
        ]
        for line in lines
    }
    claimed = claims_by_key(key for one in keys.values() for key in one)
    known: dict[str, Allocated] = {}
    for line in lines:
        mine = [claimed[key] for key in keys[line.key] if key in claimed]
        pieces = tuple(
            Piece(one.key.removeprefix(f"{line.order}/"), one.node, one.committed - one.released)
            for one in mine
            if one.committed > one.released
        )
        if mine:
            known[line.key] = Allocated(
                order=line.order,
                line=line.line,
                requested=line.quantity,
                granted=sum(piece.units for piece in pieces),
                pieces=pieces,
                considered=(),
                reason="Claimed before.",
                is_repeat=True,
            )
    return known


def _loads(ground: _Ground, *, is_locked: bool) -> dict[int, int]:
    """Units each node of limited capacity took on today."""
    limited = sorted(pk for pk, node in ground.nodes.items() if node.daily_capacity is not None)
    if limited and is_locked:
        _add_loads(dict.fromkeys(limited, 0))
    return node_loads(limited, clock.now().date(), is_locked=is_locked)


def _add_loads(units: Mapping[int, int]) -> None:
    if not units:
        return
    with connection.cursor() as cursor:
        cursor.execute(_LOADS, [clock.now().date(), list(units), list(units.values())])


def _candidates(ground: _Ground, loads: Mapping[int, int]) -> dict[int, Candidate]:
    now = clock.now()
    return {
        pk: Candidate(
            node_id=pk,
            code=node.code,
            ready_at=ready_at(
                now, ready_hours=node.ready_hours, closed_weekdays=node.closed_weekdays
            ),
            capacity=node.daily_capacity,
            used=loads.get(pk, 0),
        )
        for pk, node in ground.nodes.items()
    }


def _demand(line: AllocationLine, ground: _Ground) -> Demand:
    channel = ground.channels.get(line.channel)
    return Demand(
        key=line.key,
        item_id=ground.items[line.sku].pk,
        units=line.quantity,
        nodes=ground.candidates[line.key],
        priority=channel.priority if channel else 100,
        margin=channel.margin if channel else None,
        is_premium=line.is_premium,
        ordered_at=line.ordered_at,
        promise_at=line.promise_at,
    )


def _answer(
    line: AllocationLine, decision: Decision, ground: _Ground, policy: AllocationPolicy
) -> Allocated:
    is_split = len(decision.pieces) > 1
    short = decision.asked - decision.granted
    return Allocated(
        order=line.order,
        line=line.line,
        requested=decision.asked,
        granted=decision.granted,
        pieces=tuple(
            Piece(f"{line.line}.{number}" if is_split else line.line, ground.nodes[pk].code, units)
            for number, (pk, units) in enumerate(decision.pieces, 1)
        ),
        considered=decision.considered,
        reason=decision.reason,
        backordered=short if policy.remainder == "backorder" and ground.candidates[line.key] else 0,
    )


def _commit(
    lines: Sequence[AllocationLine],
    answers: Mapping[str, Allocated],
    ground: _Ground,
    *,
    policy_name: str,
    by: Actor,
) -> None:
    """Claim what was decided, count it against the nodes' day, and queue what is left over."""
    ids = {node.code: pk for pk, node in ground.nodes.items()}
    told: list[ClaimTold] = []
    taken: dict[int, int] = {}
    for line in lines:
        answer, item_id = answers[line.key], ground.items[line.sku].pk
        for piece in answer.pieces:
            node_id = ids[piece.node]
            if ground.nodes[node_id].daily_capacity is not None:
                taken[node_id] = taken.get(node_id, 0) + piece.units
            told.append(_claim(line, piece.line, (item_id, node_id), piece.units))
        if answer.backordered:
            at = item_id, ground.candidates[line.key][0]
            told.append(
                replace(
                    _claim(line, line.line, at, answer.backordered),
                    kind="order.backordered",
                    name=f"{line.key}/backordered",
                )
            )
    tell_claims(told, source=ALLOCATIONS, by=by)
    _add_loads(dict(sorted(taken.items())))
    _record([answers[line.key] for line in lines], policy_name, by)


def _record(answers: Sequence[Allocated], policy_name: str, by: Actor) -> None:
    if not answers:
        return
    record(
        "allocation.decided",
        subject=("order", answers[0].order),
        by=by,
        data={
            "policy": policy_name,
            "lines": [
                {"line": f"{one.order}/{one.line}", "units": one.granted, "reason": one.reason}
                for one in answers[:100]
            ],
        },
    )


def _claim(line: AllocationLine, name: str, place: Place, units: int) -> ClaimTold:
    return ClaimTold(
        kind="allocation.created",
        order=line.order,
        line=name,
        place=place,
        quantity=units,
        name=f"{line.order}/{name}",
        channel=line.channel,
        customer=line.customer,
        due_at=line.promise_at,
        attributes={
            "requested": line.quantity,
            "service": "premium" if line.is_premium else "standard",
        },
    )


def _with_substitutes(
    answers: Sequence[Allocated], lines: Sequence[AllocationLine], ground: _Ground
) -> list[Allocated]:
    """Propose approved stand-ins with stock for lines that could not be served whole."""
    short = {
        place: (
            ground.items[line.sku].pk,
            line.quantity - answer.granted,
            ground.candidates[line.key],
        )
        for place, (line, answer) in enumerate(zip(lines, answers, strict=True))
        if answer.granted < line.quantity and not answer.is_repeat
    }
    if not short:
        return list(answers)
    proposed = substitutes_of(_wanted(short.values()))
    return [
        replace(answer, substitutes=tuple(proposed.get(short[place][0], ())))
        if place in short
        else answer
        for place, answer in enumerate(answers)
    ]


def _wanted(
    short: Iterable[tuple[int, int, tuple[int, ...]]],
) -> dict[int, tuple[int, frozenset[int]]]:
    """Per item the fewest units that would help, and the nodes they may come from."""
    wanted: dict[int, tuple[int, frozenset[int]]] = {}
    for item_id, units, nodes in short:
        fewest, anywhere = wanted.get(item_id, (units, frozenset[int]()))
        wanted[item_id] = (min(fewest, units), anywhere | set(nodes))
    return wanted
