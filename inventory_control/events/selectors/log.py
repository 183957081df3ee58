"""The events themselves: searched, paged, by what they name, and what corrects them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform

from inventory_control.catalog.models import Item, Node
from inventory_control.core.errors import Refused
from inventory_control.events.errors import UnknownEventError
from inventory_control.events.models import Correction, InventoryEvent
from inventory_control.events.states import DOCUMENT_TYPES
from inventory_control.events.values import DocumentFact, EventFilters


def event_history(*, item_id: int, node_id: int | None = None) -> QuerySet[InventoryEvent]:
    """The events of an item, newest first."""
    events = InventoryEvent.objects.filter(item_id=item_id)
    if node_id is not None:
        events = events.filter(node_id=node_id)
    return events.order_by("-occurred_at", "-id")


def document_history(documents: Sequence[str]) -> dict[str, list[DocumentFact]]:
    """Everything events said of some documents, each in order of (occurred_at, source, id).

    A corrected event counts with the quantity its correction left of it, and not at all when
    that is nothing.
    """
    history: dict[str, list[DocumentFact]] = {document: [] for document in documents}
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, [list(DOCUMENT_TYPES), list(documents)])
        for document, *fact in cursor.fetchall():
            history[document].append(DocumentFact(*fact))
    return history


_HISTORY = """
    SELECT o.details ->> 'document', o.type, o.occurred_at, o.item_id, o.node_id,
           CASE WHEN c.event_id IS NULL THEN o.quantity ELSE coalesce(c.quantity, 0) END,
           (o.details ->> 'due_at')::timestamptz, o.details ->> 'supplier',
           o.details ->> 'to_node', o.details -> 'attributes' ->> 'asn', o.details ->> 'to_state',
           coalesce((o.details -> 'attributes' ->> 'partial')::boolean, false)
      FROM events_inventoryevent o
      LEFT JOIN events_correction c ON c.fact_id = o.id AND c.is_standing
     WHERE o.type = ANY(%s) AND o.details ? 'document' AND o.details ->> 'document' = ANY(%s)
       AND (c.event_id IS NULL OR coalesce(c.quantity, 0) <> 0)
     ORDER BY o.occurred_at, o.source, o.source_id
"""


def known_keys(keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of some (source, source id) are events already."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT source, source_id FROM events_sourcekey
             WHERE (source, source_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
            """,
            [[source for source, _ in keys], [source_id for _, source_id in keys]],
        )
        return set(cursor.fetchall())


def event_search(
    filters: EventFilters, *, before: int | None = None, limit: int = 50
) -> list[InventoryEvent]:
    """A page of the events that match, the last learnt first, below the id `before` (keyset).

    Items, orders, documents and the day of receipt have an index each, everything else shares
    `event_summary`.
    Raises `Refused` for an item or node that does not exist.
    """
    found = InventoryEvent.objects.select_related("item", "node").defer("raw")
    for field in ("correlation_id", "type", "source", "received_from"):
        if value := getattr(filters, field):
            found = found.filter(**{field: value})
    if filters.item:
        found = found.filter(item=_named(Item, "sku", filters.item, "item"))
    if filters.node:
        found = found.filter(node=_named(Node, "code", filters.node, "node"))
    for field in ("order", "document"):
        if value := getattr(filters, field):
            found = _naming(found, field, value)
    for bound, lookup in _BOUNDS.items():
        if (moment := getattr(filters, bound)) is not None:
            found = found.filter(**{lookup: moment})
    if before is not None:
        found = found.filter(pk__lt=before)
    # By a bare id the planner would walk back from the newest event to a window long ago.
    latest = (F("pk") + 0).desc() if filters.is_windowed else F("pk").desc()
    return list(found.order_by(latest)[:limit])


def events_about(field: str, value: str, limit: int) -> list[InventoryEvent]:
    """The events that name an order or a document, with those that correct them; two queries."""
    found = InventoryEvent.objects.select_related("item", "node").defer("raw")
    named = list(_naming(found, field, value).order_by("-occurred_at", "-pk")[:limit])
    known = {event.pk for event in named}
    corrections = found.filter(corrects__in=known).exclude(pk__in=known)
    return [*named, *corrections]


def latest_events_of(item_id: int, limit: int) -> list[InventoryEvent]:
    """The latest events of an item, wherever they happened, with those that correct others."""
    found = event_history(item_id=item_id).select_related("item", "node").defer("raw")
    return list(found[:limit])


def event_page(pk: int) -> InventoryEvent:
    """One event with everything it carries; raises `UnknownEventError`."""
    event = InventoryEvent.objects.select_related("item", "node").filter(pk=pk).first()
    if event is None:
        raise UnknownEventError(f"There is no event {pk}.")
    return event


def corrections_around(event: InventoryEvent) -> tuple[int | None, int | None]:
    """The fact this one corrects, and what corrects it: of several, the one that stands."""
    by = (
        Correction.objects.filter(Q(fact_id=event.pk) | Q(about_id=event.pk))
        .order_by("-is_standing", "-pk")
        .values_list("pk", flat=True)
        .first()
    )
    return event.corrects, by


def posted_together(event: InventoryEvent) -> list[int]:
    """The ids that the batch of an event may be known by in the audit log, nearest first."""
    near = InventoryEvent.objects.filter(
        recorded_at__gte=event.recorded_at - _ONE_BATCH,
        recorded_at__lte=event.recorded_at,
        pk__lte=event.pk,
    )
    return list(near.order_by((F("pk") + 0).desc()).values_list("pk", flat=True)[:MOST_IN_BATCH])


MOST_IN_BATCH = 5_000
_ONE_BATCH = timedelta(seconds=5)
_BOUNDS = {
    "since": "occurred_at__gte",
    "until": "occurred_at__lt",
    "learnt_since": "recorded_at__gte",
    "learnt_until": "recorded_at__lt",
}


def _naming(events: QuerySet[InventoryEvent], field: str, value: str) -> QuerySet[InventoryEvent]:
    """Events whose details name an order or a document, in the words of the index for it."""
    named = events.annotate(named=KeyTextTransform(field, "details"))
    return named.filter(details__has_key=field, named=value)


def _named(model: type[Item | Node], field: str, name: str, noun: str) -> int:
    pk = model._default_manager.filter(**{field: name}).values_list("pk", flat=True).first()
    if pk is None:
        raise Refused(f"No {noun} is called {name}.", field=noun)
    return int(pk)


def canonical_form(event: InventoryEvent) -> dict[str, Any]:
    """The canonical form of an event, as if it had been sent like that."""
    fields = {
        "type": event.type,
        "schema_version": event.schema_version,
        "source": event.source,
        "source_id": event.source_id,
        "occurred_at": event.occurred_at.isoformat(),
        "item": event.item.sku if event.item else None,
        "node": event.node.code if event.node else None,
        "quantity": event.quantity,
        "correlation_id": event.correlation_id,
        **event.details,
    }
    return {name: value for name, value in fields.items() if value is not None}


def events_by_id(event_ids: Sequence[int]) -> dict[int, InventoryEvent]:
    """Some events by their ids, without their raw bodies."""
    found = InventoryEvent.objects.filter(pk__in=list(event_ids)).defer("raw")
    return {event.pk: event for event in found.select_related("item", "node")}
