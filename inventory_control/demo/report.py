"""The figures of a played tenant, each read from its database at the moment of asking."""

from __future__ import annotations

from typing import Any

from django.db import connection

from inventory_control.core.actors import Actor
from inventory_control.demo.script import LAUNCH, NOT_APPLICABLE, OPENING, REST, SOURCE
from inventory_control.stock.services import rebuild_balances

_ROWS = """
    SELECT count(*) FILTER (WHERE e.type IN ('sale.recorded', 'order.shipped')
                              AND rest.event_id IS NULL),
           count(*) FILTER (WHERE e.type = 'order.shipped' AND rest.event_id IS NOT NULL),
           count(*) FILTER (WHERE e.type = 'demand.lost'),
           count(*) FILTER (WHERE e.type = 'return.received'),
           count(*) FILTER (WHERE e.type = 'adjustment.recorded'),
           count(*) FILTER (WHERE e.type = 'event.corrected'),
           count(*) FILTER (WHERE e.type = 'customer.signalled'
                              AND e.details ->> 'reason' = %(not_applicable)s)
      FROM events_inventoryevent e
      LEFT JOIN events_sourcekey rest
        ON rest.source = %(rest)s AND rest.source_id = e.source_id || '/lost'
     WHERE e.source = %(source)s
"""
_REFUSED = """
    SELECT count(*) FILTER (WHERE outcome = 'unmapped' AND source = %(source)s),
           count(*) FILTER (WHERE outcome = 'quarantined' AND source IN (%(source)s, '')),
           coalesce(sum(seen - 1), 0)
      FROM events_deadletter
"""
_EVENTS = """
    SELECT (SELECT coalesce(sum(events), 0) FROM events_redelivery),
           count(*),
           coalesce(sum(quantity) FILTER (WHERE source = %(opening)s), 0),
           coalesce(sum(quantity) FILTER (WHERE source = %(launch)s), 0),
           count(*) FILTER (WHERE type = 'receipt.recorded')
      FROM events_inventoryevent
"""
_LOST = """
    WITH stands AS (
        SELECT e.item_id, e.quantity, e.type
          FROM events_inventoryevent e
         WHERE e.source IN (%(source)s, %(rest)s) AND e.type IN ('demand.lost', 'order.shipped')
           AND NOT EXISTS (
               SELECT FROM events_correction c WHERE c.fact_id = e.id AND c.is_standing
           )
    )
    SELECT coalesce(sum(s.quantity * i.unit_price) FILTER (WHERE s.type = 'demand.lost'), 0),
           coalesce(sum(s.quantity) FILTER (WHERE s.type = 'order.shipped'), 0),
           coalesce(sum(s.quantity), 0)
      FROM stands s JOIN catalog_item i ON i.id = s.item_id
"""
_LOOP = """
    SELECT (SELECT count(*) FROM exceptions_exceptioncase),
           (SELECT count(*) FROM exceptions_exceptioncase
             WHERE status = 'resolved' AND resolution NOT IN ('by_hand', 'refused')),
           (SELECT count(*) FROM exceptions_exceptioncase
             WHERE resolution = 'effect_confirmed'),
           (SELECT count(*) FROM workflows_approval WHERE decided_at IS NOT NULL),
           (SELECT count(*) FROM workflows_approval WHERE status = 'waiting'),
           (SELECT count(*) FROM orders_purchaseorder WHERE is_ours AND external_id <> ''),
           (SELECT count(*) FROM orders_transferorder WHERE is_ours AND external_id <> '')
"""
_NAMES = {
    "source": SOURCE,
    "rest": REST,
    "opening": OPENING,
    "launch": LAUNCH,
    "not_applicable": NOT_APPLICABLE,
}


def figures() -> dict[str, Any]:
    """Every figure of the current tenant that the summary shows, but for the audit's proof."""
    full, part, lost, returned, adjusted, corrected, not_applicable = _one(_ROWS)
    unmapped, quarantined, repeated = _one(_REFUSED)
    duplicates, posted, opening, launch, receipts = _one(_EVENTS)
    value, shipped, wanted = _one(_LOST)
    opened, resolved, confirmed, decided, waiting, purchases, transfers = _one(_LOOP)
    rebuilt = rebuild_balances(by=Actor.system("demo"))
    terms = {
        "posted_full": full,
        "posted_part": part,
        "lost": lost,
        "returned": returned,
        "adjusted": adjusted,
        "corrected": corrected,
        "not_applicable": not_applicable,
        "unmapped": unmapped,
        "quarantined": quarantined,
    }
    return {
        "rows": sum(terms.values()),
        **terms,
        "opening_units": int(opening),
        "launch_units": int(launch),
        "events_posted": posted,
        "duplicates": int(duplicates),
        "refused_again": int(repeated),
        "exceptions_opened": opened,
        "auto_resolved": resolved,
        "closed_on_effect": confirmed,
        "approvals_decided": decided,
        "approvals_waiting": waiting,
        "purchase_orders_sent": purchases,
        "transfers_sent": transfers,
        "receipts_posted": receipts,
        "lost_sales_value": f"{value:.2f}",
        "fill_rate": round(int(shipped) / int(wanted), 4) if wanted else 1.0,
        "ledger_sum": rebuilt.ledger_sum,
        "rebuild_difference": rebuilt.difference,
    }


def _one(statement: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, _NAMES)
        return tuple(cursor.fetchone())
