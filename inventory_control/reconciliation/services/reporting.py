"""Taking in what other systems say, whatever order it comes in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from django.db import connection

from inventory_control.core.actors import Actor
from inventory_control.core.sql import named_statements
from inventory_control.core.tenancy import current_tenant
from inventory_control.events.models import InventoryEvent
from inventory_control.events.services import work_through
from inventory_control.reconciliation.rules import declaration_of
from inventory_control.reconciliation.selectors import CONSUMER
from inventory_control.reconciliation.services.scheduling import keep_schedule
from inventory_control.reconciliation.services.thawing import thaw_counted
from inventory_control.reconciliation.services.totals import note_declaration
from inventory_control.reconciliation.values import SYSTEMS

DECLARED, COUNTED = "control_total.declared", "stock.counted"
_SQL = named_statements(Path(__file__).parents[1] / "reports.sql")


def take_reports(*, by: Actor) -> int:
    """Note what other systems said of stock and of their own counts; returns the events taken."""
    return work_through(CONSUMER, lambda event_ids: _take(event_ids, by))


def _take(event_ids: Sequence[int], by: Actor) -> None:
    """The newest report of each system stands; a corrected one gives way to what stands now."""
    _hold_reports()
    with connection.cursor() as cursor:
        cursor.execute(_SQL["forget_corrected"], {"events": list(event_ids)})
        cursor.execute(_SQL["retake"], {"events": list(event_ids)})
        again = [event_id for (event_id,) in cursor.fetchall()]
        cursor.execute(_SQL["take"], {"events": [*event_ids, *again], "systems": list(SYSTEMS)})
    for event in InventoryEvent.objects.filter(pk__in=event_ids, type=DECLARED).order_by(
        "occurred_at", "source", "source_id"
    ):
        note_declaration(
            declaration_of(
                event.details.get("attributes", {}),
                source=event.source,
                declared_at=event.occurred_at,
            ),
            by=by,
        )
    counts = InventoryEvent.objects.filter(pk__in=event_ids, type=COUNTED).order_by("occurred_at")
    counted = {
        (item_id, node_id): occurred_at
        for item_id, node_id, occurred_at in counts.values_list("item_id", "node_id", "occurred_at")
        if item_id is not None and node_id is not None
    }
    if counted:
        thaw_counted(counted, by=by)
    keep_schedule()


def _hold_reports() -> None:
    """Let nobody else take in reports of this tenant until the transaction ends.

    A correction's history must not be read while another transaction is about to add to it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{current_tenant().schema_name}.reports"],
        )
