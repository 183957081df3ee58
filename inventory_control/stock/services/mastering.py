"""Mastering: what events say of masters reaches the catalog, and the places it matters to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import connection, models, transaction

from inventory_control.catalog.models import Item, Node, Promotion, Supplier
from inventory_control.catalog.services import (
    InvalidRowError,
    upsert_items,
    upsert_nodes,
    upsert_promotions,
    upsert_suppliers,
)
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.tenancy import current_tenant
from inventory_control.events.models import InventoryEvent
from inventory_control.events.services import (
    fold_masters,
    items_waiting_for,
    known_facts,
    park,
    work_through,
)
from inventory_control.events.states import Outcome
from inventory_control.events.values import MasterChange, Refusal
from inventory_control.stock.services.demand import mark_places
from inventory_control.timers.services import set_timers

MASTERS = "masters"
"""The consumer of the types that change masters."""
NEARS = "promotion.nears"
"""The timer of the moment from which on supply ordered comes too late for a promotion."""
USUAL_LEAD_TIME_DAYS = 7
_PROMOTION_NEEDS = ("starts_at", "ends_at", "uplift")
Upsert = Callable[..., int]


def follow_masters(*, by: Actor) -> int:
    """Apply every change of a master that waits; returns the events dealt with."""
    return work_through(MASTERS, lambda event_ids: _follow(event_ids, by))


def mark_promoted(promotion_id: str) -> None:
    """What the timer of a promotion does: have its item looked at again everywhere."""
    items = Promotion.objects.filter(pk=promotion_id).values_list("item_id", flat=True)
    mark_places(item_ids=list(items))


def _follow(event_ids: Sequence[int], by: Actor) -> None:
    """Fold and apply; what the catalog can never take ends as a dead letter, alone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{current_tenant().schema_name}.masters"],
        )
    try:
        with transaction.atomic():
            _apply(fold_masters(event_ids), by)
    except InvalidRowError as error:
        if len(event_ids) > 1:
            raise
        _give_up(event_ids[0], error)


def _apply(changes: Sequence[MasterChange], by: Actor) -> None:
    """Suppliers and nodes first, because items and promotions name them."""
    changed: dict[str, dict[str, Mapping[str, Any]]] = {}
    for change in changes:
        changed.setdefault(change.noun, {})[change.code] = change.fields
    suppliers = changed.get("supplier", {})
    _upsert("supplier", suppliers, Supplier, "code", upsert_suppliers, by)
    _upsert("node", changed.get("node", {}), Node, "code", upsert_nodes, by)
    items = changed.get("item", {})
    waiting = known_facts("item", items_waiting_for(suppliers)) if suppliers else {}
    touched = {
        sku: {**items.get(sku, {}), **_supplier_of(waiting.get(sku, {}))}
        for sku in items.keys() | waiting.keys()
    }
    _upsert("item", touched, Item, "sku", upsert_items, by)
    _promote(changed.get("promotion", {}), by)
    if touched:
        mark_places(
            item_ids=list(Item.objects.filter(sku__in=touched).values_list("pk", flat=True))
        )


def _supplier_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"supplier": facts["supplier"]} if "supplier" in facts else {}


def _upsert(
    noun: str,
    changed: Mapping[str, Mapping[str, Any]],
    model: type[models.Model],
    key: str,
    upsert: Upsert,
    by: Actor,
) -> None:
    """Write what is new of masters the catalog knows, and all that is known of those it does not.

    One that has no name yet waits for the event that brings it; so does the supplier of an item.
    """
    if not changed:
        return
    names: dict[str, str] = dict(
        model._default_manager.filter(**{f"{key}__in": list(changed)}).values_list(key, "name")
    )
    facts = known_facts(noun, changed.keys() - names.keys())
    rows = []
    for code, fields in changed.items():
        row = {**facts.get(code, {}), **fields, key: code}
        row.setdefault("name", names.get(code))
        if row["name"] is not None:
            rows.append(row)
    _leave_unknown_suppliers(rows)
    if rows:
        upsert(rows, by=by)


def _leave_unknown_suppliers(rows: Sequence[dict[str, Any]]) -> None:
    """Leave out suppliers nobody told of yet: when they come, their items are told again."""
    named = {row["supplier"] for row in rows if isinstance(row.get("supplier"), str)}
    if not named:
        return
    known = set(Supplier.objects.filter(code__in=named).values_list("code", flat=True))
    for row in rows:
        if isinstance(row.get("supplier"), str) and row["supplier"] not in known:
            del row["supplier"]


def _promote(codes: Collection[str], by: Actor) -> None:
    """Write promotions whose terms are known; a cancelling that came first waits for them."""
    rows = []
    for code, facts in known_facts("promotion", codes).items():
        if all(name in facts for name in _PROMOTION_NEEDS):
            name, sku, node = code.split("\x1f")
            rows.append({**facts, "code": name, "item": sku, "node": node or None})
    if not rows:
        return
    promotions = upsert_promotions(rows, by=by)
    mark_places(item_ids=sorted({one.item_id for one in promotions}))
    now = clock.now()
    items = Item.objects.select_related("supplier").in_bulk({one.item_id for one in promotions})
    due = {}
    for one in promotions:
        supplier = items[one.item_id].supplier
        days = supplier.lead_time_days if supplier else USUAL_LEAD_TIME_DAYS
        due[str(one.pk)] = one.starts_at - timedelta(days=days)
    set_timers(kind=NEARS, due={pk: moment for pk, moment in due.items() if moment > now})


def _give_up(event_id: int, error: InvalidRowError) -> None:
    event = InventoryEvent.objects.get(pk=event_id)
    place, _, field = (error.field or "").partition("].")
    refusal = Refusal(
        outcome=Outcome.QUARANTINED,
        code="invalid_master",
        field=f"attributes.{field or place}",
        reason=error.detail,
        body=bytes(event.raw),
        source=event.source,
        source_id=event.source_id,
    )
    park([refusal], received_from=event.received_from)
