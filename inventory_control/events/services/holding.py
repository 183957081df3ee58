"""Holding: events that wait for another one, and the count of those that came again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db import connection

from inventory_control.core import clock
from inventory_control.events.errors import InvalidEventError
from inventory_control.events.models import Redelivery
from inventory_control.events.values import EventDraft


def note_redeliveries(repeated: Sequence[tuple[str, str]]) -> None:
    """Count the events of a batch that were known before, by (source, who delivered them again)."""
    Redelivery.objects.bulk_create(
        Redelivery(source=source, received_from=name, received_at=clock.now(), events=events)
        for (source, name), events in sorted(Counter(repeated).items())
    )


def hold(draft: EventDraft) -> None:
    """Keep a correction until the event it corrects arrives; a repeat changes nothing."""
    about = draft.event.corrects
    if about is None:
        raise InvalidEventError("A correction names the event it is about.", field="corrects")
    waits_for = (
        f"business:{about.business_key}"
        if about.business_key is not None
        else f"source:{about.source}:{about.source_id}"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO events_heldevent (
                source, source_id, waits_for, held_at, received_from, raw
            )
            VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (source, source_id) DO NOTHING
            """,
            [*draft.key, waits_for, clock.now(), draft.received_from, draft.raw],
        )


def take_held(arrived: Sequence[EventDraft]) -> dict[str, list[bytes]]:
    """Take out the corrections that waited for these events: raw rows by who delivered them."""
    waited_for = [f"source:{draft.source}:{draft.event.source_id}" for draft in arrived]
    waited_for += [f"business:{key}" for draft in arrived if (key := draft.event.business_key)]
    rows: dict[str, list[bytes]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM events_heldevent WHERE waits_for = ANY(%s) RETURNING received_from, raw",
            [waited_for],
        )
        for received_from, raw in cursor.fetchall():
            rows.setdefault(received_from, []).append(bytes(raw))
    return rows
