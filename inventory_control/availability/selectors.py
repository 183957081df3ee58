"""Questions about what may be sold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import connection

from inventory_control.availability.models import Availability, ChangedPlace
from inventory_control.availability.rules import NodeStock, available_to_sell
from inventory_control.availability.values import Publication
from inventory_control.core import clock
from inventory_control.core.sql import hot_later, named_statements
from inventory_control.events.values import Freshness
from inventory_control.stock.selectors import positions_at, positions_of
from inventory_control.stock.values import Position

_FIGURES = named_statements(Path(__file__).with_name("figures.sql"))
_SQL = named_statements(Path(__file__).with_name("recalculate.sql"))
Place = tuple[int, int]


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


@dataclass(frozen=True, slots=True)
class NodeFigure:
    """An item at a node: what its ATS is made of, when that changed last, how old the word is.

    `freshness` is None where nobody ever spoke of the node.
    """

    node: str
    stock: NodeStock
    changed_at: datetime
    freshness: Freshness | None


@dataclass(frozen=True, slots=True)
class ChannelFigure:
    """What a channel should show of an item (units), what it was told last, and when."""

    channel: str
    ats: int
    quantity: int
    published: int | None
    published_at: datetime | None


class Figures:
    """The figures of one item: asked for, not yet waited for. One exchange with the server."""

    def __init__(self, sku: str, *, node: str | None = None) -> None:
        asked = {"sku": sku, "node": node, "now": clock.now()}
        self._item = hot_later(_FIGURES["item"], asked)
        self._nodes = hot_later(_FIGURES["nodes"], asked)
        self._channels = hot_later(_FIGURES["channels"], asked)

    def is_known(self) -> bool:
        """Whether there is such an item."""
        return bool(self._item.rows())

    def nodes(self) -> list[NodeFigure]:
        """Every node that ever held it, by code, or the one asked for."""
        return [
            NodeFigure(
                code,
                NodeStock(*terms),
                changed_at,
                Freshness(source, as_of, minutes) if source is not None else None,
            )
            for code, *terms, changed_at, source, as_of, minutes in self._nodes.rows()
        ]

    def channels(self) -> list[ChannelFigure]:
        """Every channel it is sold through, by code."""
        return [ChannelFigure(*row) for row in self._channels.rows()]


def channel_figures(item_id: int) -> list[Availability]:
    """What each channel should show of an item and what it was told."""
    return list(
        Availability.objects.filter(item_id=item_id)
        .select_related("channel")
        .order_by("channel__code")
    )


def unpublished(channel: str, limit: int) -> list[Publication]:
    """Figures a channel does not show yet, at most `limit`."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["unpublished"], {"channel": channel, "limit": limit})
        return [Publication(*row) for row in cursor.fetchall()]


def is_detection_due() -> bool:
    """Whether changed places wait for the detectors."""
    return ChangedPlace.objects.exists()
