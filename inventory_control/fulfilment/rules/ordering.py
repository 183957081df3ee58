"""A customer's order as its events, claims and backorders make it, whatever channel it came by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from inventory_control.fulfilment.values import Message, OrderFact, Queued, SalesLine, SalesOrder

QUEUE = "backorders"
"""Whose allocations serve backorders: their units were asked for before."""
_ASKING = frozenset(
    {"order.created", "reservation.created", "allocation.created", "order.backordered"}
)


class Claimed(Protocol):
    """What the rule needs of a claim, in units."""

    @property
    def key(self) -> str: ...
    @property
    def sku(self) -> str: ...
    @property
    def node(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def open(self) -> int: ...
    @property
    def assigned(self) -> int: ...
    @property
    def shipped(self) -> int: ...
    @property
    def released(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def expires_at(self) -> datetime | None: ...


def order_from(
    order: str,
    facts: Sequence[OrderFact],
    claims: Sequence[Claimed],
    queued: Sequence[Queued],
    messages: Sequence[Message],
) -> SalesOrder:
    """The order with a line for every claim and every backorder, in order of their names."""
    by_line = {claim.key.removeprefix(f"{order}/"): claim for claim in claims}
    names = sorted(by_line.keys() | {one.line for one in queued})
    lines = tuple(
        _line(
            name,
            by_line.get(name),
            [one for one in queued if one.line == name],
            [one for one in facts if one.line == name],
        )
        for name in names
    )
    return SalesOrder(
        order=order,
        channel=next((one.channel for one in lines if one.channel), ""),
        customer=next((one.customer for one in lines if one.customer), ""),
        ordered_at=min((one.ordered_at for one in lines if one.ordered_at), default=None),
        promise_at=max((one.promise_at for one in lines if one.promise_at), default=None),
        lines=lines,
        messages=tuple(messages),
    )


def _line(
    name: str, claim: Claimed | None, queued: Sequence[Queued], facts: Sequence[OrderFact]
) -> SalesLine:
    asked = [one for one in facts if one.type in _ASKING and one.source != QUEUE]
    waiting = sum(one.units - one.allocated for one in queued if one.is_waiting)
    first = queued[0] if queued else None
    return SalesLine(
        line=name,
        item=claim.sku if claim else (first.sku if first else ""),
        node=claim.node if claim else (first.node if first else ""),
        channel=(claim.channel if claim else "") or _latest(asked, "channel") or "",
        customer=_latest(asked, "customer") or "",
        quantity=sum(one.units for one in asked),
        state=_state(claim, waiting),
        reserved=claim.open - claim.assigned if claim else 0,
        allocated=claim.assigned if claim else 0,
        shipped=claim.shipped if claim else 0,
        released=claim.released if claim else 0,
        backordered=waiting,
        ordered_at=asked[0].occurred_at if asked else None,
        promise_at=_promise(queued, asked),
        expires_at=claim.expires_at if claim else None,
    )


def _state(claim: Claimed | None, waiting: int) -> str:
    if waiting and (claim is None or not claim.open):
        return "backordered"
    if claim is None:
        return "cancelled"
    return "part_backordered" if waiting else claim.state


def _latest(facts: Sequence[OrderFact], name: str) -> str | None:
    return next((getattr(one, name) for one in reversed(facts) if getattr(one, name)), None)


def _promise(queued: Sequence[Queued], asked: Sequence[OrderFact]) -> datetime | None:
    """The latest date of those the queue promised, or else the one the order came with."""
    promised = [one.promise_at for one in queued if one.promise_at is not None]
    if promised:
        return max(promised)
    return next((one.due_at for one in reversed(asked) if one.due_at is not None), None)
