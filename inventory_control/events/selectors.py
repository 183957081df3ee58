"""Questions about the inbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import connection
from django.db.models import QuerySet

from inventory_control.core import clock
from inventory_control.events.models import DeadLetter, EventWork, InventoryEvent
from inventory_control.events.rules import POLICIES, gate_of
from inventory_control.events.states import (
    BOOKED_TYPES,
    DOCUMENT_TYPES,
    ORDERING_TYPES,
    DeadLetterStatus,
)
from inventory_control.events.values import DocumentFact, Gate, LetterFilter, WaitingName
from inventory_control.policies.models import Policy

ERP = "erp"
"""The consumer that tells the ERP what the ledger did."""
_ARRIVALS = frozenset(
    {"receipt.recorded", "shipment.dispatched", "transfer.received", "transfer.shipped"}
)
"""What merely arrives moves stock, and needs no second word to those who wait for it."""
_CONSUMERS: Mapping[str, Sequence[str]] = {
    "orders": DOCUMENT_TYPES,
    "backorders": (*(one for one in DOCUMENT_TYPES if one not in _ARRIVALS), "order.backordered"),
    ERP: (*BOOKED_TYPES, *ORDERING_TYPES),
    "reports": ("control_total.declared", "position.reported", "stock.counted"),
}
ROUTES: Mapping[str, tuple[str, ...]] = {
    event_type: tuple(name for name, types in _CONSUMERS.items() if event_type in types)
    for event_type in sorted({one for types in _CONSUMERS.values() for one in types})
}
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


def open_dead_letters(asked: LetterFilter | None = None) -> QuerySet[DeadLetter]:
    """Refused rows that wait for a person, newest first."""
    letters = DeadLetter.objects.filter(status=DeadLetterStatus.OPEN)
    if asked is not None:
        fields = {
            "source": asked.source,
            "code": asked.code,
            "field": asked.field,
            "outcome": asked.outcome,
            "waits_name": asked.name,
        }
        letters = letters.filter(**{field: value for field, value in fields.items() if value})
    return letters.order_by("-id")


def known_again(*, after: int, limit: int) -> list[int]:
    """Rows whose name somebody has said the meaning of since, oldest first; their ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            _KNOWN_AGAIN,
            [after, limit],
        )
        return [pk for (pk,) in cursor.fetchall()]


def gate_in_force() -> Gate:
    """What policy says of events now."""
    newest = Policy.objects.filter(key__in=POLICIES, effective_at__lte=clock.now())
    return gate_of(dict(newest.order_by("key", "version").values_list("key", "value")))


def is_naming_due() -> bool:
    """Whether rows may go on because their name is known by now."""
    return bool(known_again(after=0, limit=1))


MOST_NAMES = 1_000
"""Names told at once, oldest first: beyond them a source speaks another language altogether."""


def waiting_names() -> list[WaitingName]:
    """The names that rows wait for, those that wait longest first."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [MOST_NAMES])
        return [WaitingName(*row) for row in cursor.fetchall()]


def has_untold_names() -> bool:
    """Whether rows began to wait for a name since detection looked last."""
    return (
        DeadLetter.objects.filter(status=DeadLetterStatus.OPEN, is_told=False)
        .exclude(waits_noun="")
        .exists()
    )


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
           o.details ->> 'to_node', o.details -> 'attributes' ->> 'asn', o.details ->> 'to_state',
           coalesce((o.details -> 'attributes' ->> 'partial')::boolean, false)
      FROM events_inventoryevent o
      LEFT JOIN events_inventoryevent c ON c.corrects = o.id
     WHERE o.type = ANY(%s) AND o.details ->> 'document' = ANY(%s)
       AND (c.id IS NULL OR coalesce(c.quantity, 0) <> 0)
     ORDER BY o.occurred_at, o.source, o.source_id
"""

# An own name goes before the one everybody uses; here any of them will do.
_KNOWN_AGAIN = """
    WITH waiting AS MATERIALIZED (
        SELECT DISTINCT waits_noun, waits_name, source
          FROM events_deadletter
         WHERE status = 'open' AND waits_noun <> ''
    ),
    known AS MATERIALIZED (
        SELECT *
          FROM waiting w
         WHERE CASE w.waits_noun
               WHEN 'item' THEN
                   EXISTS (SELECT FROM catalog_item i WHERE i.sku = w.waits_name)
                   OR EXISTS (
                       SELECT FROM catalog_itemidentifier n
                        WHERE n.value = w.waits_name AND n.source IN (w.source, '')
                   )
               WHEN 'node' THEN
                   EXISTS (SELECT FROM catalog_node p WHERE p.code = w.waits_name)
                   OR EXISTS (
                       SELECT FROM catalog_nodeidentifier n
                        WHERE n.value = w.waits_name AND n.source IN (w.source, '')
                   )
               ELSE EXISTS (
                        SELECT FROM catalog_statemapping m
                         WHERE m.code = w.waits_name AND m.source = w.source
                    )
               END
    )
    SELECT d.id
      FROM known
      JOIN events_deadletter d USING (waits_noun, waits_name, source)
     WHERE d.status = 'open' AND d.waits_noun <> '' AND d.id > %s
     ORDER BY d.id LIMIT %s
"""
_WAITING = """
    SELECT w.waits_noun, w.source, w.waits_name, w.waiting, d.received_at, d.id, d.source_id
      FROM (
               SELECT waits_noun, source, waits_name, count(*) AS waiting, min(id) AS oldest
                 FROM events_deadletter
                WHERE status = 'open' AND waits_noun <> ''
                GROUP BY waits_noun, waits_name, source
                ORDER BY min(id) LIMIT %s
           ) AS w
      JOIN events_deadletter d ON d.id = w.oldest
     ORDER BY w.oldest
"""
