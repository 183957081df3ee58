"""Questions about the inbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import connection
from django.db.models import QuerySet

from inventory_control.events.models import DeadLetter, EventWork, InventoryEvent
from inventory_control.events.states import DOCUMENT_TYPES, DeadLetterStatus
from inventory_control.events.values import DocumentFact

ROUTES: Mapping[str, tuple[str, ...]] = dict.fromkeys(DOCUMENT_TYPES, ("orders",))
"""Which consumers deal with a type after it is posted, each for itself (EVT-19)."""


LAST_ATTEMPT = 5
"""After so many failures a consumer leaves an event alone."""


def route_of(event_type: str) -> tuple[str, ...]:
    """The consumers of a type."""
    return ROUTES.get(event_type, ())


def is_work_due(consumer: str) -> bool:
    """Whether events wait for a consumer that it may still try."""
    return EventWork.objects.filter(consumer=consumer, attempts__lt=LAST_ATTEMPT).exists()


def event_history(*, item_id: int, node_id: int | None = None) -> QuerySet[InventoryEvent]:
    """The events of an item, newest first."""
    events = InventoryEvent.objects.filter(item_id=item_id)
    if node_id is not None:
        events = events.filter(node_id=node_id)
    return events.order_by("-occurred_at", "-id")


def open_dead_letters() -> QuerySet[DeadLetter]:
    """Refused rows that wait for a person, newest first."""
    return DeadLetter.objects.filter(status=DeadLetterStatus.OPEN).order_by("-id")


COUNTED_UP_TO = 1_000
"""Beyond this a count says "many": exact counts of large tables are never asked for."""


def dead_letter_count() -> int:
    """How many refused rows wait for a person, at most `COUNTED_UP_TO`."""
    return open_dead_letters()[:COUNTED_UP_TO].count()


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
           CASE WHEN c.id IS NULL THEN o.quantity ELSE coalesce(c.quantity, 0) END,
           (o.details ->> 'due_at')::timestamptz, o.details ->> 'supplier',
           o.details ->> 'to_node', o.details -> 'attributes' ->> 'asn'
      FROM events_inventoryevent o
      LEFT JOIN events_inventoryevent c ON c.corrects = o.id
     WHERE o.type = ANY(%s) AND o.details ? 'document' AND o.details ->> 'document' = ANY(%s)
       AND (c.id IS NULL OR coalesce(c.quantity, 0) <> 0)
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
