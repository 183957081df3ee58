-- One number for each part of what the ledger holds, the same for every order of arrival and in
-- every tenant: names instead of ids, sums instead of lines, and a sum of hashes over the rows.

-- name: balances
SELECT count(*), coalesce(sum(hashtextextended(concat_ws('|', i.sku, n.code, b.received,
           b.quarantined, b.sellable, b.refurbishable, b.damaged, b.vendor_return, b.in_transit,
           b.reserved, b.allocated, b.counts_pending, b.holds), 0)), 0)
  FROM stock_stockbalance b
  JOIN catalog_item i ON i.id = b.item_id
  JOIN catalog_node n ON n.id = b.node_id

-- name: claims
SELECT count(*), coalesce(sum(hashtextextended(concat_ws('|', key, open, assigned), 0)), 0)
  FROM stock_reservation

-- name: counts
SELECT count(*), coalesce(sum(hashtextextended(concat_ws('|', source, source_id, quantity, expected,
           adjusted, verdict), 0)), 0)
  FROM stock_assertion

-- name: accounts
-- What every account came to, outside ones too; the same before and after a part is retired.
SELECT count(*), coalesce(sum(hashtextextended(concat_ws('|', i.sku, n.code, fold.state, fold.lot,
           fold.quantity), 0)), 0)
  FROM (
           SELECT item_id, node_id, state, lot, sum(quantity) AS quantity
             FROM stock_ledgerentry
            GROUP BY item_id, node_id, state, lot
           HAVING sum(quantity) <> 0
       ) AS fold
  JOIN catalog_item i ON i.id = fold.item_id
  JOIN catalog_node n ON n.id = fold.node_id

-- name: ledger
-- What every event came to on every account; a count that was judged twice has more lines than one
-- judged once, and the same sum.
SELECT count(*), coalesce(sum(hashtextextended(concat_ws('|', e.source, e.source_id, i.sku, n.code,
           fold.state, fold.quantity), 0)), 0)
  FROM (
           SELECT event_id, item_id, node_id, state, sum(quantity) AS quantity
             FROM stock_ledgerentry
            GROUP BY event_id, item_id, node_id, state
           HAVING sum(quantity) <> 0
       ) AS fold
  JOIN events_inventoryevent e ON e.id = fold.event_id
  JOIN catalog_item i ON i.id = fold.item_id
  JOIN catalog_node n ON n.id = fold.node_id
