"""What may be sold, as arithmetic: available-to-sell, available-to-promise, what is published."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from inventory_control.availability.states import Fallback
from inventory_control.availability.values import FallbackTerms
from inventory_control.core.errors import Refused


class NodeStock(msgspec.Struct, frozen=True):
    """What the arithmetic needs of an item at a node, in units."""

    sellable: int
    reserved: int
    allocated: int
    safety_stock: int
    is_frozen: bool


class ChannelStock(msgspec.Struct, frozen=True):
    """What the arithmetic needs of an item on a channel: sums over its nodes, and what limits it.

    `frozen` is what frozen nodes would have sold. `cap` None: no limit.
    """

    sellable: int
    reserved: int
    allocated: int
    safety_stock: int
    frozen: int
    buffer: int
    cap: int | None = None
    is_held: bool = False


class Verdict(StrEnum):
    """What becomes of a listing under an exposure rule."""

    LEAVE = "leave"
    HOLD = "hold"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Sight:
    """One listing as one exposure rule sees it; `ats` None when no rule looks at it any more."""

    ats: int | None
    is_held: bool
    above_since: datetime | None
    hold_below: int
    resume_from: int
    resume_after: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and since when the figure has been above the line (None: it is not)."""

    verdict: Verdict
    above_since: datetime | None


@dataclass(frozen=True, slots=True)
class DayPromise:
    """A day: what comes (or goes) on it, what is there then, and what may be promised for it."""

    day: date
    change: int
    available: int
    promise: int


@dataclass(frozen=True, slots=True)
class DatedSupply:
    """Units expected at a node by a moment; negative for demand due by then."""

    quantity: int
    due_at: datetime


class Term(msgspec.Struct, frozen=True):
    """One line of a breakdown: what it is called and what it adds."""

    name: str
    quantity: int


def available_to_sell(stock: NodeStock) -> int:
    """Units of an item that may be sold from a node now.

    sellable - reserved - allocated - safety stock; nothing while frozen. Never clamped: a
    negative figure is an oversell and must be seen (LED-06, LED-14).
    """
    if stock.is_frozen:
        return 0
    return stock.sellable - stock.reserved - stock.allocated - stock.safety_stock


def breakdown(stock: NodeStock) -> tuple[Term, ...]:
    """The terms of `available_to_sell`, in the order they are read; they sum to it."""
    terms = (
        Term("sellable", stock.sellable),
        Term("reserved", -stock.reserved),
        Term("allocated", -stock.allocated),
        Term("safety stock", -stock.safety_stock),
    )
    if not stock.is_frozen:
        return terms
    return (*terms, Term("frozen", -sum(term.quantity for term in terms)))


def channel_available(stock: ChannelStock) -> int:
    """Units a channel may sell: the sum over its nodes less the buffer. Never clamped."""
    nodes = stock.sellable - stock.reserved - stock.allocated - stock.safety_stock - stock.frozen
    return nodes - stock.buffer


def channel_quantity(stock: ChannelStock) -> int:
    """What a channel shows: nothing while held, at most the cap, never below zero, because no
    channel can list a debt.
    """
    if stock.is_held:
        return 0
    sellable = max(0, channel_available(stock))
    return sellable if stock.cap is None else min(sellable, stock.cap)


def channel_breakdown(stock: ChannelStock) -> tuple[Term, ...]:
    """The terms of `channel_quantity`, in the order they are read; they sum to it.

    The first lines sum to ATS; those of a floor, a cap and a hold are there only when they bite.
    """
    ats = channel_available(stock)
    listed = max(0, ats)
    capped = listed if stock.cap is None else min(listed, stock.cap)
    terms = (
        Term("sellable", stock.sellable),
        Term("reserved", -stock.reserved),
        Term("allocated", -stock.allocated),
        Term("safety stock", -stock.safety_stock),
        Term("frozen", -stock.frozen),
        Term("channel buffer", -stock.buffer),
    )
    limits = (
        Term("not below zero", listed - ats),
        Term("cap", capped - listed),
        Term("held", -capped if stock.is_held else 0),
    )
    return (*terms, *(term for term in limits if term.quantity))


def add_up(
    nodes: Iterable[NodeStock], *, buffer: int, cap: int | None, is_held: bool
) -> ChannelStock:
    """A channel's stock from that of its nodes; what is frozen is what those nodes would sell."""
    stocks = tuple(nodes)
    return ChannelStock(
        sellable=sum(one.sellable for one in stocks),
        reserved=sum(one.reserved for one in stocks),
        allocated=sum(one.allocated for one in stocks),
        safety_stock=sum(one.safety_stock for one in stocks),
        frozen=sum(
            one.sellable - one.reserved - one.allocated - one.safety_stock
            for one in stocks
            if one.is_frozen
        ),
        buffer=buffer,
        cap=cap,
        is_held=is_held,
    )


def judged(sight: Sight, now: datetime) -> Judgement:
    """What becomes of one listing under one rule, from what was seen now.

    A hold ends only when the figure has stayed at or above the line for the whole time: a dip
    starts the time anew. Without a rule that still looks at it a hold ends at once.
    """
    if sight.ats is None:
        return Judgement(Verdict.RELEASE, None)
    if not sight.is_held:
        return Judgement(Verdict.HOLD if sight.ats < sight.hold_below else Verdict.LEAVE, None)
    if sight.ats < sight.resume_from:
        return Judgement(Verdict.LEAVE, None)
    since = sight.above_since or now
    if now >= since + timedelta(minutes=sight.resume_after):
        return Judgement(Verdict.RELEASE, since)
    return Judgement(Verdict.LEAVE, since)


def resume_at(since: datetime, minutes: int) -> datetime:
    """When to look at a hold again: the first full second at which it may end."""
    moment = since + timedelta(minutes=minutes)
    return (
        moment if not moment.microsecond else moment.replace(microsecond=0) + timedelta(seconds=1)
    )


def available_to_promise(now_available: int, supply: Sequence[DatedSupply], *, by: datetime) -> int:
    """Units that may be promised for a date: ATS plus supply due by it less demand due by it."""
    return now_available + sum(one.quantity for one in supply if one.due_at <= by)


def promises_by_day(
    now_available: int, supply: Sequence[DatedSupply], *, first: date, until: date
) -> tuple[DayPromise, ...]:
    """What may be promised for each day on which that changes, from `first` to `until`.

    A unit that is needed later is not promised earlier: a day may promise no more than the least
    of what is there on it and on every day behind it. What was due before today still counts: it
    is expected now.
    """
    changes: dict[date, int] = {first: 0}
    for one in supply:
        day = max(first, one.due_at.date())
        if day <= until:
            changes[day] = changes.get(day, 0) + one.quantity
    days = sorted(changes)
    there: list[int] = []
    level = now_available
    for day in days:
        level += changes[day]
        there.append(level)
    promised, least = [], there[-1]
    for level in reversed(there):
        least = min(least, level)
        promised.append(least)
    return tuple(
        DayPromise(day, changes[day], level, promise)
        for day, level, promise in zip(days, there, reversed(promised), strict=True)
    )


def is_within_bounds(was: int, became: int, *, share: float, free_units: int) -> bool:
    """Whether a planning figure may change that much at once: by so many units, or that share."""
    return abs(became - was) <= max(free_units, math.floor(was * share + 1e-9))


def raised_buffer(buffer: int, fallbacks: Iterable[FallbackTerms]) -> int:
    """Units a channel keeps back while sources are silent: the most any of them asks for."""
    raised = [
        max(math.ceil(buffer * one.share), one.units)
        for one in fallbacks
        if one.action == Fallback.BUFFER
    ]
    return buffer + max(raised, default=0)


def fallback_for(source: str, policy: Mapping[str, Any]) -> FallbackTerms:
    """What policy says channels do while a source is silent."""
    raw = policy["sources"].get(source, policy["default"])
    return FallbackTerms(raw["action"], Decimal(str(raw.get("share", 0))), int(raw.get("units", 0)))


def is_sampled(item_id: int, push_id: int, share: float) -> bool:
    """Whether an item is asked for after a push: a share of them, others with every push."""
    return (item_id * 7_919 + push_id * 104_729) % 1_000 < share * 1_000


def check_exposure(value: Mapping[str, Any]) -> None:
    """Refuse a policy of publication that does not hold together."""
    _check_number(value, "read_back_share", most=1)
    _check_number(value, "read_back_most", is_whole=True)
    _check_number(value, "receipts_kept_days", is_whole=True, least=1)


def check_safety_stock(value: Mapping[str, Any]) -> None:
    """Refuse bounds of safety stock that do not hold together."""
    _check_number(value, "max_change_share")
    _check_number(value, "free_units", is_whole=True)


def check_fallbacks(value: Mapping[str, Any]) -> None:
    """Refuse what cannot be done while a source is silent; raises `Refused` naming the field."""
    sources = value.get("sources")
    if not isinstance(sources, Mapping):
        raise Refused("sources is an object: what to do, by source.", field="sources")
    if unknown := sorted(set(value) - {"default", "sources"}):
        raise Refused(f"No field is called {unknown[0]}.", field=unknown[0])
    terms = {"default": value.get("default"), **{f"sources.{k}": v for k, v in sources.items()}}
    for field, one in terms.items():
        if not isinstance(one, Mapping) or one.get("action") not in Fallback.values:
            raise Refused(f"{field} names an action: {', '.join(Fallback.values)}.", field=field)
        if one["action"] == Fallback.BUFFER:
            _check_number({"share": 0, **one}, "share", most=9)
            _check_number({"units": 0, **one}, "units", is_whole=True)


def _check_number(
    value: Mapping[str, Any],
    field: str,
    *,
    is_whole: bool = False,
    least: float = 0,
    most: float = 1_000_000,
) -> None:
    number = value.get(field)
    is_fit = isinstance(number, int if is_whole else int | float) and not isinstance(number, bool)
    if not is_fit or not least <= number <= most:  # type: ignore[operator]  # a number, or unfit
        what = "whole number" if is_whole else "number"
        raise Refused(f"{field} is a {what} from {least:g} to {most:g}.", field=field)
