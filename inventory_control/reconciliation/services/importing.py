"""Importing a snapshot: opening balances, or one system's full list, as events like any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction

from inventory_control.audit.services import record
from inventory_control.core.actors import Actor
from inventory_control.core.errors import NotPermitted, Refused
from inventory_control.core.permissions import require
from inventory_control.events import permissions as event_permissions
from inventory_control.events.values import Posted, Refusal
from inventory_control.reconciliation import permissions
from inventory_control.stock.services import post_rows

MOST_ROWS = 10_000
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """A quantity of an item at a node in a state; an empty state is the usual one."""

    item: str
    node: str
    quantity: int
    state: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a snapshot: how many rows had which outcome, and each row's answer."""

    counts: dict[str, int]
    results: list[Posted | Refusal]


@transaction.atomic
def import_snapshot(
    rows: Sequence[SnapshotRow],
    *,
    snapshot: str,
    source: str,
    as_of: datetime,
    system: str = "",
    may_speak_for: Callable[[str], bool],
    by: Actor,
) -> Imported:
    """Post a snapshot as events: opening balances, or reports of `system` when one is named.

    `snapshot` names it, and with it each row: the same snapshot again changes nothing, because
    every row is known. A row that is refused is kept as a dead letter and harms no other.
    """
    require(by, permissions.DECLARE)
    require(by, event_permissions.WRITE)
    if not system:
        require(by, event_permissions.OPEN_STOCK)
    if not may_speak_for(source):
        raise NotPermitted(f"This key may not speak for the source {source}.", field="source")
    if not 1 <= len(rows) <= MOST_ROWS:
        raise Refused(f"A snapshot has 1 to {MOST_ROWS:,} rows; send it in parts.", field="rows")
    bodies = [msgspec.json.encode(_body(row, snapshot, source, as_of, system)) for row in rows]
    results: list[Posted | Refusal] = []
    for start in range(0, len(bodies), BATCH):
        results += post_rows(
            bodies[start : start + BATCH],
            received_from=source,
            may_speak_for=lambda name: name == source,
            by=by,
            is_ours=True,
        )
    counts = Counter(str(one.outcome) for one in results)
    record(
        "snapshot.imported",
        subject=("snapshot", snapshot),
        by=by,
        data={"source": source, "system": system, "rows": len(rows), "counts": dict(counts)},
    )
    return Imported(dict(counts), results)


def _body(
    row: SnapshotRow, snapshot: str, source: str, as_of: datetime, system: str
) -> dict[str, Any]:
    name = f"{snapshot}/{row.item}@{row.node}" + (f"/{row.state}" if row.state else "")
    body: dict[str, Any] = {
        "type": "position.reported" if system else "stock.opened",
        "source": source,
        "source_id": f"{name}/{system}" if system else name,
        "occurred_at": as_of,
        "item": row.item,
        "quantity": row.quantity,
    }
    if row.node:
        body["node"] = row.node
    if row.state:
        body["to_state"] = row.state
    if system:
        body["system"] = system
    return body
