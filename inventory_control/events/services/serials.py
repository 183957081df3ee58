"""Serials: where each numbered unit is, folded from the events that name it (EVT-26)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from django.db import connection, transaction

from inventory_control.core import clock
from inventory_control.core.places import Place
from inventory_control.core.tenancy import current_tenant
from inventory_control.events.models import Serial
from inventory_control.events.rules import serial_story
from inventory_control.events.states import SERIAL_TYPES
from inventory_control.events.values import SerialFact

_TOUCHED = """
    SELECT DISTINCT told.item_id, told.details ->> 'serial'
      FROM events_inventoryevent e
      JOIN events_inventoryevent told ON told.id = coalesce(e.corrects, e.id)
     WHERE e.id = ANY(%s) AND told.details ? 'serial' AND told.item_id IS NOT NULL
"""
_HISTORY = """
    SELECT o.item_id, o.details ->> 'serial' AS serial, o.type, o.occurred_at, o.node_id, there.id,
           coalesce(o.details ->> 'to_state', ''), coalesce(o.details ->> 'order', ''),
           coalesce(o.details ->> 'lot', ''), coalesce(o.details ->> 'supplier', '')
      FROM unnest(%s::bigint[], %s::text[]) AS unit (item_id, serial)
      JOIN events_inventoryevent o
        ON o.details ? 'serial' AND o.details ->> 'serial' = unit.serial
       AND o.item_id = unit.item_id
      LEFT JOIN events_correction c ON c.fact_id = o.id AND c.is_standing
      LEFT JOIN catalog_node there ON there.code = o.details ->> 'to_node'
     WHERE o.type = ANY(%s) AND (c.event_id IS NULL OR coalesce(c.quantity, 0) <> 0)
     ORDER BY 1, 2, o.occurred_at, o.source, o.source_id
"""


@transaction.atomic
def fold_serials(event_ids: Sequence[int]) -> set[Place]:
    """Bring the units some events name up to date, whatever order those came in.

    The whole history of each is folded. Returns the places (item, node) whose doubts changed: a
    unit came back unknown there, or the sale that was missing arrived.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{current_tenant().schema_name}.serials"],
        )
        cursor.execute(_TOUCHED, [list(event_ids)])
        units = cursor.fetchall()
        if not units:
            return set()
        cursor.execute(
            _HISTORY,
            [[item for item, _ in units], [serial for _, serial in units], list(SERIAL_TYPES)],
        )
        facts = [SerialFact(*row) for row in cursor.fetchall()]
    known = {
        (one.item_id, one.serial): one
        for one in Serial.objects.filter(
            item_id__in={item for item, _ in units}, serial__in={serial for _, serial in units}
        )
    }
    told = {
        unit: list(group)
        for unit, group in groupby(facts, key=lambda fact: (fact.item_id, fact.serial))
    }
    rows = [_row(unit, mine) for unit, mine in told.items()]
    _write(rows)
    for unit in set(units) - told.keys():
        Serial.objects.filter(item_id=unit[0], serial=unit[1]).delete()
    doubted = {one.pk for one in rows if one.is_unknown}
    before = {unit for unit in units if unit in known and known[unit].is_unknown}
    changed = [one for one in rows if one.pk in doubted ^ before]
    changed += [known[unit] for unit in before]
    return {(one.item_id, one.returned_to) for one in changed if one.returned_to is not None}


def _row(unit: tuple[int, str], facts: Sequence[SerialFact]) -> Serial:
    story = serial_story(facts)
    return Serial(
        item_id=unit[0],
        serial=unit[1],
        state=story.state,
        node_id=story.node_id,
        lot=story.lot,
        supplier=story.supplier,
        order=story.order,
        is_unknown=story.is_unknown,
        returned_at=story.returned_at,
        returned_to=story.returned_to,
        occurred_at=story.occurred_at,
        changed_at=clock.now(),
    )


def _write(rows: Sequence[Serial]) -> None:
    fields = [
        field.name for field in Serial._meta.concrete_fields if field.name not in _UNIT
    ]  # fmt: skip
    Serial.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=list(_UNIT), update_fields=fields
    )


_UNIT = ("item_id", "serial")
