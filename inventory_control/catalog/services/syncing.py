"""Master-data sync: rows of the ERP land here, in sets, known by their codes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import InvalidOperation
from typing import Any

from django.db import models, transaction

from inventory_control.audit.services import record
from inventory_control.catalog import permissions
from inventory_control.catalog.errors import OwnedByErpError
from inventory_control.catalog.models import (
    Channel,
    Item,
    ItemNode,
    Node,
    Promotion,
    Substitute,
    Supplier,
)
from inventory_control.catalog.services.rows import (
    MOST_DAYS,
    MOST_RANKS,
    Field,
    InvalidRowError,
    Row,
    by_code,
    codes_list,
    flag,
    maybe,
    moment,
    money,
    named,
    number,
    one_of,
    read_rows,
    share,
    text,
    uplift,
    weekdays,
    whole,
)
from inventory_control.core.actors import Actor, ActorKind
from inventory_control.core.doorbell import ring
from inventory_control.core.permissions import require

NAMES = "names"
"""The stage that lets events go on which waited for a name."""
_TERMS = ("starts_at", "ends_at", "uplift", "is_cancelled")


@transaction.atomic
def upsert_suppliers(rows: Sequence[Row], *, by: Actor) -> int:
    """Create or change suppliers by `code`; returns how many rows were taken.

    The ERP's key may, a person at the console may not: `OwnedByErpError`.
    """
    _refuse_session(by)
    return _upsert(Supplier, "code", read_rows(rows, _SUPPLIER), by)


@transaction.atomic
def upsert_nodes(rows: Sequence[Row], *, by: Actor) -> int:
    """Create or change nodes by `code`; events that waited for one of them post."""
    taken = _upsert(Node, "code", read_rows(rows, _NODE), by)
    ring(NAMES)
    return taken


@transaction.atomic
def upsert_items(rows: Sequence[Row], *, by: Actor) -> int:
    """Create or change items by `sku`; `supplier` is named by its code.

    Events that waited for one of them post. The ERP's key may, a person at the console may not:
    `OwnedByErpError`.
    """
    _refuse_session(by)
    read = read_rows(rows, _ITEM)
    suppliers = by_code(Supplier, "code", {row.get("supplier") for row in read})
    for place, row in enumerate(read):
        if "supplier" in row:
            row["supplier"] = named(suppliers, row["supplier"], "supplier", place)
    taken = _upsert(Item, "sku", read, by)
    ring(NAMES)
    return taken


def read_changes(noun: str, changes: Row) -> dict[str, Any]:
    """What somebody wants changed of an `item` or a `supplier`, checked field by field.

    Raises `InvalidRowError` naming the field.
    """
    fields = {"item": _ITEM, "supplier": _SUPPLIER}[noun]
    known = {name: one for name, one in fields.items() if name not in {"sku", "code"}}
    if not changes or set(changes) - set(known):
        raise InvalidRowError(f"An {noun} has: {', '.join(known)}.", field="changes")
    read: dict[str, Any] = {}
    for name, value in changes.items():
        try:
            read[name] = known[name].read(value)
        except (ValueError, TypeError, InvalidOperation) as error:
            raise InvalidRowError(f"{name}: {error}.", field=f"changes.{name}") from None
    return read


@transaction.atomic
def upsert_channels(rows: Sequence[Row], *, by: Actor) -> list[int]:
    """Create or change channels by `code`, and set the nodes they draw on.

    Returns the ids of nodes whose channels changed: what may be sold there must be worked out anew.
    """
    read = read_rows(rows, _CHANNEL)
    nodes = by_code(Node, "code", {code for row in read for code in row.get("nodes", ())})
    drawn = {
        row["code"]: [named(nodes, code, "nodes", place) for code in row.pop("nodes")]
        for place, row in enumerate(read)
        if "nodes" in row
    }
    _upsert(Channel, "code", read, by)
    channels = Channel.objects.prefetch_related("nodes").filter(
        code__in=[row["code"] for row in read]
    )
    touched: set[int] = set()
    for channel in channels:
        touched |= {node.pk for node in channel.nodes.all()}
        if channel.code in drawn:
            channel.nodes.set(drawn[channel.code])
            touched |= {node.pk for node in drawn[channel.code]}
    return sorted(touched)


@transaction.atomic
def upsert_item_nodes(rows: Sequence[Row], *, by: Actor) -> list[tuple[int, int]]:
    """Set planning parameters of items at nodes, both named by code; returns the places."""
    read = read_rows(rows, _ITEM_NODE)
    items = by_code(Item, "sku", {row["item"] for row in read})
    nodes = by_code(Node, "code", {row["node"] for row in read})
    for place, row in enumerate(read):
        row["item"] = named(items, row["item"], "item", place)
        row["node"] = named(nodes, row["node"], "node", place)
    require(by, permissions.WRITE)
    if read:
        fields = sorted({field for row in read for field in row} - {"item", "node"})
        ItemNode.objects.bulk_create(
            [ItemNode(**row) for row in read],
            update_conflicts=bool(fields),
            ignore_conflicts=not fields,
            unique_fields=["item", "node"] if fields else None,
            update_fields=fields or None,
        )
        _tell("itemnode", len(read), [], by)
    return sorted({(row["item"].pk, row["node"].pk) for row in read})


def _refuse_session(by: Actor) -> None:
    """Keep people at the console from editing what the ERP owns (D1); its sync shows a key."""
    if by.kind is ActorKind.USER and by.scopes is None:
        raise OwnedByErpError


@transaction.atomic
def upsert_substitutes(rows: Sequence[Row], *, by: Actor) -> int:
    """Say which items may stand in for which, best rank first; only approved ones are offered."""
    require(by, permissions.WRITE)
    read = read_rows(rows, _SUBSTITUTE)
    items = by_code(Item, "sku", {row[name] for row in read for name in ("item", "substitute")})
    for place, row in enumerate(read):
        row["item"] = named(items, row["item"], "item", place)
        row["substitute"] = named(items, row["substitute"], "substitute", place)
        if row["item"] == row["substitute"]:
            raise InvalidRowError(
                "An item is no substitute of itself.", field=f"[{place}].substitute"
            )
    shapes: dict[tuple[str, ...], list[Substitute]] = {}
    for row in read:
        shapes.setdefault(tuple(sorted(set(row) - {"item", "substitute"})), []).append(
            Substitute(**row)
        )
    for fields, group in shapes.items():
        Substitute.objects.bulk_create(
            group,
            update_conflicts=bool(fields),
            ignore_conflicts=not fields,
            unique_fields=["item", "substitute"] if fields else None,
            update_fields=list(fields) or None,
        )
    if read:
        _tell("substitute", len(read), [], by)
    return len(read)


@transaction.atomic
def upsert_promotions(rows: Sequence[Row], *, by: Actor) -> list[Promotion]:
    """Create or change promotions by `code`, `item` and `node` (none: everywhere), all by code.

    Rules look ahead to them; cancelled ones stay, so that what was expected can be told.
    """
    read = read_rows(rows, _PROMOTION)
    require(by, permissions.WRITE)
    items = by_code(Item, "sku", {row["item"] for row in read})
    nodes = by_code(Node, "code", {row["node"] for row in read})
    for place, row in enumerate(read):
        row["item"] = named(items, row["item"], "item", place)
        row["node"] = named(nodes, row["node"], "node", place)
        if row["ends_at"] <= row["starts_at"]:
            raise InvalidRowError("A promotion ends after it starts.", field=f"[{place}].ends_at")
    known = {
        (one.code, one.item_id, one.node_id): one
        for one in Promotion.objects.select_for_update().filter(
            code__in={row["code"] for row in read}
        )
    }
    new: list[Promotion] = []
    changed: list[Promotion] = []
    for row in read:
        one = known.get((row["code"], row["item"].pk, row["node"].pk if row["node"] else None))
        if one is None:
            new.append(Promotion(**row))
            continue
        for name in _TERMS:
            setattr(one, name, row.get(name, getattr(one, name)))
        changed.append(one)
    Promotion.objects.bulk_create(new)
    Promotion.objects.bulk_update(changed, _TERMS)
    if read:
        _tell("promotion", len(read), [row["code"] for row in read], by)
    return new + changed


def _upsert(model: type[models.Model], key: str, rows: Sequence[dict[str, Any]], by: Actor) -> int:
    """One statement for rows that bring the same fields; absent fields of known rows stay."""
    require(by, permissions.WRITE)
    shapes: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        shapes.setdefault(tuple(sorted(row)), []).append(row)
    for shape, group in shapes.items():
        fields = [field for field in shape if field != key]
        model._default_manager.bulk_create(
            [model(**row) for row in group],
            update_conflicts=bool(fields),
            ignore_conflicts=not fields,
            unique_fields=[key] if fields else None,
            update_fields=fields or None,
        )
    if rows:
        _tell(model._meta.model_name or "", len(rows), [str(row[key]) for row in rows], by)
    return len(rows)


def _tell(noun: str, count: int, codes: Sequence[str], by: Actor) -> None:
    record(
        "catalog.synchronised",
        subject=("catalog", noun),
        by=by,
        data={"rows": count, "first": list(codes[:20])},
    )


_SUPPLIER = {
    "code": Field(text(40), is_needed=True),
    "name": Field(text(120), is_needed=True),
    "lead_time_days": Field(whole(most=MOST_DAYS)),
    "lead_time_sd_days": Field(number),
    "minimum_order_value": Field(money),
}
_NODE = {
    "code": Field(text(40), is_needed=True),
    "name": Field(text(120), is_needed=True),
    "kind": Field(one_of(Node.Kind)),
    "region": Field(text(40)),
    "capacity_units": Field(maybe(whole())),
    "closed_weekdays": Field(weekdays),
    "transfer_days": Field(whole(most=MOST_DAYS)),
    "legal_entity": Field(text(40)),
    "daily_capacity": Field(maybe(whole())),
    "ready_hours": Field(whole(most=24 * MOST_DAYS)),
}
_ITEM = {
    "sku": Field(text(60), is_needed=True),
    "name": Field(text(200), is_needed=True),
    "unit": Field(text(10)),
    "item_class": Field(text(20)),
    "unit_cost": Field(money),
    "unit_price": Field(money),
    "supplier": Field(maybe(text(40))),
    "pack_size": Field(whole(1)),
    "minimum_order_quantity": Field(whole(1)),
    "has_serials": Field(flag),
}
_CHANNEL = {
    "code": Field(text(40), is_needed=True),
    "name": Field(text(120), is_needed=True),
    "kind": Field(one_of(Channel.Kind)),
    "buffer": Field(whole()),
    "nodes": Field(codes_list),
    "is_published": Field(flag),
    "priority": Field(whole(most=MOST_RANKS)),
    "margin": Field(maybe(share)),
}
_ITEM_NODE = {
    "item": Field(text(60), is_needed=True),
    "node": Field(text(40), is_needed=True),
    "reorder_point": Field(maybe(whole())),
    "order_up_to": Field(maybe(whole())),
    "safety_stock": Field(whole()),
    "is_ranged": Field(flag),
}
_SUBSTITUTE = {
    "item": Field(text(60), is_needed=True),
    "substitute": Field(text(60), is_needed=True),
    "rank": Field(whole(1, MOST_RANKS)),
    "is_approved": Field(flag),
}
_PROMOTION = {
    "code": Field(text(80), is_needed=True),
    "item": Field(text(60), is_needed=True),
    "node": Field(maybe(text(40)), is_needed=True),
    "starts_at": Field(moment, is_needed=True),
    "ends_at": Field(moment, is_needed=True),
    "uplift": Field(uplift, is_needed=True),
    "is_cancelled": Field(flag),
}
