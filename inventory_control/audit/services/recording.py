"""How a write looks: `record` tells the audit log, `advance` moves a state and tells it.

Entries are written in the transaction of the change they describe, so a rollback leaves none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from django.db import transaction

from inventory_control.audit.verify import MAX_INTEGER
from inventory_control.core import clock
from inventory_control.core.actors import Actor, ActorKind
from inventory_control.core.errors import Conflict
from inventory_control.core.flow import Stateful
from inventory_control.core.sql import hot_write, texts
from inventory_control.core.telemetry import correlation_id
from inventory_control.core.tenancy import current_tenant

Row = TypeVar("Row", bound=Stateful)
Subject = tuple[str, str]

_INSERT = """
    INSERT INTO {schema}.entry (
        at, actor_kind, actor_id, actor_name, verb,
        subject_kind, subject_id, correlation_id, data
    )
    SELECT %(at)s::timestamptz, %(actor_kind)s::text, %(actor_id)s::text, %(actor_name)s::text,
           %(verb)s::text, %(subject_kind)s::text, subject_id, %(correlation_id)s::text,
           data::jsonb
      FROM unnest(%(subject_ids)s::text[], %(data)s::text[]) AS told (subject_id, data)
"""


def record(verb: str, *, subject: Subject, by: Actor, data: Mapping[str, object]) -> None:
    """Write one audit entry in the present transaction.

    `verb` is `noun.past_tense`, `subject` the kind and id of what it happened to, `data` what
    the decision rested on: text, whole numbers, booleans, lists and objects of them. Whatever else
    it holds (decimals, fractions, times, rows) is kept as text, so that the canonical form is
    exact. A person is recorded by id, never by name: erasing somebody must leave the proof intact.
    """
    record_all(verb, subjects={subject[1]: data}, kind=subject[0], by=by)


def record_all(
    verb: str, *, kind: str, subjects: Mapping[str, Mapping[str, object]], by: Actor
) -> None:
    """Write one entry per subject in one statement; the set form of `record`."""
    if not subjects:
        return
    encode = msgspec.json.encode
    hot_write(
        _INSERT.format(schema=current_tenant().audit_schema),
        {
            "at": clock.now(),
            "actor_kind": by.kind.value,
            "actor_id": by.id,
            "actor_name": "" if by.kind is ActorKind.USER else by.name,
            "verb": verb,
            "subject_kind": kind,
            "correlation_id": correlation_id(),
            "subject_ids": texts(subjects),
            "data": texts(encode(_plain_value(data)).decode() for data in subjects.values()),
        },
    )


@transaction.atomic
def advance(row: Row, to: str, *, by: Actor, verb: str, **changes: Any) -> Row:
    """Move a row to a new state: lock it, check the move, save it, record it.

    The row is read again under the lock, so two people pressing the same button get one success
    and one refusal. `changes` are fields set together with the state. Returns the locked row;
    raises `IllegalMove` when the move is not lawful and `Conflict` when the row is gone.
    """
    moved = advance_all([row], to, by=by, verb=verb, **changes)
    return moved[0]


@transaction.atomic
def advance_all(
    rows: Sequence[Row],
    to: str,
    *,
    by: Actor,
    verb: str,
    each: Mapping[Any, Mapping[str, Any]] | None = None,
    **changes: Any,
) -> list[Row]:
    """Move a set of rows of one model; all of them or none.

    `changes` are fields set to the same value on every row, `each` fields of single rows by their
    primary key, the same fields for all. Rows are locked in order of primary key, so that two
    overlapping sets cannot deadlock. A constant number of statements, whatever the number of
    rows. Returned in the order they were given.
    """
    if not rows:
        return []
    model = type(rows[0])
    wanted = [row.pk for row in rows]
    locked = {
        row.pk: row
        for row in model.objects.select_for_update(of=("self",))
        .filter(pk__in=wanted)
        .order_by("pk")
    }
    noun = str(model._meta.verbose_name)
    told: dict[str, Mapping[str, object]] = {}
    for pk in wanted:
        row = locked.get(pk)
        if row is None:
            raise Conflict(f"This {noun} no longer exists.", extra={"id": str(pk)})
        model.flow.check(row.status_value, to, noun=noun)
        mine = {**changes, **(each or {}).get(pk, {})}
        told[str(pk)] = {"from": row.status_value, "to": str(to), **_plain(mine)}
        row.status = to
        for field, value in mine.items():
            setattr(row, field, value)
    model.objects.filter(pk__in=wanted).update(status=to, **changes)
    if each:
        model.objects.bulk_update(
            list(locked.values()), sorted({field for mine in each.values() for field in mine})
        )
    record_all(verb, kind=model._meta.model_name or noun, subjects=told, by=by)
    return [locked[pk] for pk in wanted]


def _plain(changes: Mapping[str, Any]) -> dict[str, object]:
    """Changed fields as the log keeps them: rows by id, everything else as text when not plain."""
    return {field: _plain_value(value) for field, value in changes.items()}


def _plain_value(value: Any) -> object:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if -MAX_INTEGER <= value <= MAX_INTEGER else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain_value(inner) for key, inner in value.items()}
    if isinstance(value, Iterable):
        return [_plain_value(inner) for inner in value]
    return str(getattr(value, "pk", value))
