"""The lines of the ledger, what changed where and why, and its fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from django.db import connection
from django.db.models import Min

from inventory_control.core.places import Place, Places
from inventory_control.core.sql import is_so, named_statements
from inventory_control.core.telemetry import correlation_id
from inventory_control.events.values import PositionCause
from inventory_control.stock.models import LedgerEntry, StockMark
from inventory_control.stock.rules import CLAIMS
from inventory_control.stock.selectors.retention import refuse_retired
from inventory_control.stock.states import State
from inventory_control.stock.values import Change, Span

_CAUSES = """
    SELECT DISTINCT ON (item_id, node_id) item_id, node_id, id, correlation_id
      FROM (
               SELECT l.item_id, l.node_id, e.id, e.correlation_id
                 FROM stock_ledgerentry l
                 JOIN events_inventoryevent e ON e.id = l.event_id
                WHERE l.posted_at >= %(since)s
                UNION ALL
               SELECT item_id, node_id, id, correlation_id
                 FROM events_inventoryevent
                WHERE recorded_at >= %(since)s
           ) AS cause
     WHERE (item_id, node_id) IN (SELECT * FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]))
     ORDER BY item_id, node_id, id DESC
"""
_DIGEST = named_statements(Path(__file__).parents[1] / "digest.sql")
_SQL = named_statements(Path(__file__).parents[1] / "spans.sql")
_CLAIM_SIGNS = {
    event_type: 1 if "committed" in counters else -1
    for event_type, counters in CLAIMS.items()
    if counters != ("confirmed",)
}


def ledger_of(item_id: int, *, before: int | None = None, limit: int = 50) -> list[LedgerEntry]:
    """An item's ledger lines, newest first, a page below the id `before` (keyset)."""
    lines = LedgerEntry.objects.filter(item_id=item_id)
    if before is not None:
        lines = lines.filter(id__lt=before)
    return list(lines.order_by("-id")[:limit])


def lines_of_events(event_ids: Sequence[int]) -> list[LedgerEntry]:
    """The ledger lines of some events, in the order they were posted."""
    lines = LedgerEntry.objects.filter(event_id__in=list(event_ids)).select_related("item", "node")
    return list(lines.order_by("id"))


def changes_in(spans: Sequence[Span]) -> list[list[Change]]:
    """What changed at some places in a span of each, newest first; one statement for any number.

    Moves stand at the moment they were true, accepted counts at theirs, and a correction at that
    of its original, so that late arrivals are in their place. A claim is the sum of what was
    committed less what was shipped or released. Raises `BeforeHorizonError` for a span that
    begins where lines were retired.
    """
    changes: list[list[Change]] = [[] for _ in spans]
    if not spans:
        return changes
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["changes_in"],
            {
                "items": [span.item_id for span in spans],
                "nodes": [span.node_id for span in spans],
                "since": [span.since for span in spans],
                "as_of": [span.as_of for span in spans],
                "with_claims": [span.with_claims for span in spans],
                "states": list(State.values),
                "claim_types": list(_CLAIM_SIGNS),
                "claim_signs": list(_CLAIM_SIGNS.values()),
            },
        )
        for place, at, state, units in cursor.fetchall():
            changes[place - 1].append(Change(at, state, int(units)))
    refuse_retired(min(span.since for span in spans), "since")
    return changes


def oldest_mark() -> datetime | None:
    """When the oldest change was posted that the availability stage has not dealt with."""
    return StockMark.objects.aggregate(oldest=Min("posted_at"))["oldest"]


def causes_of(places: Iterable[Place], *, since: datetime) -> list[PositionCause]:
    """The last event that changed each place since a moment: by its ledger lines or its claim.

    A place that changed without an event (a policy, a hold) has the present cause.
    """
    asked = Places.of(places)
    with connection.cursor() as cursor:
        cursor.execute(_CAUSES, {**asked.arrays, "since": since})
        found = {(item, node): (event, cause) for item, node, event, cause in cursor.fetchall()}
    return [PositionCause(*place, *found.get(place, (None, correlation_id()))) for place in asked]


def ledger_digest() -> dict[str, str]:
    """A fingerprint of everything the ledger holds, by part: rows and a sum of hashes.

    The same facts give the same fingerprint whatever the order they came in, however often, and
    in whatever tenant: stories and drills compare it before and after.
    """
    with connection.cursor() as cursor:
        answer = {}
        for part, statement in _DIGEST.items():
            cursor.execute(statement)
            rows, digest = cursor.fetchone()
            answer[part] = f"{rows}:{digest}"
    return answer


def is_marked() -> bool:
    """Whether changes wait for the availability stage."""
    return is_so("SELECT EXISTS (SELECT FROM stock_stockmark)")
