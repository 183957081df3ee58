"""Telling: who asked for what is noted here, a set at a time; connectors carry it there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from inventory_control.core import clock
from inventory_control.events.models import Notice
from inventory_control.events.states import POSITION_CHANGED
from inventory_control.events.values import PositionCause

_NOTE_POSITIONS = """
    WITH noted AS (
        INSERT INTO events_notice (
            subscription_id, type, item_id, node_id, event_id, correlation_id, noted_at, version
        )
        SELECT s.id, %(type)s, c.item_id, c.node_id, c.event_id, c.correlation_id, %(now)s,
               nextval('events_notice_id_seq')
          FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[], %(events)s::bigint[],
                      %(correlations)s::text[])
            AS c (item_id, node_id, event_id, correlation_id)
          JOIN events_subscription s ON s.is_active AND %(type)s = ANY(s.types)
           AND (s.items = '{}' OR c.item_id = ANY(s.items))
           AND (s.nodes = '{}' OR c.node_id = ANY(s.nodes))
         ORDER BY s.id, c.item_id, c.node_id
        ON CONFLICT (subscription_id, item_id, node_id) WHERE type = 'position.changed'
        DO UPDATE SET event_id = excluded.event_id, correlation_id = excluded.correlation_id,
                      noted_at = excluded.noted_at, version = excluded.version
        RETURNING subscription_id
    )
    SELECT DISTINCT s.code FROM noted JOIN events_subscription s ON s.id = noted.subscription_id
"""
_NOTE_EVENTS = """
    WITH noted AS (
        INSERT INTO events_notice (
            subscription_id, type, item_id, node_id, event_id, correlation_id, noted_at, version
        )
        SELECT s.id, e.type, e.item_id, e.node_id, e.id, e.correlation_id, %(now)s,
               nextval('events_notice_id_seq')
          FROM events_inventoryevent e
          JOIN events_subscription s ON s.is_active AND e.type = ANY(s.types)
           AND (s.items = '{}' OR e.item_id = ANY(s.items))
           AND (s.nodes = '{}' OR e.node_id = ANY(s.nodes))
         WHERE e.id = ANY(%(events)s)
         ORDER BY s.id, e.id
        ON CONFLICT DO NOTHING
        RETURNING subscription_id
    )
    SELECT DISTINCT s.code FROM noted JOIN events_subscription s ON s.id = noted.subscription_id
"""


def note_positions(causes: Sequence[PositionCause]) -> list[str]:
    """Note changed positions for whoever wants them; the codes of those to be told.

    A position noted before and not told yet stays one note, with the last cause.
    """
    if not causes:
        return []
    return _noted(
        _NOTE_POSITIONS,
        {
            "type": POSITION_CHANGED,
            "items": [cause.item_id for cause in causes],
            "nodes": [cause.node_id for cause in causes],
            "events": [cause.event_id for cause in causes],
            "correlations": [cause.correlation_id for cause in causes],
        },
    )


def note_events(event_ids: Sequence[int]) -> list[str]:
    """Note posted events for whoever subscribed to their types; the codes of those to be told."""
    return _noted(_NOTE_EVENTS, {"events": list(event_ids)})


def forget_told(notices: Sequence[Notice]) -> None:
    """Take away what a subscriber took; a position that changed meanwhile stays to be told."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM events_notice
             WHERE (id, version) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))
            """,
            [[notice.pk for notice in notices], [notice.version for notice in notices]],
        )


def _noted(statement: str, parameters: dict[str, Any]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {**parameters, "now": clock.now()})
        return sorted(code for (code,) in cursor.fetchall())
