-- name: age
-- Units of an item that can be sold, everywhere; when the oldest of them came in, if what came
-- first left first; when the first ever came in or was asked for; and what was asked for since a
-- day. What comes in comes from suppliers or from counts and opening balances; transfers and
-- customers' returns make nothing younger.
WITH held AS (
    SELECT coalesce(sum(sellable), 0) AS units FROM stock_stockbalance WHERE item_id = %(item)s
),
inflow AS (
    SELECT l.occurred_at, -sum(l.quantity) AS units
      FROM catalog_node n
      JOIN stock_ledgerentry l
        ON l.item_id = %(item)s AND l.node_id = n.id AND l.state IN ('supplier', 'adjustment')
     GROUP BY l.occurred_at
    HAVING sum(l.quantity) < 0
),
ranked AS (
    SELECT occurred_at, sum(units) OVER (ORDER BY occurred_at DESC) - units AS younger FROM inflow
),
demand AS (
    SELECT min(day) AS first_day, coalesce(sum(sold + lost) FILTER (WHERE day >= %(since)s), 0) AS units
      FROM stock_demandday
     WHERE item_id = %(item)s
)
SELECT held.units, demand.units,
       (SELECT min(occurred_at) FROM ranked WHERE younger < held.units),
       least(
           (SELECT min(occurred_at) FROM inflow), demand.first_day::timestamp AT TIME ZONE 'UTC'
       )
  FROM held CROSS JOIN demand
