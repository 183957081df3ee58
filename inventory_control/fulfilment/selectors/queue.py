"""Questions about those who wait for stock: who, since when, in which turn, and who was served."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from django.db import connection
from django.db.models import DateTimeField, F, Q, Value
from django.db.models.functions import Coalesce

from inventory_control.audit.selectors import timeline_of
from inventory_control.audit.values import TimelineEntry
from inventory_control.core.places import Place, Places
from inventory_control.core.sql import is_so
from inventory_control.events.models import InventoryEvent
from inventory_control.events.selectors import COUNTED_UP_TO, is_work_due
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.rules import in_turn, standing, units_wanted, why_waits
from inventory_control.fulfilment.states import BackorderStatus
from inventory_control.fulfilment.values import (
    ALLOCATIONS,
    KEPT,
    Given,
    QueuePolicy,
    Turn,
)
from inventory_control.people.selectors import names_of
from inventory_control.stock.selectors import claims_by_key
from inventory_control.stock.values import ClaimState

CONSUMER = "backorders"
SORTS = {"age": "ordered_at", "promise": "promised_by"}
NEVER = datetime.max.replace(tzinfo=UTC)
"""Where lines without a promise sort: behind all others."""
RELEASED = "backorder.released"
CLAIMING = ("allocation.created", "reservation.created")
MOST_ENTRIES = 500


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
    return is_so("SELECT EXISTS (SELECT FROM fulfilment_backorder WHERE status = 'waiting')")


def locked_queue(places: Iterable[Place]) -> list[Backorder]:
    """Who waits at some places, locked in order of arrival."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT b.id FROM fulfilment_backorder b
              JOIN unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
                ON b.item_id = place.item_id AND b.node_id = place.node_id
             WHERE b.status = 'waiting'
            """,
            Places.of(places).arrays,
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


def backorder_queue(
    *,
    text: str = "",
    status: str = "",
    service: str = "",
    sort: str = "age",
    after: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> list[Backorder]:
    """A page of backorders, the oldest or the first promised first, behind `after` (keyset).

    `text` is the beginning of an order, or a SKU or node.
    """
    field = SORTS[sort]
    found = Backorder.objects.select_related("item", "node").annotate(
        promised_by=Coalesce("promise_at", Value(NEVER), output_field=DateTimeField())
    )
    if text:
        found = found.filter(
            Q(order__istartswith=text) | Q(item__sku__iexact=text) | Q(node__code__iexact=text)
        )
    if status:
        found = found.filter(status=status)
    if service:
        found = found.filter(service=service)
    if after is not None:
        at, pk = after
        found = found.filter(
            Q(**{f"{field}__gt": at}) | Q(**{field: at, "pk__gt": pk}), **{f"{field}__gte": at}
        )
    return list(found.order_by(F(field).asc(), "pk")[:limit])


def waiting_count() -> int:
    """How many backorders wait, at most `COUNTED_UP_TO`."""
    return Backorder.objects.filter(status=BackorderStatus.WAITING)[:COUNTED_UP_TO].count()


def turns_at(place: Place, policy: QueuePolicy, *, kept: int) -> list[tuple[Turn, Backorder]]:
    """Who waits at a place, in turn, with the units each still wants and why it waits."""
    item_id, node_id = place
    rows = list(
        Backorder.objects.select_related("item", "node")
        .filter(item_id=item_id, node_id=node_id, status=BackorderStatus.WAITING)
        .order_by("pk")
    )
    wanted = wanted_of(rows, claims_by_key({row.key for row in rows}))
    known = {row.pk: row for row in rows}
    queue = in_turn([row.as_waiting(wanted[row.pk]) for row in rows if wanted[row.pk]], policy)
    reasons = why_waits(queue, kept, policy)
    return [
        (Turn(number, one.id, one.units, reason), known[one.id])
        for number, (one, reason) in enumerate(zip(queue, reasons, strict=True), 1)
    ]


def wanted_of(rows: Sequence[Backorder], claims: Mapping[str, ClaimState]) -> dict[int, int]:
    """What each still wants, after what its line shipped or cancelled beyond its claims."""
    by_key: dict[str, list[Backorder]] = defaultdict(list)
    for row in rows:
        by_key[row.key].append(row)
    wanted: dict[int, int] = {}
    for key, group in by_key.items():
        excess = claims[key].excess if key in claims else 0
        units = units_wanted([(row.quantity, row.allocated) for row in group], excess)
        wanted.update(zip((row.pk for row in group), units, strict=True))
    return wanted


def last_given(place: Place, policy: QueuePolicy, *, limit: int = 8) -> list[Given]:
    """To whom the last units of a place were promised, newest first, and in words why to them.

    The reason is what was kept with the decision; for the queue, what gave the line its turn.
    """
    item_id, node_id = place
    events = list(
        InventoryEvent.objects.filter(item_id=item_id, node_id=node_id, type__in=CLAIMING)
        .exclude(source=KEPT, details__order=KEPT)
        .order_by("-occurred_at", "-pk")[:limit]
    )
    orders = {str(event.details["order"]) for event in events}
    queued = {
        row.key: row
        for row in Backorder.objects.filter(item_id=item_id, node_id=node_id, order__in=orders)
    }
    told = timeline_of(
        *(("order", order) for order in sorted(orders)),
        *(("backorder", str(row.pk)) for row in queued.values()),
        limit=MOST_ENTRIES,
    )
    names = names_of({one.actor_id for one in told if one.verb == RELEASED})
    return [_given(event, queued, told, names, policy) for event in events]


def _given(
    event: InventoryEvent,
    queued: Mapping[str, Backorder],
    told: Sequence[TimelineEntry],
    names: Mapping[str, str],
    policy: QueuePolicy,
) -> Given:
    order, line = str(event.details["order"]), str(event.details["line"])
    row = queued.get(f"{order}/{line}")
    if event.source == KEPT and row is not None:
        reason = _released(row, event, told, names) or (
            f"waited its turn: {standing(row.as_waiting(row.quantity), policy)}"
        )
    elif event.source == ALLOCATIONS:
        reason = _decided(order, line, told) or "chosen by allocation"
    else:
        through = f" through {event.details['channel']}" if event.details.get("channel") else ""
        reason = f"first come, first served{through}"
    return Given(order, line, event.quantity or 0, event.occurred_at, event.pk, reason)


def _released(
    row: Backorder,
    event: InventoryEvent,
    told: Sequence[TimelineEntry],
    names: Mapping[str, str],
) -> str:
    """Why a person gave it out of turn at that moment; empty when nobody did."""
    for entry in told:
        if (
            entry.verb == RELEASED
            and entry.subject_id == str(row.pk)
            and entry.correlation_id == event.correlation_id
        ):
            who = names.get(entry.actor_id) or entry.actor_name
            return f"out of turn, by {who}: {entry.data['reason']}"
    return ""


def _decided(order: str, line: str, told: Sequence[TimelineEntry]) -> str:
    """What allocation said when it chose; a line served by several nodes is `line.1`, `line.2`."""
    for entry in told:
        if entry.verb == "allocation.decided" and entry.subject_id == order:
            for one in entry.data["lines"]:
                if f"{order}/{line}" == one["line"] or f"{order}/{line}".startswith(
                    f"{one['line']}."
                ):
                    return str(one["reason"])
    return ""
