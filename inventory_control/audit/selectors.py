"""Questions to the audit log: timelines, pages of entries, signed heads, inclusion proofs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from inventory_control.audit.merkle import inclusion_path
from inventory_control.audit.values import (
    InclusionProof,
    SignedHead,
    TimelineEntry,
    leaf_data,
    time_text,
)
from inventory_control.core.errors import Refused
from inventory_control.core.tenancy import current_tenant

_COLUMNS = """
    e.id, e.at, e.actor_kind, e.actor_id, e.actor_name, e.verb, e.subject_kind, e.subject_id,
    e.data::text, e.correlation_id, l.number
"""
_ENTRIES = """
    SELECT {columns}
      FROM {schema}.entry e LEFT JOIN {schema}.leaf l ON l.entry_id = e.id
     WHERE (%(before)s::bigint IS NULL OR e.id < %(before)s)
       AND (%(kind)s::text IS NULL OR (e.subject_kind = %(kind)s AND e.subject_id = %(id)s))
     ORDER BY e.id DESC
     LIMIT %(limit)s
"""
_TIMELINE = """
    SELECT {columns}
      FROM {schema}.entry e LEFT JOIN {schema}.leaf l ON l.entry_id = e.id
     WHERE (e.subject_kind, e.subject_id) IN (
               SELECT * FROM unnest(%(kinds)s::text[], %(ids)s::text[])
           )
     ORDER BY e.id DESC
     LIMIT %(limit)s
"""
_HEADS = """
    SELECT size, root, signed_at, key_id, signature FROM {schema}.head ORDER BY size
"""
_ENTRY = """
    SELECT e.id, e.recorded_at, e.at, e.actor_kind, e.actor_id, e.actor_name, e.verb,
           e.subject_kind, e.subject_id, e.correlation_id, e.data::text, l.number, l.hash
      FROM {schema}.entry e JOIN {schema}.leaf l ON l.entry_id = e.id
     WHERE e.id = %s
"""
_HEAD_OVER = """
    SELECT size, root, signed_at, key_id, signature
      FROM {schema}.head ORDER BY size DESC LIMIT 1
"""
_NODES = """
    SELECT 0, number, hash FROM {schema}.leaf WHERE number = ANY(%(leaves)s)
    UNION ALL
    SELECT level, position, hash FROM {schema}.node
     WHERE (level, position) IN (
               SELECT * FROM unnest(%(levels)s::smallint[], %(positions)s::bigint[])
           )
"""


class NotSealedError(Refused):
    """This entry is not sealed yet; a proof exists within a minute of its writing."""

    code = "not_sealed"
    status = 409


def timeline_of(*subjects: tuple[str, str], limit: int = 100) -> list[TimelineEntry]:
    """What happened to some subjects, (kind, id) each, newest first."""
    parameters = {
        "kinds": [kind for kind, _ in subjects],
        "ids": [pk for _, pk in subjects],
        "limit": limit,
    }
    return _entries(_TIMELINE, parameters)


def entries(
    *, before: int | None = None, subject: tuple[str, str] | None = None, limit: int = 50
) -> list[TimelineEntry]:
    """A page of the whole log, newest first, below the entry id `before` (keyset)."""
    kind, pk = subject or (None, None)
    return _entries(_ENTRIES, {"before": before, "kind": kind, "id": pk, "limit": limit})


def signed_heads() -> list[SignedHead]:
    """Every signed head, smallest first."""
    with connection.cursor() as cursor:
        cursor.execute(_HEADS.format(schema=current_tenant().audit_schema))
        return [_head(row) for row in cursor.fetchall()]


def latest_head() -> SignedHead | None:
    """The newest signed head, or None before the first sealing."""
    with connection.cursor() as cursor:
        cursor.execute(_HEAD_OVER.format(schema=current_tenant().audit_schema))
        row = cursor.fetchone()
    return None if row is None else _head(row)


def oldest_unsealed_at() -> datetime | None:
    """When the oldest entry was recorded that no leaf covers yet; None when all are sealed."""
    schema = current_tenant().audit_schema
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT min(recorded_at) FROM {schema}.entry
             WHERE (tx, id) > (
                       SELECT tx, entry_id FROM {schema}.leaf ORDER BY number DESC LIMIT 1
                   )
                OR NOT EXISTS (SELECT FROM {schema}.leaf)
            """  # noqa: S608 - the schema's name passed its CHECK
        )
        row = cursor.fetchone()
    return None if row is None else row[0]


def writes_counted() -> dict[str, int]:
    """How many entries every tenant's log was given so far, by its schema, as the server counts.

    For whoever asks where something was written without looking into each log: a count moves
    within a second or so of the end of a transaction that wrote, and starts anew after a crash.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT schemaname, n_tup_ins FROM pg_stat_all_tables WHERE relname = 'entry'"
        )
        return dict(cursor.fetchall())


def proof_for(entry_id: int) -> InclusionProof:
    """The proof that an entry stands under the newest head; three queries whatever the size.

    Raises `NotSealedError` while the entry waits for the sealer or there is none of that id.
    """
    tenant = current_tenant()
    with connection.cursor() as cursor:
        cursor.execute(_ENTRY.format(schema=tenant.audit_schema), [entry_id])
        row = cursor.fetchone()
    head = latest_head()
    if row is None or head is None:
        raise NotSealedError
    (
        pk, recorded_at, at, actor_kind, actor_id, actor_name, verb, subject_kind, subject_id,
        correlation_id, data, number, stored,
    ) = row  # fmt: skip
    entry = leaf_data(
        tenant=str(tenant.id),
        entry_id=pk,
        recorded_at=recorded_at,
        at=at,
        actor=(actor_kind, actor_id, actor_name),
        verb=verb,
        subject=(subject_kind, subject_id),
        correlation_id=correlation_id,
        data=msgspec.json.decode(data),
    )
    path = _path(number, head.size)
    return InclusionProof(
        number=number,
        leaf=bytes(stored).hex(),
        entry=entry.decode(),
        path=tuple(one.hex() for one in path),
        head=head,
    )


def _path(number: int, size: int) -> list[bytes]:
    """The audit path: ask first which nodes it reads, fetch them at once, then build it."""
    asked: list[tuple[int, int]] = []

    def note(level: int, position: int) -> bytes:
        asked.append((level, position))
        return b"\0" * 32

    inclusion_path(number, size, note)
    inner = [(level, position) for level, position in asked if level]
    with connection.cursor() as cursor:
        cursor.execute(
            _NODES.format(schema=current_tenant().audit_schema),
            {
                "leaves": [position for level, position in asked if not level],
                "levels": [level for level, _ in inner],
                "positions": [position for _, position in inner],
            },
        )
        found = {(level, position): bytes(stored) for level, position, stored in cursor.fetchall()}
    return inclusion_path(number, size, lambda level, position: found[level, position])


def _entries(statement: str, parameters: dict[str, Any]) -> list[TimelineEntry]:
    with connection.cursor() as cursor:
        cursor.execute(
            statement.format(columns=_COLUMNS, schema=current_tenant().audit_schema), parameters
        )
        rows = cursor.fetchall()
    return [
        TimelineEntry(
            entry_id=pk,
            at=at,
            actor_kind=actor_kind,
            actor_id=actor_id,
            actor_name=actor_name,
            verb=verb,
            subject_kind=subject_kind,
            subject_id=subject_id,
            data=msgspec.json.decode(data),
            correlation_id=correlation_id,
            number=number,
        )
        for (
            pk,
            at,
            actor_kind,
            actor_id,
            actor_name,
            verb,
            subject_kind,
            subject_id,
            data,
            correlation_id,
            number,
        ) in rows
    ]


def _head(row: tuple[Any, ...]) -> SignedHead:
    size, root, signed_at, key_id, signature = row
    return SignedHead(
        size=size,
        root=bytes(root).hex(),
        signed_at=time_text(signed_at),
        key_id=key_id,
        signature=bytes(signature).hex(),
    )
