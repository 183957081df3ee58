-- name: compare
-- Rows compared, and the units by which balances and reserved counters differ from the fold of
-- the ledger and the open claims.
WITH fold AS (
    SELECT item_id, node_id,
           coalesce(sum(quantity) FILTER (WHERE state = 'received'), 0) AS received,
           coalesce(sum(quantity) FILTER (WHERE state = 'quarantined'), 0) AS quarantined,
           coalesce(sum(quantity) FILTER (WHERE state = 'sellable'), 0) AS sellable,
           coalesce(sum(quantity) FILTER (WHERE state = 'refurbishable'), 0) AS refurbishable,
           coalesce(sum(quantity) FILTER (WHERE state = 'damaged'), 0) AS damaged,
           coalesce(sum(quantity) FILTER (WHERE state = 'vendor_return'), 0) AS vendor_return,
           coalesce(sum(quantity) FILTER (WHERE state = 'in_transit'), 0) AS in_transit
      FROM stock_ledgerentry
     WHERE state NOT IN ('supplier', 'customer', 'adjustment', 'disposal')
     GROUP BY item_id, node_id
),
claim AS (
    SELECT item_id, node_id, sum(open) AS reserved FROM stock_reservation GROUP BY item_id, node_id
)
SELECT count(*), coalesce(sum(
           abs(coalesce(b.received, 0) - coalesce(f.received, 0))
         + abs(coalesce(b.quarantined, 0) - coalesce(f.quarantined, 0))
         + abs(coalesce(b.sellable, 0) - coalesce(f.sellable, 0))
         + abs(coalesce(b.refurbishable, 0) - coalesce(f.refurbishable, 0))
         + abs(coalesce(b.damaged, 0) - coalesce(f.damaged, 0))
         + abs(coalesce(b.vendor_return, 0) - coalesce(f.vendor_return, 0))
         + abs(coalesce(b.in_transit, 0) - coalesce(f.in_transit, 0))
         + abs(coalesce(b.reserved, 0) - coalesce(c.reserved, 0))
       ), 0)
  FROM stock_stockbalance b
  FULL JOIN fold f USING (item_id, node_id)
  FULL JOIN claim c USING (item_id, node_id)

-- name: ledger_sum
-- The largest absolute sum of an item over all its accounts, outside ones too: zero by design.
SELECT coalesce(max(abs(total)), 0)
  FROM (SELECT sum(quantity) AS total FROM stock_ledgerentry GROUP BY item_id) AS per_item

-- name: repair
WITH fold AS (
    SELECT item_id, node_id,
           coalesce(sum(quantity) FILTER (WHERE state = 'received'), 0) AS received,
           coalesce(sum(quantity) FILTER (WHERE state = 'quarantined'), 0) AS quarantined,
           coalesce(sum(quantity) FILTER (WHERE state = 'sellable'), 0) AS sellable,
           coalesce(sum(quantity) FILTER (WHERE state = 'refurbishable'), 0) AS refurbishable,
           coalesce(sum(quantity) FILTER (WHERE state = 'damaged'), 0) AS damaged,
           coalesce(sum(quantity) FILTER (WHERE state = 'vendor_return'), 0) AS vendor_return,
           coalesce(sum(quantity) FILTER (WHERE state = 'in_transit'), 0) AS in_transit
      FROM stock_ledgerentry
     WHERE state NOT IN ('supplier', 'customer', 'adjustment', 'disposal')
     GROUP BY item_id, node_id
),
claim AS (
    SELECT item_id, node_id, sum(open) AS reserved FROM stock_reservation GROUP BY item_id, node_id
),
missing AS (
    INSERT INTO stock_stockbalance (
        item_id, node_id, received, quarantined, sellable, refurbishable, damaged, vendor_return, in_transit,
        reserved, allocated, counts_pending, holds, changed_at
    )
    SELECT item_id, node_id, fold.received, fold.quarantined, fold.sellable, fold.refurbishable, fold.damaged, fold.vendor_return, fold.in_transit,
           coalesce(claim.reserved, 0), 0, 0, 0, %(now)s
      FROM fold LEFT JOIN claim USING (item_id, node_id)
    ON CONFLICT DO NOTHING
)
UPDATE stock_stockbalance AS mine SET
    received = fold.received,
    quarantined = fold.quarantined,
    sellable = fold.sellable,
    refurbishable = fold.refurbishable,
    damaged = fold.damaged,
    vendor_return = fold.vendor_return,
    in_transit = fold.in_transit,
    reserved = coalesce(claim.reserved, 0),
    changed_at = %(now)s
  FROM fold LEFT JOIN claim USING (item_id, node_id)
 WHERE mine.item_id = fold.item_id AND mine.node_id = fold.node_id
