"""Questions about what may be sold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.db import connection

from inventory_control.availability.models import (
    Availability,
    ChangedPlace,
    Exposure,
    ExposureHold,
    ExposureRule,
    SafetyStockChange,
)
from inventory_control.availability.rules import (
    ChannelStock,
    DatedSupply,
    DayPromise,
    NodeStock,
    add_up,
    available_to_sell,
    promises_by_day,
)
from inventory_control.availability.states import HoldStatus
from inventory_control.availability.values import (
    NOT_LISTED,
    TOLD_TWICE,
    Disagreement,
    Held,
    OrderInFlight,
    Receipt,
)
from inventory_control.catalog.models import Channel, Node
from inventory_control.core import clock
from inventory_control.core.sql import hot_later, named_statements
from inventory_control.orders.selectors import inbound_supply
from inventory_control.stock.selectors import positions_at, positions_of
from inventory_control.stock.values import Position

_FIGURES = named_statements(Path(__file__).with_name("figures.sql"))
_PUSH = named_statements(Path(__file__).with_name("push.sql"))
_EXPOSURE = named_statements(Path(__file__).with_name("exposure.sql"))
_ORDER_TYPES = ("order.created", "reservation.created", "allocation.created")
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
    """An item at a node: what its ATS is made of, and when that changed last."""

    node: str
    stock: NodeStock
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ChannelFigure:
    """What a channel should show of an item (units), what it was told last, and when."""

    channel: str
    ats: int
    quantity: int
    published: int | None
    published_at: datetime | None
    stock: ChannelStock


class Figures:
    """The figures of one item: asked for, not yet waited for. One exchange with the server."""

    def __init__(self, sku: str, *, node: str | None = None) -> None:
        asked = {"sku": sku, "node": node}
        self._item = hot_later(_FIGURES["item"], asked)
        self._nodes = hot_later(_FIGURES["nodes"], asked)
        self._channels = hot_later(_FIGURES["channels"], asked)

    def is_known(self) -> bool:
        """Whether there is such an item."""
        return bool(self._item.rows())

    def nodes(self) -> list[NodeFigure]:
        """Every node that ever held it, by code, or the one asked for."""
        return [
            NodeFigure(code, NodeStock(*terms), changed_at)
            for code, *terms, changed_at in self._nodes.rows()
        ]

    def channels(self) -> list[ChannelFigure]:
        """Every channel it is sold through, by code."""
        return [
            ChannelFigure(code, ats, quantity, published, at, ChannelStock(*terms))
            for code, ats, quantity, published, at, *terms in self._channels.rows()
        ]


def channel_figures(item_id: int) -> list[Availability]:
    """What each channel should show of an item and what it was told."""
    return list(
        Availability.objects.filter(item_id=item_id)
        .select_related("channel")
        .order_by("channel__code")
    )


def is_detection_due() -> bool:
    """Whether changed places wait for the detectors."""
    return ChangedPlace.objects.exists()


@dataclass(frozen=True, slots=True)
class LiveBreakdown:
    """How the figure of an item on a channel is made now: its nodes, and what limits it.

    `rules` are the exposure rules that hold it, `paused_because` why somebody paused it.
    """

    nodes: dict[str, NodeStock]
    stock: ChannelStock
    rules: list[str]
    paused_because: str | None


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
    return LiveBreakdown(
        nodes=dict(sorted(nodes.items())),
        stock=add_up(
            nodes.values(),
            buffer=channel.buffer if own_buffer is None else own_buffer,
            cap=None if decided is None else decided.cap,
            is_held=is_paused or bool(rules),
        ),
        rules=rules,
        paused_because=decided.reason if decided is not None and is_paused else None,
    )


def holds_at(places: Iterable[Place]) -> dict[Place, list[Held]]:
    """The live holds whose cases belong to some places; one statement for any number."""
    asked = sorted(set(places))
    found: dict[Place, list[Held]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _EXPOSURE["holds_at"],
            {"items": [item for item, _ in asked], "nodes": [node for _, node in asked]},
        )
        for item_id, node_id, *held in cursor.fetchall():
            found.setdefault((item_id, node_id), []).append(Held(*held))
    return found


def disagreements_at(places: Iterable[Place]) -> dict[Place, list[Disagreement]]:
    """Channels that, told twice, still show another figure, by the place a case belongs to."""
    asked = set(places)
    found: dict[Place, list[Disagreement]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _EXPOSURE["disagreements_of"],
            {"items": sorted({item for item, _ in asked}), "least": TOLD_TWICE},
        )
        for item_id, node_id, channel, told, shown, seen_at, in_a_row in cursor.fetchall():
            if (item_id, node_id) in asked:
                listed = None if shown == NOT_LISTED else shown
                one = Disagreement(channel, told, listed, seen_at, in_a_row)
                found.setdefault((item_id, node_id), []).append(one)
    return found


def receipts_of(item_id: int, channel_id: int, *, limit: int = 20) -> list[Receipt]:
    """What a channel was told of an item, latest first, as far back as receipts are kept."""
    with connection.cursor() as cursor:
        cursor.execute(_PUSH["trail"], {"item": item_id, "channel": channel_id, "limit": limit})
        return [Receipt(*row) for row in cursor.fetchall()]


def exposure_rules() -> list[ExposureRule]:
    """The rules in force and those that were ended, in their current versions, by key."""
    rules = ExposureRule.objects.filter(is_current=True).select_related("item", "node")
    return list(rules.order_by("key"))


def exposure_holds(
    *,
    sku: str = "",
    channel: str = "",
    status: str = "",
    before: int | None = None,
    limit: int = 50,
) -> list[ExposureHold]:
    """A page of holds, latest first, below the id `before`."""
    found = ExposureHold.objects.select_related("rule", "item", "channel", "node")
    if sku:
        found = found.filter(item__sku=sku)
    if channel:
        found = found.filter(channel__code=channel)
    if status:
        found = found.filter(status=status)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])


def exposure_hold(pk: int) -> ExposureHold | None:
    """One hold, or None."""
    found = ExposureHold.objects.select_related("rule", "item", "channel", "node")
    return found.filter(pk=pk).first()


def orders_during(hold: ExposureHold) -> list[OrderInFlight]:
    """Orders of the item on the channel that came in while it was held, the first 200.

    Those placed before the channel acknowledged the hold were in flight; the others show that
    it went on selling.
    """
    until = hold.released_at or clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            _EXPOSURE["orders_on_their_way"],
            {
                "item": hold.item_id,
                "channel": hold.channel.code,
                "since": hold.held_at,
                "until": until,
                "types": list(_ORDER_TYPES),
            },
        )
        rows = cursor.fetchall()
    shown = hold.acknowledged_at or until
    return [
        OrderInFlight(order, line, quantity, occurred_at, recorded_at, occurred_at <= shown)
        for order, line, quantity, occurred_at, recorded_at in rows
    ]


def safety_stock_history(
    *, item_id: int, node_id: int | None = None, limit: int = 50
) -> list[SafetyStockChange]:
    """The changes of an item's safety stock, latest first."""
    found = SafetyStockChange.objects.filter(item_id=item_id).select_related("node")
    if node_id is not None:
        found = found.filter(node_id=node_id)
    return list(found.order_by("-pk")[:limit])


@dataclass(frozen=True, slots=True)
class Promises:
    """What may be promised of an item, day by day, and the documents behind it.

    `undated` are units on their way of which nobody says when: they are promised to nobody.
    """

    available: int
    days: tuple[DayPromise, ...]
    supply: list[tuple[str, str, int, datetime]]
    undated: int


def promises_at(item_id: int, nodes: Iterable[Node], *, buffer: int, until: date) -> Promises:
    """ATP of an item at some nodes together, less a buffer, from today until a day."""
    codes = {node.pk: node.code for node in nodes}
    places = [(item_id, node_id) for node_id in codes]
    available = sum(ats_at(places).values()) - buffer
    inbound = [
        (codes[place[1]], one)
        for place, found in sorted(inbound_supply(places).items())
        for one in found
    ]
    dated = [(code, one, one.expected_at) for code, one in inbound if one.expected_at is not None]
    return Promises(
        available=available,
        days=promises_by_day(
            available,
            [DatedSupply(one.quantity, due_at) for _, one, due_at in dated],
            first=clock.now().date(),
            until=until,
        ),
        supply=[
            (code, one.document, one.quantity, due_at)
            for code, one, due_at in dated
            if due_at.date() <= until
        ],
        undated=sum(one.quantity for _, one in inbound if one.expected_at is None),
    )
