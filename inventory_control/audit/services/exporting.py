"""Exporting: the whole log of a tenant as files that the stand-alone verifier reads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from django.db import connection

from inventory_control.audit import verify
from inventory_control.audit.selectors import signed_heads
from inventory_control.audit.services.sealing import public_key, seal
from inventory_control.audit.values import leaf_data
from inventory_control.core.tenancy import TenantRef, current_tenant

ROWS_AT_ONCE = 5_000
_ROWS = """
    SELECT l.number, l.hash, e.id, e.recorded_at, e.at, e.actor_kind, e.actor_id, e.actor_name,
           e.verb, e.subject_kind, e.subject_id, e.correlation_id, e.data::text
      FROM {schema}.leaf l JOIN {schema}.entry e ON e.id = l.entry_id
     WHERE l.number >= %s AND l.number < %s
     ORDER BY l.number
"""


def export_log(folder: Path) -> int:
    """Seal to the end, then write manifest, heads, entries and the verifier; returns the entries.

    The hash in each row is the one stored when it was sealed, never computed anew: an altered
    entry must disagree with it. Runs as the sealer.
    """
    seal()
    tenant = current_tenant()
    folder.mkdir(parents=True, exist_ok=True)
    heads = [head.as_fields() for head in signed_heads()]
    size = int(str(heads[-1]["size"]))
    encode = msgspec.json.encode
    with (folder / verify.HEADS).open("wb") as stream:
        stream.writelines(encode(head) + b"\n" for head in heads)
    with (folder / verify.ENTRIES).open("wb") as stream:
        stream.writelines(_rows(tenant, size))
    key_id, key = public_key(tenant)
    manifest = {
        "format": verify.FORMAT,
        "tenant": str(tenant.id),
        "entries": size,
        "head": heads[-1],
        "public_keys": {key_id: key},
    }
    (folder / verify.MANIFEST).write_bytes(encode(manifest) + b"\n")
    shutil.copyfile(str(verify.__file__), folder / "verify.py")
    return size


def _rows(tenant: TenantRef, size: int) -> Iterator[bytes]:
    statement = _ROWS.format(schema=tenant.audit_schema)
    for start in range(0, size, ROWS_AT_ONCE):
        with connection.cursor() as cursor:
            cursor.execute(statement, [start, min(size, start + ROWS_AT_ONCE)])
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        for row in rows:
            yield _row(tenant, row)


def _row(tenant: TenantRef, row: tuple[Any, ...]) -> bytes:
    (
        number, stored, entry_id, recorded_at, at, actor_kind, actor_id, actor_name, verb,
        subject_kind, subject_id, correlation_id, data,
    ) = row  # fmt: skip
    entry = leaf_data(
        tenant=str(tenant.id),
        entry_id=entry_id,
        recorded_at=recorded_at,
        at=at,
        actor=(actor_kind, actor_id, actor_name),
        verb=verb,
        subject=(subject_kind, subject_id),
        correlation_id=correlation_id,
        data=msgspec.json.decode(data),
    )
    return b'{"leaf":%d,"hash":"%s","entry":%s}\n' % (
        number,
        bytes(stored).hex().encode(),
        entry,
    )
