"""Questions about the inbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.fields.json import KeyTextTransform

from inventory_control.catalog.models import Item, Node
from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.core.sql import Asked, hot_later, named_statements
from inventory_control.events.errors import UnknownEventError
from inventory_control.events.models import (
    DeadLetter,
    EventWork,
    InventoryEvent,
    Notice,
    QualityDay,
    Serial,
    ShelfWord,
    Source,
    Subscription,
)
from inventory_control.events.rules import POLICIES, gate_of
from inventory_control.events.states import (
    BOOKED_TYPES,
    DOCUMENT_TYPES,
    MASTER_TYPES,
    ORDERING_TYPES,
    POSITION_CHANGED,
    SERIAL_TYPES,
    SHELF_TYPES,
    DeadLetterStatus,
)
from inventory_control.events.values import (
    DEFAULTS,
    DocumentFact,
    EventFilters,
    Freshness,
    Gate,
    LetterFilter,
    ShelfSignal,
    UnknownSerial,
    WaitingName,
)
from inventory_control.policies.models import Policy
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.values import PolicyValue

SOURCE_SQL = named_statements(Path(__file__).with_name("sources.sql"))
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
    "masters": MASTER_TYPES,
    "shelves": SHELF_TYPES,
    "reports": ("control_total.declared", "position.reported", "stock.counted"),
}
ROUTES: Mapping[str, tuple[str, ...]] = {
    event_type: tuple(name for name, types in _CONSUMERS.items() if event_type in types)
    for event_type in sorted({one for types in _CONSUMERS.values() for one in types})
}
"""Which consumers deal with a type after it is posted, each for itself (EVT-19)."""
SERIAL_ROUTES: Mapping[str, tuple[str, ...]] = dict.fromkeys(SERIAL_TYPES, ("serials",))
"""And which do so only when the event names a serial: most sales name none."""

LAST_ATTEMPT = 5
"""After so many failures a consumer leaves an event alone."""


def route_of(event_type: str, *, has_serial: bool = False) -> tuple[str, ...]:
    """The consumers of an event of a type, with or without a serial."""
    usual = ROUTES.get(event_type, ())
    return usual + SERIAL_ROUTES.get(event_type, ()) if has_serial else usual


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
    """The event this one corrects, and the one that corrects it."""
    by = InventoryEvent.objects.filter(corrects=event.pk).values_list("pk", flat=True).first()
    return event.corrects, by


def posted_together(event: InventoryEvent) -> list[int]:
    """The ids that the batch of an event may be known by in the audit log, nearest first."""
    near = InventoryEvent.objects.filter(
        recorded_at__gte=event.recorded_at - _ONE_BATCH,
        recorded_at__lte=event.recorded_at,
        pk__lte=event.pk,
    )
    return list(near.order_by((F("pk") + 0).desc()).values_list("pk", flat=True)[:MOST_IN_BATCH])


def work_of(event_id: int) -> list[EventWork]:
    """Consumers that still owe an event their part, by name."""
    return list(EventWork.objects.filter(event_id=event_id).order_by("consumer", "pk"))


def dead_work(*, before: int | None = None, limit: int = 50) -> list[EventWork]:
    """A page of events a consumer gave up on, newest first."""
    found = EventWork.objects.filter(attempts__gte=LAST_ATTEMPT).select_related(
        "event__item", "event__node"
    )
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])


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


SUBSCRIBERS = "subscribers"
"""The consumer of every event of a type that anybody subscribed to."""


def subscribed_types() -> Asked:
    """The types anybody wants to be told of; asked for with the posting, not waited for."""
    return hot_later("SELECT DISTINCT unnest(types) FROM events_subscription WHERE is_active", [])


def are_positions_wanted() -> bool:
    """Whether anybody wants to be told of changed positions."""
    return Subscription.objects.filter(is_active=True, types__contains=[POSITION_CHANGED]).exists()


def next_notices(code: str, limit: int) -> list[Notice]:
    """What a subscriber is to be told next, oldest first."""
    return list(
        Notice.objects.filter(subscription__code=code, subscription__is_active=True).order_by("pk")[
            :limit
        ]
    )


def subscriptions() -> list[Subscription]:
    """Every subscription, by code."""
    return list(Subscription.objects.order_by("code"))


def events_by_id(event_ids: Sequence[int]) -> dict[int, InventoryEvent]:
    """Some events by their ids, without their raw bodies."""
    found = InventoryEvent.objects.filter(pk__in=list(event_ids)).defer("raw")
    return {event.pk: event for event in found.select_related("item", "node")}


def policy_of(key: str) -> PolicyValue:
    """A policy about sources; version 0, the product's own, in a tenant older than the policy."""
    if not Policy.objects.filter(key=key).exists():
        return PolicyValue(key=key, version=0, value=DEFAULTS[key])
    return current_policy(key)


def is_source_due() -> bool:
    """Whether anything arrived that no source was told of, or a source is to be looked at."""
    with connection.cursor() as cursor:
        cursor.execute(SOURCE_SQL["is_due"], {"now": clock.now()})
        (is_due,) = cursor.fetchone()
    return bool(is_due)


def is_source_noted() -> bool:
    """Whether detection has not looked at a source since something was to be said of it."""
    return Source.objects.filter(is_noted=True).exists()


def staleness(node_ids: Collection[int], *, at: datetime) -> dict[int, Freshness]:
    """How old the word on the positions of some nodes is; nodes nobody ever spoke of are missing."""
    with connection.cursor() as cursor:
        cursor.execute(SOURCE_SQL["freshness"], {"nodes": list(node_ids), "now": at})
        return {node_id: Freshness(*row) for node_id, *row in cursor.fetchall()}


def sources(*, after: str = "", limit: int = 200) -> list[Source]:
    """A page of sources by code."""
    return list(Source.objects.filter(code__gt=after).order_by("code")[:limit])


def quality_trend(codes: Collection[str], *, since: date) -> dict[str, list[QualityDay]]:
    """The scored days of some sources since a day, oldest first."""
    trend: dict[str, list[QualityDay]] = {code: [] for code in codes}
    for one in QualityDay.objects.filter(source__in=codes, day__gte=since).order_by("day"):
        trend[one.source].append(one)
    return trend


def events_of_source(
    code: str, *, received_from: str = "", before: int | None = None, limit: int = 50
) -> list[InventoryEvent]:
    """A page of what a source sent, newest first, below the id `before`; by one credential or all."""
    last = Source.objects.filter(code=code).values("last_event_id")[:1]
    found = InventoryEvent.objects.filter(source=code, pk__lte=last)
    if received_from:
        found = found.filter(received_from=received_from)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-id")[:limit])


def serials_of(item_id: int, *, after: str = "", limit: int = 50) -> list[Serial]:
    """A page of the known units of an item, by serial."""
    found = Serial.objects.filter(item_id=item_id, serial__gt=after)
    return list(found.order_by("serial")[:limit])


def unknown_serials(
    places: Collection[tuple[int, int]],
) -> dict[tuple[int, int], list[UnknownSerial]]:
    """Units that came back to some places although no sale of them is known, by place."""
    asked = set(places)
    units: dict[tuple[int, int], list[UnknownSerial]] = {}
    for one in Serial.objects.filter(
        is_unknown=True,
        item_id__in={item for item, _ in asked},
        returned_to__in={node for _, node in asked},
    ).order_by("item_id", "serial"):
        if (one.item_id, one.returned_to) in asked:
            units.setdefault((one.item_id, one.returned_to), []).append(
                UnknownSerial(one.serial, one.returned_at, one.lot)
            )
    return units


def empty_shelves(places: Collection[tuple[int, int]]) -> dict[tuple[int, int], ShelfSignal]:
    """The places whose shelf showed nothing when it last said anything."""
    asked = set(places)
    found = ShelfWord.objects.filter(
        is_empty=True,
        item_id__in={item for item, _ in asked},
        node_id__in={node for _, node in asked},
    )
    return {
        (one.item_id, one.node_id): ShelfSignal(one.occurred_at, one.source, one.source_id)
        for one in found
        if (one.item_id, one.node_id) in asked
    }


def customer_signals(item_id: int, *, since: datetime) -> dict[str, int]:
    """How often customers asked for an item since a moment, by what they said (EVT-23).

    Back-in-stock subscriptions, complaints, reasons of cancelling: counted, nobody named. A
    signal that was corrected does not count.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CUSTOMER_SIGNALS, [item_id, since])
        return dict(cursor.fetchall())


_CUSTOMER_SIGNALS = """
    SELECT coalesce(e.reason, e.signal, 'unnamed'), count(*)
      FROM (
               SELECT o.id, nullif(o.details ->> 'reason', '') AS reason,
                      nullif(o.details -> 'attributes' ->> 'signal', '') AS signal
                 FROM events_inventoryevent o
                WHERE o.kind = 'signal' AND o.type = 'customer.signalled'
                  AND o.item_id = %s AND o.occurred_at >= %s
           ) AS e
     WHERE NOT EXISTS (SELECT FROM events_inventoryevent c WHERE c.corrects = e.id)
     GROUP BY 1
     ORDER BY 1
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
