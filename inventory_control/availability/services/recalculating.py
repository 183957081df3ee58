"""Recalculating what may be sold, and asking for it to be published."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from inventory_control.availability.services.holding import judge_holds
from inventory_control.availability.services.noting import note_changed_places
from inventory_control.availability.services.publishing import queue_publications
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.sql import hot_write, named_statements, numbers
from inventory_control.core.tenancy import current_tenant
from inventory_control.events.selectors import are_positions_wanted
from inventory_control.events.services import note_positions
from inventory_control.fulfilment.services import serve_backorders
from inventory_control.outbox.services import queue_looks
from inventory_control.outbox.values import NOTIFY, SUBSCRIPTION
from inventory_control.stock.selectors import causes_of, oldest_mark
from inventory_control.stock.services.demand import take_marks

BATCH = 20_000
"""Marks of one look. Their number hardly matters, that of the places they are about does."""
_SQL = named_statements(Path(__file__).parents[1] / "recalculate.sql")


@transaction.atomic
def recalculate_due(*, by: Actor) -> int:
    """Deal with the marks there are, at most a batch; returns the places dealt with.

    Adds up demand, serves those who wait, judges holds, recalculates figures, notes the places for
    detection, publishes, notes the positions for subscribers. When marks are left the next look is
    rung for, so that whoever tells channels has a turn between two looks however fast marks come.
    """
    _hold_recalculation()
    since = oldest_mark() if are_positions_wanted() else None
    taken, places = take_marks(BATCH)
    if not places:
        return 0
    now = clock.now()
    serve_backorders(places, by=by)
    items = sorted({item for item, _ in places})
    judged = judge_holds(items, now, by=by)
    hot_write(_SQL["recalculate"], {"items": numbers(items), "now": now})
    note_changed_places({*places, *judged}, now)
    # Whether or not a figure changed: a channel may have been switched on since.
    queue_publications(by=by)
    if since is not None:
        told = note_positions(causes_of(places, since=since))
        queue_looks(kind=NOTIFY, targets=told, subject_kind=SUBSCRIPTION, by=by)
    ring("detect")
    ring("sources")
    if taken == BATCH:
        ring("availability")
    return len(places)


def _hold_recalculation() -> None:
    """Let nobody else recalculate in this tenant until the transaction ends.

    A second run that read the balances before this one would write its older figures over the
    newer, and no mark would be left to put them right.
    """
    hot_write(_SQL["hold_recalculation"], [f"{current_tenant().schema_name}.availability"])
