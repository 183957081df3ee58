"""Refused rows that wait: for a person, or for a name to become known."""

from __future__ import annotations

from django.db import connection
from django.db.models import QuerySet

from inventory_control.core.sql import hot, is_so
from inventory_control.events.models import DeadLetter
from inventory_control.events.states import DeadLetterStatus
from inventory_control.events.values import LetterFilter, WaitingName


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
        cursor.execute(_KNOWN_AGAIN, [after, limit])
        return [pk for (pk,) in cursor.fetchall()]


def is_naming_due() -> bool:
    """Whether rows may go on because their name is known by now."""
    return bool(known_again(after=0, limit=1))


MOST_NAMES = 1_000
"""Names told at once, oldest first: beyond them a source speaks another language altogether."""


def waiting_names() -> list[WaitingName]:
    """The names that rows wait for, those that wait longest first."""
    return [WaitingName(*row) for row in hot(_WAITING, [MOST_NAMES])]


def has_untold_names() -> bool:
    """Whether rows began to wait for a name since detection looked last."""
    return is_so(_HAS_UNTOLD)


COUNTED_UP_TO = 1_000
"""Beyond this a count says "many": exact counts of large tables are never asked for."""


def dead_letter_count() -> int:
    """How many refused rows wait for a person, at most `COUNTED_UP_TO`."""
    return open_dead_letters()[:COUNTED_UP_TO].count()


_HAS_UNTOLD = """
    SELECT EXISTS (
               SELECT FROM events_deadletter
                WHERE status = 'open' AND waits_noun <> '' AND NOT is_told
           )
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
