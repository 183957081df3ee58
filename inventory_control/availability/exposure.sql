-- name: is_governed
SELECT EXISTS (SELECT FROM availability_exposurerule WHERE is_current AND is_active)
    OR EXISTS (SELECT FROM availability_exposurehold WHERE status IN ('held', 'waived'))

-- name: doubts
-- Whether anything is held, and whether a channel was ever told a figure it could show otherwise.
SELECT EXISTS (SELECT FROM availability_exposurehold WHERE status = 'held'),
       EXISTS (SELECT FROM availability_push)

-- name: sights
-- What the rules see of some items: every listing that a rule would hold, and every hold there is,
-- waived ones too: while one stands its rule does not hold the listing a second time.
-- A rule without a node looks at all nodes a channel draws on together.
WITH node_figure AS (
    SELECT b.item_id, b.node_id,
           CASE WHEN b.counts_pending + b.holds > 0 THEN 0
                ELSE b.sellable - b.reserved - b.allocated - coalesce(p.safety_stock, 0)
           END AS ats
      FROM stock_stockbalance b
      LEFT JOIN catalog_itemnode p ON p.item_id = b.item_id AND p.node_id = b.node_id
     WHERE b.item_id = ANY(%(items)s::bigint[])
),
seen AS (
    SELECT r.id AS rule_id, r.key, f.item_id, c.id AS channel_id, sum(f.ats) AS ats,
           min(f.node_id) AS node_id, r.hold_below, r.resume_from, r.resume_after
      FROM availability_exposurerule r
      JOIN node_figure f
        ON (r.item_id IS NULL OR r.item_id = f.item_id)
       AND (r.node_id IS NULL OR r.node_id = f.node_id)
      JOIN catalog_channel_nodes cn ON cn.node_id = f.node_id
      JOIN catalog_channel c
        ON c.id = cn.channel_id AND (c.margin < r.margin_below OR c.code = ANY(r.channels))
     WHERE r.is_current AND r.is_active
     GROUP BY r.id, f.item_id, c.id
),
held AS (
    SELECT * FROM availability_exposurehold
     WHERE status IN ('held', 'waived') AND item_id = ANY(%(items)s::bigint[])
)
SELECT s.rule_id, s.key, coalesce(s.item_id, h.item_id), coalesce(s.channel_id, h.channel_id),
       coalesce(h.node_id, s.node_id), h.id, s.ats, h.above_since,
       coalesce(a.published = 0, false),
       coalesce(s.hold_below, 0), coalesce(s.resume_from, 0), coalesce(s.resume_after, 0)
  FROM seen s
  FULL JOIN held h
    ON h.item_id = s.item_id AND h.channel_id = s.channel_id AND h.rule_key = s.key
  LEFT JOIN availability_availability a
    ON a.item_id = s.item_id AND a.channel_id = s.channel_id
 WHERE h.id IS NOT NULL OR s.ats < s.hold_below
 ORDER BY 3, 4, 2

-- name: holds_at
-- The live holds whose cases belong to some places.
SELECT h.item_id, h.node_id, r.key, r.version, c.code, h.ats, r.hold_below, r.resume_from,
       h.held_at
  FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
  JOIN availability_exposurehold h
    ON h.item_id = place.item_id AND h.node_id = place.node_id AND h.status = 'held'
  JOIN availability_exposurerule r ON r.id = h.rule_id
  JOIN catalog_channel c ON c.id = h.channel_id
 ORDER BY h.item_id, h.node_id, r.key, c.code

-- name: orders_on_their_way
-- Orders of an item on a channel that came in after a hold began.
SELECT e.details ->> 'order', e.details ->> 'line', e.quantity, e.occurred_at, e.recorded_at
  FROM events_inventoryevent e
 WHERE e.item_id = %(item)s AND e.kind = 'commit' AND e.type = ANY(%(types)s)
   AND e.details ->> 'channel' = %(channel)s AND e.recorded_at >= %(since)s
   AND e.recorded_at <= %(until)s
 ORDER BY e.occurred_at, e.id
 LIMIT 200
