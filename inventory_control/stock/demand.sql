-- name: take_marks
DELETE FROM stock_stockmark
 WHERE id IN (
           SELECT id FROM stock_stockmark ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
       )
RETURNING item_id, node_id, day

-- name: roll_up
-- Sold is what left for customers against sales and shipments (an event counts with what its
-- correction left of it), lost what demand.lost events say. The sums stand inside the LATERAL, so
-- that each day is one probe of the index whatever the planner thinks of a table that just grew.
INSERT INTO stock_demandday (item_id, node_id, day, sold, lost, lines)
SELECT d.item_id, d.node_id, d.day, e.sold, e.lost, e.lines
  FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[], %(days)s::date[])
    AS d (item_id, node_id, day)
 CROSS JOIN LATERAL (
           SELECT coalesce(sum(left_over) FILTER (WHERE type <> 'demand.lost'), 0) AS sold,
                  coalesce(sum(left_over) FILTER (WHERE type = 'demand.lost'), 0) AS lost,
                  count(*) FILTER (WHERE left_over > 0) AS lines
             FROM (
                      SELECT o.type,
                             CASE WHEN c.event_id IS NULL THEN o.quantity ELSE coalesce(c.quantity, 0) END
                             AS left_over
                        FROM events_inventoryevent o
                        LEFT JOIN events_correction c ON c.fact_id = o.id AND c.is_standing
                       WHERE o.item_id = d.item_id AND o.node_id = d.node_id
                         AND o.occurred_at >= d.day::timestamptz
                         AND o.occurred_at < (d.day + 1)::timestamptz
                         AND o.type IN ('sale.recorded', 'order.shipped', 'demand.lost')
                  ) AS line
       ) AS e
ON CONFLICT (item_id, node_id, day) DO UPDATE SET
    sold = excluded.sold, lost = excluded.lost, lines = excluded.lines

-- name: mark_places
INSERT INTO stock_stockmark (item_id, node_id, day, posted_at)
SELECT item_id, node_id, NULL, %(now)s
  FROM stock_stockbalance
 WHERE item_id = ANY(%(items)s::bigint[]) OR node_id = ANY(%(nodes)s::bigint[])

-- name: mark_again
INSERT INTO stock_stockmark (item_id, node_id, day, posted_at)
SELECT item_id, node_id, NULL, %(now)s
  FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
