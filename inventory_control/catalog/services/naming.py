"""Naming: what sources call items, nodes and inventory statuses, so that what waits for them goes on.

A name of a source's own goes before the one everybody uses (EVT-15); a status code without a
mapping is held, never guessed (EVT-16). Every change names what the name meant before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models, transaction
from django.db.models import Q

from inventory_control.audit.services import record, record_all
from inventory_control.catalog import permissions
from inventory_control.catalog.models import (
    Item,
    ItemIdentifier,
    Node,
    NodeIdentifier,
    StateMapping,
)
from inventory_control.catalog.services.rows import (
    Field,
    InvalidRowError,
    Row,
    by_code,
    named,
    one_of,
    read_rows,
    text,
)
from inventory_control.catalog.services.syncing import NAMES
from inventory_control.catalog.states import Outside, State
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import Conflict
from inventory_control.core.permissions import require


@transaction.atomic
def put_item_identifiers(rows: Sequence[Row], *, by: Actor) -> int:
    """Say which items other names stand for, each by its sku; what waited for them posts."""
    return _put_names(ItemIdentifier, rows, _ITEM_NAME, by)


@transaction.atomic
def put_node_identifiers(rows: Sequence[Row], *, by: Actor) -> int:
    """Say which nodes other names stand for, each by its code; what waited for them posts."""
    return _put_names(NodeIdentifier, rows, _NODE_NAME, by)


@transaction.atomic
def put_state_mappings(rows: Sequence[Row], *, by: Actor) -> int:
    """Say what a source's own status codes mean; what waited for them posts."""
    read = read_rows(rows, _STATE_NAME)
    told = {_subject(row["source"], row["code"]): str(row["state"]) for row in read}
    return _put(StateMapping, "code", "state", read, told, by)


def remove_item_identifier(identifier_id: int, *, by: Actor) -> None:
    """Take a name back: events that use it from now on are held."""
    _remove(ItemIdentifier, identifier_id, by)


def remove_node_identifier(identifier_id: int, *, by: Actor) -> None:
    """Take a name back: events that use it from now on are held."""
    _remove(NodeIdentifier, identifier_id, by)


def remove_state_mapping(mapping_id: int, *, by: Actor) -> None:
    """Take the meaning of a code back: events that use it from now on are held."""
    _remove(StateMapping, mapping_id, by)


def _put_names(
    model: type[models.Model], rows: Sequence[Row], fields: Mapping[str, Field], by: Actor
) -> int:
    """Write other names of items or nodes, once each may be found by its name."""
    noun, owner, code = _OWNERS[model]
    read = read_rows(rows, fields)
    owners = by_code(owner, code, {row[noun] for row in read} | {row["value"] for row in read})
    told: dict[str, str] = {}
    for place, row in enumerate(read):
        row.setdefault("source", "")
        found = named(owners, row[noun], noun, place)
        namesake = owners.get(row["value"])
        if namesake is not None and namesake != found:
            raise InvalidRowError(
                f"{row['value']} is the {code} of another {noun}, which is found first.",
                field=f"[{place}].value",
            )
        told[_subject(row["source"], row["value"])] = row[noun]
        row[noun] = found
    return _put(model, "value", noun, read, told, by)


def _put(
    model: type[models.Model],
    key: str,
    meaning: str,
    rows: Sequence[dict[str, Any]],
    told: Mapping[str, str],
    by: Actor,
) -> int:
    """Write names in one statement, tell what each meant before, and wake what waits for them."""
    require(by, permissions.MAP)
    if len(told) < len(rows):
        raise InvalidRowError("A name of one source comes twice.", field=key)
    before = _meanings(model, key, meaning, rows)
    shapes: dict[tuple[str, ...], list[models.Model]] = {}
    for row in rows:
        shapes.setdefault(tuple(sorted(row)), []).append(model(**row))
    for shape, made in shapes.items():
        model._default_manager.bulk_create(
            made,
            update_conflicts=True,
            unique_fields=[key, "source"],
            update_fields=[field for field in shape if field not in (key, "source")],
        )
    record_all(
        f"{_VERBS[model]}.set",
        kind=str(model._meta.model_name),
        subjects={
            subject: {"means": meant, "was": before.get(subject)} for subject, meant in told.items()
        },
        by=by,
    )
    ring(NAMES)
    return len(rows)


def _meanings(
    model: type[models.Model], key: str, meaning: str, rows: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """What names mean as yet, locked so that nobody changes them meanwhile."""
    asked = Q(pk__in=())
    for source in {row["source"] for row in rows}:
        mine = [row[key] for row in rows if row["source"] == source]
        asked |= Q(source=source, **{f"{key}__in": mine})
    known: Any = model._default_manager.select_for_update(of=("self",)).filter(asked).order_by("pk")
    if model in _OWNERS:
        known = known.select_related(meaning)
        return {
            _subject(row.source, row.value): getattr(getattr(row, meaning), _OWNERS[model][2])
            for row in known
        }
    return {_subject(row.source, row.code): row.state for row in known}


@transaction.atomic
def _remove(model: type[models.Model], pk: int, by: Actor) -> None:
    require(by, permissions.MAP)
    row: Any = model._default_manager.select_for_update().filter(pk=pk).first()
    if row is None:
        raise Conflict("This name is not there any more.", field="id")
    name, meant = (
        (row.value, getattr(getattr(row, _OWNERS[model][0]), _OWNERS[model][2]))
        if model in _OWNERS
        else (row.code, row.state)
    )
    row.delete()
    record(
        f"{_VERBS[model]}.removed",
        subject=(str(model._meta.model_name), _subject(row.source, name)),
        by=by,
        data={"was": meant},
    )


def _subject(source: str, name: str) -> str:
    """How the audit log names a name."""
    return f"{source}:{name}"


def _source(value: Any) -> str:
    return "" if value == "" else text(80)(value)


_OWNERS: Mapping[type[models.Model], tuple[str, type[models.Model], str]] = {
    ItemIdentifier: ("item", Item, "sku"),
    NodeIdentifier: ("node", Node, "code"),
}
_VERBS: Mapping[type[models.Model], str] = {
    ItemIdentifier: "identifier",
    NodeIdentifier: "identifier",
    StateMapping: "state_mapping",
}
_ITEM_NAME = {
    "value": Field(text(200), is_needed=True),
    "source": Field(_source),
    "kind": Field(one_of(ItemIdentifier.Kind)),
    "item": Field(text(60), is_needed=True),
}
_NODE_NAME = {
    "value": Field(text(200), is_needed=True),
    "source": Field(_source),
    "node": Field(text(40), is_needed=True),
}
_STATE_NAME = {
    "source": Field(text(80), is_needed=True),
    "code": Field(text(80), is_needed=True),
    "state": Field(one_of(State, Outside), is_needed=True),
}
