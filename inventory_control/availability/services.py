"""Recalculating what may be sold, and asking for it to be published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from inventory_control.availability.values import Publication
from inventory_control.catalog.services import upsert_channels, upsert_item_nodes
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.sql import named_statements
from inventory_control.events.selectors import are_positions_wanted
from inventory_control.events.services import note_positions
from inventory_control.outbox.selectors import waiting_targets
from inventory_control.outbox.services import queue_command, queue_looks
from inventory_control.outbox.values import NOTIFY
from inventory_control.stock.selectors import causes_of, oldest_mark
from inventory_control.stock.services import mark_places
from inventory_control.stock.services.demand import roll_up_demand, take_marks

BATCH = 5_000
PUBLISH = "availability.publish"
_SQL = named_statements(Path(__file__).with_name("recalculate.sql"))


def recalculate_due(*, by: Actor) -> int:
    """Deal with every mark there is, a batch a transaction; returns the places dealt with.

    Marks made meanwhile have rung again: they wait for the next look, together.
    """
    done = 0
    while True:
        taken, places = _recalculate_batch(by)
        done += places
        if taken < BATCH:
            return done


@transaction.atomic
def _recalculate_batch(by: Actor) -> tuple[int, int]:
    """One batch: roll up demand, recalculate figures, note the places for detection, publish.

    Returns the marks taken and the places they were about.
    """
    since = oldest_mark() if are_positions_wanted() else None
    taken, places, days = take_marks(BATCH)
    if not places:
        return taken, 0
    roll_up_demand(days)
    now = clock.now()
    items = sorted({item for item, _ in places})
    with connection.cursor() as cursor:
        cursor.execute(_SQL["recalculate"], {"items": items, "now": now})
        changed = cursor.rowcount
        cursor.execute(
            _SQL["note_changed"],
            {
                "items": [item for item, _ in places],
                "nodes": [node for _, node in places],
                "now": now,
            },
        )
    if changed:
        _queue_publications(by)
    if since is not None:
        told = note_positions(causes_of(places, since=since))
        queue_looks(kind=NOTIFY, targets=told, by=by)
    ring("detect")
    return taken, len(places)


def _queue_publications(by: Actor) -> None:
    """One command per channel that shows an old figure and has none waiting: the latest wins."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["unpublished_channels"])
        channels = [code for (code,) in cursor.fetchall()]
    waiting = waiting_targets(PUBLISH)
    for code in channels:
        if code not in waiting:
            queue_command(
                kind=PUBLISH,
                target=code,
                idempotency_key=f"{PUBLISH}:{code}:{_next_number()}",
                payload={"channel": code},
                by=by,
            )


def _next_number() -> int:
    """A number no publication had before, so that each command has a key of its own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('outbox_outboundcommand_id_seq')")
        (number,) = cursor.fetchone()
    return int(number)


@transaction.atomic
def acknowledge(*, channel: str, told: Sequence[Publication], by: Actor) -> None:
    """Note what a channel acknowledged; figures that changed meanwhile are published again."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["acknowledge"],
            {
                "channel": channel,
                "items": [one.item_id for one in told],
                "quantities": [one.quantity for one in told],
                "now": clock.now(),
            },
        )
    _queue_publications(by)


def take_changed_places(limit: int) -> tuple[int, set[tuple[int, int]]]:
    """Take up to `limit` notes of changed places, in the caller's transaction; says how many."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["take_changed"], [limit])
        taken = cursor.fetchall()
    return len(taken), set(taken)


@transaction.atomic
def set_channels(rows: Sequence[Mapping[str, Any]], *, by: Actor) -> int:
    """Take channels from master data; whatever may be sold through them is worked out anew."""
    mark_places(node_ids=upsert_channels(rows, by=by))
    return len(rows)


@transaction.atomic
def set_planning(rows: Sequence[Mapping[str, Any]], *, by: Actor) -> int:
    """Take planning parameters from master data; safety stock changes what may be sold."""
    places = upsert_item_nodes(rows, by=by)
    mark_places(item_ids=sorted({item for item, _ in places}))
    return len(rows)
