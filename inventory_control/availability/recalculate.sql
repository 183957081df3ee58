-- name: recalculate
-- Channel figures of some items: the sum of node ATS over the channel's nodes less its buffer.
-- Only figures that changed are written; each write raises the version.
WITH node_figure AS (
    SELECT b.item_id, b.node_id,
           CASE WHEN b.counts_pending + b.holds > 0 THEN 0
                ELSE b.sellable - b.reserved - b.allocated - coalesce(p.safety_stock, 0)
           END AS ats,
           b.changed_at
      FROM stock_stockbalance b
      LEFT JOIN catalog_itemnode p ON p.item_id = b.item_id AND p.node_id = b.node_id
     WHERE b.item_id = ANY(%(items)s::bigint[])
),
figure AS (
    SELECT f.item_id, c.id AS channel_id, sum(f.ats) - max(c.buffer) AS ats,
           max(f.changed_at) AS changed_at
      FROM node_figure f
      JOIN catalog_channel_nodes cn ON cn.node_id = f.node_id
      JOIN catalog_channel c ON c.id = cn.channel_id
     GROUP BY f.item_id, c.id
)
INSERT INTO availability_availability AS mine (
    item_id, channel_id, ats, quantity, version, changed_at, computed_at
)
SELECT item_id, channel_id, ats, greatest(0, ats), 1, changed_at, %(now)s
  FROM figure
 ORDER BY item_id, channel_id
ON CONFLICT (item_id, channel_id) DO UPDATE SET
    ats = excluded.ats, quantity = excluded.quantity, version = mine.version + 1,
    changed_at = excluded.changed_at, computed_at = excluded.computed_at
  WHERE mine.ats <> excluded.ats
RETURNING channel_id

-- name: unpublished_channels
SELECT DISTINCT c.code
  FROM catalog_channel c
 WHERE c.is_published
   AND EXISTS (
           SELECT FROM availability_availability a
            WHERE a.channel_id = c.id
              AND (a.published IS NULL OR a.published <> a.quantity)
       )

-- name: unpublished
SELECT i.sku, a.quantity, a.version, a.changed_at, a.item_id
  FROM availability_availability a
  JOIN catalog_channel c ON c.id = a.channel_id
  JOIN catalog_item i ON i.id = a.item_id
 WHERE c.code = %(channel)s
   AND (a.published IS NULL OR a.published <> a.quantity)
 ORDER BY a.item_id
 LIMIT %(limit)s

-- name: acknowledge
UPDATE availability_availability a
   SET published = told.quantity, published_at = %(now)s
  FROM unnest(%(items)s::bigint[], %(quantities)s::bigint[]) AS told (item_id, quantity),
       catalog_channel c
 WHERE c.code = %(channel)s AND a.channel_id = c.id AND a.item_id = told.item_id

-- name: note_changed
INSERT INTO availability_changedplace (item_id, node_id, noted_at)
SELECT item_id, node_id, %(now)s
  FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)

-- name: take_changed
DELETE FROM availability_changedplace
 WHERE id IN (
           SELECT id FROM availability_changedplace ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
       )
RETURNING item_id, node_id
