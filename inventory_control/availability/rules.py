"""What may be sold, as arithmetic: available-to-sell, available-to-promise, what is published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NodeStock:
    """What the arithmetic needs of an item at a node, in units."""

    sellable: int
    reserved: int
    allocated: int
    safety_stock: int
    is_frozen: bool


@dataclass(frozen=True, slots=True)
class DatedSupply:
    """Units expected at a node by a moment; negative for demand due by then."""

    quantity: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Term:
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


def channel_available(node_figures: Iterable[int], buffer: int) -> int:
    """Units a channel may sell: the sum over its nodes less the channel's buffer."""
    return sum(node_figures) - buffer


def published(channel_figure: int) -> int:
    """What a channel is told: never below zero, because no channel can list a debt."""
    return max(0, channel_figure)


def available_to_promise(now_available: int, supply: Sequence[DatedSupply], *, by: datetime) -> int:
    """Units that may be promised for a date: ATS plus supply due by it less demand due by it."""
    return now_available + sum(one.quantity for one in supply if one.due_at <= by)
