"""Questions about backorders."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from inventory_control.events.selectors import is_work_due
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.states import BackorderStatus

Place = tuple[int, int]
CONSUMER = "backorders"


def is_queueing_due() -> bool:
    """Whether events wait that the queue has not taken in yet."""
    return is_work_due(CONSUMER)


def backorders(
    *,
    order: str = "",
    sku: str = "",
    node: str = "",
    status: str = "",
    before: int | None = None,
    limit: int = 50,
) -> list[Backorder]:
    """A page of backorders, newest first, below the id `before` (keyset)."""
    found = Backorder.objects.select_related("item", "node")
    if order:
        found = found.filter(order=order)
    if sku:
        found = found.filter(item__sku=sku)
    if node:
        found = found.filter(node__code=node)
    if status:
        found = found.filter(status=status)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])


def has_waiting() -> bool:
    """Whether anybody waits at all; most batches of a shop that serves everybody end here."""
    return Backorder.objects.filter(status=BackorderStatus.WAITING).exists()


def locked_queue(places: Iterable[Place]) -> list[Backorder]:
    """Who waits at some places, locked in order of arrival."""
    asked = sorted(set(places))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT b.id FROM fulfilment_backorder b
              JOIN unnest(%s::bigint[], %s::bigint[]) AS place (item_id, node_id)
                ON b.item_id = place.item_id AND b.node_id = place.node_id
             WHERE b.status = 'waiting'
            """,
            [[item for item, _ in asked], [node for _, node in asked]],
        )
        ids = [pk for (pk,) in cursor.fetchall()]
    if not ids:
        return []
    return list(
        Backorder.objects.select_for_update(of=("self",))
        .select_related("item", "node")
        .filter(pk__in=ids, status=BackorderStatus.WAITING)
        .order_by("pk")
    )


def places_waiting(item_ids: Iterable[int]) -> set[Place]:
    """Where anybody waits for some items."""
    return set(
        Backorder.objects.filter(
            item_id__in=list(item_ids), status=BackorderStatus.WAITING
        ).values_list("item_id", "node_id")
    )
