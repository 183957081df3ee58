"""Masters: what events say of items, nodes, suppliers, prices and promotions, folded by field.

Of two events that name the same field the later fact wins, whatever order they arrive in. A
change is taken back by a newer change, not by a correction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from django.db import connection

from inventory_control.events.models import InventoryEvent, MasterFact
from inventory_control.events.states import MASTER_TYPES
from inventory_control.events.values import MasterChange, promotion_code

_PRICE_FIELDS = {"price": "unit_price", "cost": "unit_cost"}
_KEEP = """
    INSERT INTO events_masterfact AS mine (
        noun, code, field, value, occurred_at, source, source_id
    )
    SELECT DISTINCT ON (noun, code, field) *
      FROM jsonb_to_recordset(%s::jsonb) AS told (
               noun text, code text, field text, value jsonb, occurred_at timestamptz,
               source text, source_id text
           )
     ORDER BY noun, code, field, occurred_at DESC, source DESC, source_id DESC
    ON CONFLICT (noun, code, field) DO UPDATE SET
        value = excluded.value, occurred_at = excluded.occurred_at,
        source = excluded.source, source_id = excluded.source_id
      WHERE (excluded.occurred_at, excluded.source, excluded.source_id)
            >= (mine.occurred_at, mine.source, mine.source_id)
    RETURNING noun, code, field
"""


def fold_masters(event_ids: Sequence[int]) -> list[MasterChange]:
    """Keep what some events say of masters; returns the fields whose latest word that is."""
    events = (
        InventoryEvent.objects.filter(pk__in=event_ids, type__in=MASTER_TYPES)
        .select_related("item", "node")
        .order_by("pk")
    )
    told = [fact for event in events for fact in _facts(event)]
    if not told:
        return []
    values = {(one["noun"], one["code"], one["field"]): one for one in sorted(told, key=_fold_key)}
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [msgspec.json.encode(told).decode()])
        won = cursor.fetchall()
    changed: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    for noun, code, field in won:
        changed[noun, code][field] = values[noun, code, field]["value"]
    return [MasterChange(noun, code, fields) for (noun, code), fields in sorted(changed.items())]


def known_facts(noun: str, codes: Collection[str]) -> dict[str, dict[str, Any]]:
    """The latest word on every field of some masters, by code."""
    facts: dict[str, dict[str, Any]] = {code: {} for code in codes}
    for one in MasterFact.objects.filter(noun=noun, code__in=codes):
        facts[one.code][one.field] = one.value
    return facts


def items_waiting_for(suppliers: Collection[str]) -> list[str]:
    """The items events gave one of these suppliers, by sku."""
    return list(
        MasterFact.objects.filter(noun="item", field="supplier", value__in=list(suppliers))
        .order_by("code")
        .values_list("code", flat=True)
    )


def _facts(event: InventoryEvent) -> Iterable[dict[str, Any]]:
    told: Mapping[str, Any] = event.details.get("attributes") or {}
    noun, code, fields = _subject(event, told)
    for field, value in fields.items():
        yield {
            "noun": noun,
            "code": code,
            "field": field,
            "value": value,
            "occurred_at": event.occurred_at,
            "source": event.source,
            "source_id": event.source_id,
        }


def _subject(event: InventoryEvent, told: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    """Which master an event is about, and what it says of its fields, as the catalog calls them."""
    if event.type == "price.changed" and event.item is not None:
        money = {mine: told[name] for name, mine in _PRICE_FIELDS.items() if name in told}
        return "item", event.item.sku, money
    if event.type == "promotion.changed" and event.item is not None:
        node = event.node.code if event.node else ""
        terms = {name: told[name] for name in ("starts_at", "ends_at", "uplift") if name in told}
        terms["is_cancelled"] = told.get("cancelled") is True
        return "promotion", promotion_code(str(told["code"]), event.item.sku, node), terms
    key = "sku" if event.type == "item.changed" else "code"
    noun = event.type.partition(".")[0]
    return noun, str(told[key]), {name: one for name, one in told.items() if name != key}


def _fold_key(fact: Mapping[str, Any]) -> tuple[Any, ...]:
    return fact["occurred_at"], fact["source"], fact["source_id"]
