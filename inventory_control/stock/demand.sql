-- name: take_marks
-- Take marks away and add the demand they tell of to its days: each event is added once, because its
-- mark was written with it and is gone with this. By a bound and not by their ids: locking and joining
-- twenty thousand of them costs as much as taking them.
WITH taken AS (
    DELETE FROM stock_stockmark
     WHERE id <= (
               SELECT max(id) FROM (SELECT id FROM stock_stockmark ORDER BY id LIMIT %s::int) AS first
           )
    RETURNING item_id, node_id, day, sold, lost, lines
),
demand AS (
    INSERT INTO stock_demandday AS mine (item_id, node_id, day, sold, lost, lines)
    SELECT item_id, node_id, day, sum(sold), sum(lost), sum(lines)
      FROM taken
     WHERE day IS NOT NULL
     GROUP BY item_id, node_id, day
     ORDER BY item_id, node_id, day
    ON CONFLICT (item_id, node_id, day) DO UPDATE SET
        sold = mine.sold + excluded.sold, lost = mine.lost + excluded.lost,
        lines = mine.lines + excluded.lines
)
SELECT item_id, node_id, count(*) FROM taken GROUP BY item_id, node_id ORDER BY item_id, node_id

-- name: hold_demand
-- Nobody adds to the days meanwhile; marks may still be written.
LOCK TABLE stock_demandday IN SHARE ROW EXCLUSIVE MODE

-- name: roll_up
-- Demand from the events themselves, put where the days say otherwise. Sold is what left for customers
-- against sales and shipments (an event counts with what its correction left of it), lost what
-- demand.lost events say. What marks still tell of is not in the days yet; all in one statement,
-- so that events, marks and days are of one moment.
WITH told AS (
    SELECT o.item_id, o.node_id, (o.occurred_at AT TIME ZONE 'UTC')::date AS day, o.type,
           CASE WHEN c.event_id IS NULL THEN o.quantity ELSE coalesce(c.quantity, 0) END AS units
      FROM events_inventoryevent o
      LEFT JOIN events_correction c ON c.fact_id = o.id AND c.is_standing
     WHERE o.type IN ('sale.recorded', 'order.shipped', 'demand.lost')
       AND o.item_id IS NOT NULL AND o.node_id IS NOT NULL
),
meant AS (
    SELECT item_id, node_id, day, sum(sold) AS sold, sum(lost) AS lost, sum(lines) AS lines
      FROM (
               SELECT item_id, node_id, day, CASE type WHEN 'demand.lost' THEN 0 ELSE units END AS sold,
                      CASE type WHEN 'demand.lost' THEN units ELSE 0 END AS lost,
                      CASE WHEN units > 0 THEN 1 ELSE 0 END AS lines
                 FROM told
                UNION ALL
               SELECT item_id, node_id, day, -sold, -lost, -lines
                 FROM stock_stockmark
                WHERE day IS NOT NULL
           ) AS part
     GROUP BY item_id, node_id, day
)
INSERT INTO stock_demandday AS mine (item_id, node_id, day, sold, lost, lines)
SELECT item_id, node_id, day, coalesce(meant.sold, 0), coalesce(meant.lost, 0),
       coalesce(meant.lines, 0)
  FROM meant FULL JOIN stock_demandday AS kept USING (item_id, node_id, day)
 WHERE (coalesce(kept.sold, 0), coalesce(kept.lost, 0), coalesce(kept.lines, 0))
       <> (coalesce(meant.sold, 0), coalesce(meant.lost, 0), coalesce(meant.lines, 0))
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
