"""What may be sold: of nodes, of channels, and how each figure is made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from django.db.models import F, Q

from inventory_control.availability.models import (
    Availability,
    ChannelFallback,
    Exposure,
    ExposureHold,
)
from inventory_control.availability.rules import (
    ChannelStock,
    NodeStock,
    add_up,
    available_to_sell,
    raised_buffer,
)
from inventory_control.availability.states import Fallback, HoldStatus
from inventory_control.availability.values import FallbackTerms
from inventory_control.catalog.models import Channel
from inventory_control.core import clock
from inventory_control.core.places import Place
from inventory_control.core.sql import hot_later, is_so, named_statements, texts
from inventory_control.events.values import Freshness
from inventory_control.stock.selectors import positions_at, positions_of
from inventory_control.stock.values import Position

_FIGURES = named_statements(Path(__file__).parents[1] / "figures.sql")


def node_stock(position: Position) -> NodeStock:
    """The part of a position the arithmetic needs."""
    return NodeStock(
        sellable=position.sellable,
        reserved=position.reserved,
        allocated=position.allocated,
        safety_stock=position.safety_stock,
        is_frozen=position.is_frozen,
    )


def ats_at(places: Iterable[Place]) -> dict[Place, int]:
    """Node ATS of some places, from the balances as they are now."""
    return {
        place: available_to_sell(node_stock(position))
        for place, position in positions_at(places).items()
    }


def ats_of(item_ids: list[int]) -> dict[Place, int]:
    """Node ATS of some items at every node that holds them."""
    return {
        place: available_to_sell(node_stock(position))
        for place, position in positions_of(item_ids).items()
    }


class NodeFigure(msgspec.Struct, frozen=True):
    """An item at a node: what its ATS is made of, what lies there, when that changed last, and how
    old the word on it is; `freshness` is None where nobody ever spoke of the node.
    """

    node: str
    stock: NodeStock
    on_hand: int
    in_transit: int
    changed_at: datetime
    freshness: Freshness | None


class ChannelFigure(msgspec.Struct, frozen=True):
    """What a channel should show of an item (units), what it was told last, and when.

    `unconfirmed_since` is when every attempt to tell it had failed; None while it is told.
    """

    channel: str
    ats: int
    quantity: int
    published: int | None
    published_at: datetime | None
    stock: ChannelStock
    unconfirmed_since: datetime | None


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """What may be sold of an item as of a moment, with its nodes and channels by code.

    The nodes are all that ever held it, or the one asked for; the channels all it is sold through.
    """

    at: datetime
    nodes: list[NodeFigure]
    channels: list[ChannelFigure]


@dataclass(frozen=True, slots=True)
class LookUp:
    """What is asked: the figures of an item, of one node or of all."""

    sku: str
    node: str | None = None


class Figures:
    """The figures of some items: asked for, not yet waited for. One exchange with the server."""

    def __init__(self, asked: Sequence[LookUp]) -> None:
        self._at = clock.now()
        skus = texts(one.sku for one in asked)
        nodes = texts(one.node for one in asked)
        self._count = len(asked)
        self._nodes = hot_later(_FIGURES["nodes"], {"skus": skus, "nodes": nodes, "now": self._at})
        self._channels = hot_later(_FIGURES["channels"], {"skus": skus})

    def found(self) -> list[ItemFigures | None]:
        """The figures in the order they were asked for; None where there is no such item."""
        found: list[ItemFigures | None] = [None] * self._count
        for place, *columns in self._nodes.rows():
            one = found[place - 1]
            if one is None:
                one = found[place - 1] = ItemFigures(self._at, [], [])
            if columns[0] is not None:
                one.nodes.append(_node_figure(columns))
        for place, code, ats, quantity, published, at, *terms, since in self._channels.rows():
            one = found[place - 1]
            if one is not None:
                one.channels.append(
                    ChannelFigure(code, ats, quantity, published, at, ChannelStock(*terms), since)
                )
        return found


def _node_figure(columns: Sequence[Any]) -> NodeFigure:
    code, *terms, on_hand, in_transit, changed_at, source, as_of, minutes = columns
    freshness = Freshness(source, as_of, minutes) if source is not None else None
    return NodeFigure(code, NodeStock(*terms), on_hand, in_transit, changed_at, freshness)


def channel_figures(item_id: int) -> list[Availability]:
    """What each channel should show of an item and what it was told."""
    return list(
        Availability.objects.filter(item_id=item_id)
        .select_related("channel")
        .order_by("channel__code")
    )


def limited_figures(item_ids: Collection[int]) -> dict[tuple[int, str], int]:
    """What channels should show where a pause, a rule or a cap decides it, and not the stock."""
    limited = Q(is_held=True) | Q(cap__isnull=False, quantity=F("cap"))
    rows = Availability.objects.filter(limited, item_id__in=item_ids)
    return {
        (item_id, code): quantity
        for item_id, code, quantity in rows.values_list("item_id", "channel__code", "quantity")
    }


@dataclass(frozen=True, slots=True)
class LiveBreakdown:
    """How the figure of an item on a channel is made now: its nodes, and what limits it.

    `rules` are the exposure rules that hold it, `paused_because` why somebody paused it,
    `fallbacks` what it holds back because a source is silent.
    """

    nodes: dict[str, NodeStock]
    stock: ChannelStock
    rules: list[str]
    paused_because: str | None
    fallbacks: list[ChannelFallback]


def breakdown_of(item_id: int, channel: Channel) -> LiveBreakdown:
    """How the figure of an item on a channel is made, from the balances as they are now."""
    drawn = {node.pk: node.code for node in channel.nodes.all()}
    nodes = {
        drawn[node_id]: node_stock(position)
        for (_, node_id), position in positions_of([item_id]).items()
        if node_id in drawn
    }
    decided = Exposure.objects.filter(item=item_id, channel=channel).first()
    rules = sorted(
        ExposureHold.objects.filter(
            item=item_id, channel=channel, status=HoldStatus.HELD
        ).values_list("rule_key", flat=True)
    )
    is_paused = decided is not None and decided.is_paused
    own_buffer = None if decided is None else decided.buffer
    fallbacks = list(ChannelFallback.objects.filter(channel=channel).order_by("source"))
    terms = [FallbackTerms(one.action, one.share, one.units) for one in fallbacks]
    return LiveBreakdown(
        nodes=dict(sorted(nodes.items())),
        stock=add_up(
            nodes.values(),
            buffer=raised_buffer(channel.buffer if own_buffer is None else own_buffer, terms),
            cap=None if decided is None else decided.cap,
            is_held=is_paused
            or bool(rules)
            or any(one.action == Fallback.HOLD for one in fallbacks),
        ),
        rules=rules,
        paused_because=decided.reason if decided is not None and is_paused else None,
        fallbacks=fallbacks,
    )


def is_detection_due() -> bool:
    """Whether changed places wait for the detectors."""
    return is_so("SELECT EXISTS (SELECT FROM availability_changednote)")
