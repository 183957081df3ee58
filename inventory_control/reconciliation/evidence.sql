-- name: late_units
-- Units of events about some discrepancies' places that arrived after they opened and had happened
-- before the number they doubt.
SELECT d.id, coalesce(sum(abs(e.quantity)), 0)
  FROM reconciliation_discrepancy d
  JOIN events_inventoryevent e
    ON e.item_id = d.item_id AND (d.node_id IS NULL OR e.node_id = d.node_id)
   AND e.occurred_at <= d.as_of AND e.recorded_at > d.opened_at
   AND e.kind IN ('move', 'assert', 'correct')
 WHERE d.id = ANY(%(ids)s)
 GROUP BY d.id

-- name: facts
-- What is known around some discrepancies since a moment: late events, refused rows that name the
-- item, deliveries of the system that came again, stock held apart, and how often it was so before.
SELECT d.id, late.events, late.units, refused.total, refused.unmapped, refused.conflicts,
       repeated.events, held.uninspected, held.in_transit, held.claimed, held.counts,
       earlier.discrepancies
  FROM reconciliation_discrepancy d
  JOIN catalog_item i ON i.id = d.item_id
 CROSS JOIN LATERAL (
           SELECT count(*) AS events, coalesce(sum(abs(e.quantity)), 0) AS units
             FROM events_inventoryevent e
            WHERE e.item_id = d.item_id AND (d.node_id IS NULL OR e.node_id = d.node_id)
              AND e.occurred_at > %(since)s AND e.occurred_at <= d.as_of
              AND e.kind IN ('move', 'assert')
              AND e.recorded_at > e.occurred_at + make_interval(secs => %(late_after)s)
       ) AS late
 CROSS JOIN LATERAL (
           SELECT count(*) AS total, count(*) FILTER (WHERE l.outcome = 'unmapped') AS unmapped,
                  count(*) FILTER (WHERE l.outcome = 'conflict') AS conflicts
             FROM events_deadletter l
            WHERE l.status = 'open'
              AND position(convert_to('"' || i.sku || '"', 'UTF8') IN l.body) > 0
       ) AS refused
 CROSS JOIN LATERAL (
           SELECT coalesce(sum(r.events), 0) AS events
             FROM events_redelivery r
            WHERE r.received_from = d.system AND r.received_at > %(since)s
       ) AS repeated
 CROSS JOIN LATERAL (
           SELECT coalesce(sum(b.received + b.quarantined), 0) AS uninspected,
                  coalesce(sum(b.in_transit), 0) AS in_transit,
                  coalesce(sum(b.reserved + b.allocated), 0) AS claimed,
                  coalesce(sum(b.counts_pending), 0) AS counts
             FROM stock_stockbalance b
            WHERE b.item_id = d.item_id AND (d.node_id IS NULL OR b.node_id = d.node_id)
       ) AS held
 CROSS JOIN LATERAL (
           SELECT count(*) AS discrepancies
             FROM reconciliation_discrepancy o
            WHERE o.item_id = d.item_id AND o.system = d.system
              AND o.node_id IS NOT DISTINCT FROM d.node_id AND o.id < d.id
              AND o.opened_at > %(since)s
       ) AS earlier
 WHERE d.id = ANY(%(ids)s)
