"""Questions about customers' orders: what they are, where they may be served from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from django.db import connection

from inventory_control.catalog.models import Node, Substitute
from inventory_control.core.places import Place
from inventory_control.events.models import InventoryEvent
from inventory_control.events.states import Kind
from inventory_control.fulfilment.models import Backorder, NodeLoad
from inventory_control.fulfilment.rules import order_from
from inventory_control.fulfilment.states import BackorderStatus
from inventory_control.fulfilment.values import (
    ALLOCATIONS,
    Message,
    OrderFact,
    Queued,
    SalesOrder,
    StaleRefusal,
    Substitution,
)
from inventory_control.outbox.selectors import commands_about
from inventory_control.stock.selectors import claims, free_at

MOST_LINES = 10_000
ORDER_TYPES = (
    "order.created",
    "reservation.created",
    "allocation.created",
    "order.backordered",
    "order.cancelled",
    "order.shipped",
)
_ORDER_FACTS = """
    SELECT o.type, o.source, o.details ->> 'line',
           CASE WHEN c.event_id IS NULL THEN o.quantity ELSE coalesce(c.quantity, 0) END,
           o.occurred_at, o.details ->> 'channel', o.details ->> 'customer',
           (o.details ->> 'due_at')::timestamptz
      FROM unnest(%s::bigint[], %s::bigint[]) AS place (item_id, node_id)
      JOIN events_inventoryevent o
        ON o.item_id = place.item_id AND o.node_id = place.node_id
      LEFT JOIN events_correction c ON c.fact_id = o.id AND c.is_standing
     WHERE o.type = ANY(%s) AND o.details ->> 'order' = %s
     ORDER BY o.occurred_at, o.source, o.source_id
"""


def node_loads(node_ids: Iterable[int], day: date, *, is_locked: bool = False) -> dict[int, int]:
    """Units some nodes took on for a day; locked in order where they are about to take more."""
    found = NodeLoad.objects.filter(node_id__in=list(node_ids), day=day).order_by("node_id")
    if is_locked:
        found = found.select_for_update()
    return dict(found.values_list("node_id", "units"))


def substitutes_of(
    wanted: Mapping[int, tuple[int, frozenset[int]]],
) -> dict[int, list[Substitution]]:
    """Approved stand-ins for some items that have stock, best rank and most stock first.

    `wanted` says how many units would help, and the nodes they may come from.
    """
    relations = list(
        Substitute.objects.select_related("substitute")
        .filter(item_id__in=list(wanted), is_approved=True)
        .order_by("item_id", "rank", "substitute__sku")
    )
    places = {
        (one.substitute_id, node_id) for one in relations for node_id in wanted[one.item_id][1]
    }
    free = free_at(places)
    codes = dict(Node.objects.filter(pk__in={node for _, node in places}).values_list("pk", "code"))
    found: dict[int, list[Substitution]] = defaultdict(list)
    for one in relations:
        fewest, nodes = wanted[one.item_id]
        stocked = [
            Substitution(one.substitute.sku, codes[node_id], units, one.rank)
            for node_id in nodes
            if (units := free.get((one.substitute_id, node_id)) or 0) >= fewest
        ]
        found[one.item_id] += sorted(stocked, key=lambda each: (-each.available, each.node))
    return found


def sales_order(order: str) -> SalesOrder | None:
    """A customer's order, the same whatever channel it came through; None when nobody told of it.

    Read from claims and backorders, and from the events at the places they name.
    """
    claimed = claims(order=order, limit=MOST_LINES)
    waiting = list(Backorder.objects.select_related("item", "node").filter(order=order))
    places = {(one.item_id, one.node_id) for one in (*claimed, *waiting)}
    if not places:
        return None
    told = [
        Message(one.kind, one.target, str(one.status), one.queued_at)
        for one in commands_about(("order", order))
    ]
    return order_from(order, _facts(order, places), claimed, _queued(waiting), told)


def _queued(rows: Sequence[Backorder]) -> list[Queued]:
    return [
        Queued(
            line=row.line,
            sku=row.item.sku,
            node=row.node.code,
            channel=row.channel,
            customer=row.customer,
            units=row.quantity,
            is_waiting=row.status_value == BackorderStatus.WAITING,
            allocated=row.allocated,
            ordered_at=row.ordered_at,
            promise_at=row.promise_at,
        )
        for row in rows
    ]


def _facts(order: str, places: Iterable[Place]) -> list[OrderFact]:
    asked = sorted(places)
    with connection.cursor() as cursor:
        cursor.execute(
            _ORDER_FACTS,
            [[item for item, _ in asked], [node for _, node in asked], list(ORDER_TYPES), order],
        )
        return [OrderFact(*row) for row in cursor.fetchall()]


def stale_refusals(*, before: int | None = None, limit: int = 50) -> list[StaleRefusal]:
    """Allocations refused because their figures were too old, newest first (keyset)."""
    found = InventoryEvent.objects.select_related("item").filter(
        kind=Kind.SIGNAL, type="integration.failed", source=ALLOCATIONS
    )
    if before is not None:
        found = found.filter(pk__lt=before)
    return [_refusal(event) for event in found.order_by("-pk")[:limit]]


def _refusal(event: InventoryEvent) -> StaleRefusal:
    said = event.details["attributes"]
    return StaleRefusal(
        event_id=str(event.pk),
        order=event.details["order"],
        item=event.item.sku if event.item else "",
        refused_at=event.occurred_at,
        figures_as_of=datetime.fromisoformat(said["figures_as_of"]),
        age_s=said["age_s"],
        limit_s=said["limit_s"],
        lines=said["lines"],
    )
