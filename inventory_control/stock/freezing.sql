-- name: change_holds
-- Count freezes of some places up or down, in order of (item, node) like every other writer of
-- balances, and have what may be sold there worked out anew.
WITH place AS (
    SELECT b.item_id, b.node_id, asked.change
      FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[], %(changes)s::int[])
        AS asked (item_id, node_id, change)
      JOIN stock_stockbalance b USING (item_id, node_id)
     ORDER BY b.item_id, b.node_id
       FOR UPDATE OF b
),
changed AS (
    UPDATE stock_stockbalance b
       SET holds = greatest(0, b.holds + place.change), changed_at = %(now)s
      FROM place
     WHERE b.item_id = place.item_id AND b.node_id = place.node_id
    RETURNING b.item_id, b.node_id
),
mark AS (
    INSERT INTO stock_stockmark (item_id, node_id, day, posted_at)
    SELECT item_id, node_id, NULL, %(now)s FROM changed
)
SELECT item_id, node_id FROM changed ORDER BY item_id, node_id
