"""The smallest valid object of each sort, and a hand that posts events as a source would."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from inventory_control.catalog.models import Channel, Item, ItemNode, Node, Supplier
from inventory_control.core import clock
from inventory_control.core.actors import Actor, ActorKind
from inventory_control.events.values import Posted, Refusal
from inventory_control.stock.services import post_rows

_numbers = itertools.count(1)
POSTER = Actor(
    kind=ActorKind.CONNECTOR,
    id="pos",
    name="pos",
    permissions=frozenset({"events.write", "events.open_stock", "stock.reserve"}),
)
SYSTEM = Actor.system("tests")


def planner(*permissions: str, name: str = "Ada Planner") -> Actor:
    """A person with exactly these permissions."""
    number = next(_numbers)
    return Actor(
        kind=ActorKind.USER, id=f"person-{number}", name=name, permissions=frozenset(permissions)
    )


def supplier(code: str = "MILL", **fields: Any) -> Supplier:
    """A supplier with a week of lead time."""
    return Supplier.objects.create(code=code, name=code.title(), **fields)


def item(sku: str = "SOCK", **fields: Any) -> Item:
    """An item that costs 4 and sells for 10."""
    return Item.objects.create(
        sku=sku, name=sku.title(), **{"unit_cost": 4, "unit_price": 10, **fields}
    )


def node(code: str = "S1", **fields: Any) -> Node:
    """A store."""
    return Node.objects.create(code=code, name=code, **fields)


def channel(code: str = "WEB", *nodes: Node, **fields: Any) -> Channel:
    """A channel that draws on some nodes."""
    made = Channel.objects.create(code=code, name=code, **fields)
    made.nodes.set(nodes)
    return made


def at_node(of: Item, at: Node, **fields: Any) -> ItemNode:
    """Planning parameters of an item at a node."""
    return ItemNode.objects.create(item=of, node=at, **fields)


def hour(number: int) -> datetime:
    """A moment of the day before yesterday, by its hour; 24 and more run on into later days."""
    start = datetime(2024, 3, 1, tzinfo=UTC)
    day = (clock.now() - timedelta(days=3)).date()
    return start.replace(year=day.year, month=day.month, day=day.day) + timedelta(hours=number)


def event(kind: str, quantity: int | None = None, **fields: Any) -> dict[str, Any]:
    """The body of a canonical event about SOCK at S1; a None field is left out."""
    body: dict[str, Any] = {
        "type": kind,
        "source_id": f"e{next(_numbers)}",
        "occurred_at": clock.now(),
        "item": "SOCK",
        "node": "S1",
        "quantity": quantity,
        **fields,
    }
    return {key: value for key, value in body.items() if value is not None}


def send(
    *bodies: dict[str, Any], by: Actor = POSTER, source: str = "pos"
) -> list[Posted | Refusal]:
    """Draft, park and post some bodies as the API would; answers in order."""
    rows = [msgspec.json.encode(body) for body in bodies]
    return post_rows(rows, received_from=source, may_speak_for=lambda _name: True, by=by)


def outcomes(*bodies: dict[str, Any]) -> list[str]:
    """Only what became of each body."""
    return [str(answer.outcome) for answer in send(*bodies)]
