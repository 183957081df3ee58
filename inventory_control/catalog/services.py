"""Master-data sync: rows of the ERP land here, in sets, known by their codes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
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
from inventory_control.core.actors import Actor, ActorKind
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require

MOST_ROWS = 5_000
_VALUES = ("name", "starts_at", "ends_at", "uplift")
"""Fields a row must bring although they do not say which row it is."""
_TERMS = ("starts_at", "ends_at", "uplift", "is_cancelled")
Row = Mapping[str, Any]


class InvalidRowError(Refused):
    """A master-data row is not valid; nothing of the call was stored."""

    code = "invalid_row"


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a row: how it is read, and whether a row must bring it."""

    read: Callable[[Any], Any]
    is_needed: bool = False


@transaction.atomic
def upsert_suppliers(rows: Sequence[Row], *, by: Actor) -> int:
    """Create or change suppliers by `code`; returns how many rows were taken.

    The ERP's key may, a person at the console may not: `OwnedByErpError`.
    """
    _refuse_session(by)
    return _upsert(Supplier, "code", _read(rows, _SUPPLIER), by)


@transaction.atomic
def upsert_nodes(rows: Sequence[Row], *, by: Actor) -> int:
    """Create or change nodes by `code`."""
    return _upsert(Node, "code", _read(rows, _NODE), by)


@transaction.atomic
def upsert_items(rows: Sequence[Row], *, by: Actor) -> int:
    """Create or change items by `sku`; `supplier` is named by its code.

    The ERP's key may, a person at the console may not: `OwnedByErpError`.
    """
    _refuse_session(by)
    read = _read(rows, _ITEM)
    suppliers = _by_code(Supplier, "code", {row.get("supplier") for row in read})
    for place, row in enumerate(read):
        if "supplier" in row:
            row["supplier"] = _named(suppliers, row["supplier"], "supplier", place)
    return _upsert(Item, "sku", read, by)


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
    read = _read(rows, _CHANNEL)
    nodes = _by_code(Node, "code", {code for row in read for code in row.get("nodes", ())})
    drawn = {
        row["code"]: [_named(nodes, code, "nodes", place) for code in row.pop("nodes")]
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
    read = _read(rows, _ITEM_NODE)
    items = _by_code(Item, "sku", {row["item"] for row in read})
    nodes = _by_code(Node, "code", {row["node"] for row in read})
    for place, row in enumerate(read):
        row["item"] = _named(items, row["item"], "item", place)
        row["node"] = _named(nodes, row["node"], "node", place)
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
    read = _read(rows, _SUBSTITUTE)
    items = _by_code(Item, "sku", {row[name] for row in read for name in ("item", "substitute")})
    for place, row in enumerate(read):
        row["item"] = _named(items, row["item"], "item", place)
        row["substitute"] = _named(items, row["substitute"], "substitute", place)
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
    read = _read(rows, _PROMOTION)
    require(by, permissions.WRITE)
    items = _by_code(Item, "sku", {row["item"] for row in read})
    nodes = _by_code(Node, "code", {row["node"] for row in read})
    for place, row in enumerate(read):
        row["item"] = _named(items, row["item"], "item", place)
        row["node"] = _named(nodes, row["node"], "node", place)
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


def _read(rows: Sequence[Row], fields: Mapping[str, _Field]) -> list[dict[str, Any]]:
    """Rows with every field read; raises `InvalidRowError` naming row and field."""
    if len(rows) > MOST_ROWS:
        raise InvalidRowError(f"At most {MOST_ROWS:,} rows a call; this has {len(rows):,}.")
    seen: set[tuple[Any, ...]] = set()
    answer = []
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InvalidRowError("A row is an object.", field=f"[{place}]")
        if unknown := sorted(set(row) - set(fields)):
            raise InvalidRowError(
                f"No field is called {unknown[0]}.", field=f"[{place}].{unknown[0]}"
            )
        made: dict[str, Any] = {}
        for name, one in fields.items():
            if name not in row:
                if one.is_needed:
                    raise InvalidRowError(f"{name} is missing.", field=f"[{place}].{name}")
                continue
            try:
                made[name] = one.read(row[name])
            except (ValueError, TypeError, InvalidOperation) as error:
                raise InvalidRowError(f"{name}: {error}.", field=f"[{place}].{name}") from None
        key = tuple(
            made[name] for name, one in fields.items() if one.is_needed and name not in _VALUES
        )
        if key in seen:
            raise InvalidRowError("This row comes twice.", field=f"[{place}]")
        seen.add(key)
        answer.append(made)
    return answer


def _by_code(
    model: type[models.Model], key: str, codes: Collection[Any]
) -> dict[str, models.Model]:
    found = model._default_manager.filter(**{f"{key}__in": [code for code in codes if code]})
    return {getattr(row, key): row for row in found}


def _named(known: Mapping[str, Any], code: Any, field: str, place: int) -> Any:
    if code is None:
        return None
    if code not in known:
        raise InvalidRowError(f"{field}: nothing is called {code}.", field=f"[{place}].{field}")
    return known[code]


def _text(longest: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            raise ValueError(f"give 1 to {longest} characters")
        if "\0" in value:
            raise ValueError("a zero byte is no text")
        return value

    return read


def _whole(least: int = 0) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"give a whole number of {least} or more")
        return value

    return read


def _maybe(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _money(value: Any) -> Decimal:
    number = Decimal(str(value))
    if not number.is_finite() or number < 0 or number > Decimal(10) ** 7:
        raise ValueError("give an amount of 0 or more")
    return number.quantize(Decimal("0.0001"))


def _share(value: Any) -> Decimal:
    number = Decimal(str(value))
    if not number.is_finite() or not -1 < number <= 1:
        raise ValueError("give a share up to 1, such as 0.31")
    return number.quantize(Decimal("0.0001"))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10_000:
        raise ValueError("give a number of 0 or more")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("give true or false")
    return value


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError("give a moment with its offset from UTC")
    return moment


def _uplift(value: Any) -> Decimal:
    number = Decimal(str(value))
    if not number.is_finite() or not -1 < number <= 100:
        raise ValueError("give the demand added as a share above -1, such as 1.5")
    return number.quantize(Decimal("0.001"))


def _one_of(choices: type[models.TextChoices]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices.values:
            raise ValueError(f"one of {', '.join(choices.values)}")
        return str(value)

    return read


def _codes(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("give a list of codes")
    return value


def _weekdays(value: Any) -> list[int]:
    if not isinstance(value, list) or not all(one in range(1, 8) for one in value):
        raise ValueError("give ISO weekdays, 1 (Monday) to 7")
    return sorted(set(value))


_SUPPLIER = {
    "code": _Field(_text(40), is_needed=True),
    "name": _Field(_text(120), is_needed=True),
    "lead_time_days": _Field(_whole()),
    "lead_time_sd_days": _Field(_number),
    "minimum_order_value": _Field(_money),
}
_NODE = {
    "code": _Field(_text(40), is_needed=True),
    "name": _Field(_text(120), is_needed=True),
    "kind": _Field(_one_of(Node.Kind)),
    "region": _Field(_text(40)),
    "capacity_units": _Field(_maybe(_whole())),
    "closed_weekdays": _Field(_weekdays),
    "transfer_days": _Field(_whole()),
    "legal_entity": _Field(_text(40)),
    "daily_capacity": _Field(_maybe(_whole())),
    "ready_hours": _Field(_whole()),
}
_ITEM = {
    "sku": _Field(_text(60), is_needed=True),
    "name": _Field(_text(200), is_needed=True),
    "unit": _Field(_text(10)),
    "item_class": _Field(_text(20)),
    "unit_cost": _Field(_money),
    "unit_price": _Field(_money),
    "supplier": _Field(_maybe(_text(40))),
    "pack_size": _Field(_whole(1)),
    "minimum_order_quantity": _Field(_whole(1)),
    "has_serials": _Field(_flag),
}
_CHANNEL = {
    "code": _Field(_text(40), is_needed=True),
    "name": _Field(_text(120), is_needed=True),
    "kind": _Field(_one_of(Channel.Kind)),
    "buffer": _Field(_whole()),
    "nodes": _Field(_codes),
    "is_published": _Field(_flag),
    "priority": _Field(_whole()),
    "margin": _Field(_maybe(_share)),
}
_ITEM_NODE = {
    "item": _Field(_text(60), is_needed=True),
    "node": _Field(_text(40), is_needed=True),
    "reorder_point": _Field(_maybe(_whole())),
    "order_up_to": _Field(_maybe(_whole())),
    "safety_stock": _Field(_whole()),
    "is_ranged": _Field(_flag),
}
_SUBSTITUTE = {
    "item": _Field(_text(60), is_needed=True),
    "substitute": _Field(_text(60), is_needed=True),
    "rank": _Field(_whole(1)),
    "is_approved": _Field(_flag),
}
_PROMOTION = {
    "code": _Field(_text(80), is_needed=True),
    "item": _Field(_text(60), is_needed=True),
    "node": _Field(_maybe(_text(40)), is_needed=True),
    "starts_at": _Field(_moment, is_needed=True),
    "ends_at": _Field(_moment, is_needed=True),
    "uplift": _Field(_uplift, is_needed=True),
    "is_cancelled": _Field(_flag),
}
