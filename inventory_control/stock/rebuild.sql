-- name: truth
-- What every balance should be: the fold of the ledger, and the open claims. The statements below
-- read it as `rebuilt`.
SELECT item_id, node_id,
       coalesce(received, 0) AS received, coalesce(quarantined, 0) AS quarantined,
       coalesce(sellable, 0) AS sellable, coalesce(refurbishable, 0) AS refurbishable,
       coalesce(damaged, 0) AS damaged, coalesce(vendor_return, 0) AS vendor_return,
       coalesce(in_transit, 0) AS in_transit, coalesce(reserved, 0) AS reserved,
       coalesce(allocated, 0) AS allocated, coalesce(counts_pending, 0) AS counts_pending,
       coalesce(holds, 0) AS holds
  FROM (
           SELECT item_id, node_id,
                  sum(quantity) FILTER (WHERE state = 'received') AS received,
                  sum(quantity) FILTER (WHERE state = 'quarantined') AS quarantined,
                  sum(quantity) FILTER (WHERE state = 'sellable') AS sellable,
                  sum(quantity) FILTER (WHERE state = 'refurbishable') AS refurbishable,
                  sum(quantity) FILTER (WHERE state = 'damaged') AS damaged,
                  sum(quantity) FILTER (WHERE state = 'vendor_return') AS vendor_return,
                  sum(quantity) FILTER (WHERE state = 'in_transit') AS in_transit
             FROM stock_ledgerentry
            WHERE state NOT IN ('supplier', 'customer', 'adjustment', 'disposal')
            GROUP BY item_id, node_id
       ) AS fold
  FULL JOIN (
           SELECT item_id, node_id, sum(open - assigned) AS reserved, sum(assigned) AS allocated
             FROM stock_reservation
            WHERE open > 0
            GROUP BY item_id, node_id
       ) AS claim USING (item_id, node_id)
  FULL JOIN (
           SELECT item_id, node_id, count(*) AS counts_pending
             FROM stock_assertion WHERE verdict = 'pending' GROUP BY item_id, node_id
       ) AS pending USING (item_id, node_id)
  FULL JOIN (
           SELECT item_id, node_id, count(*) AS holds
             FROM stock_hold WHERE status = 'placed' GROUP BY item_id, node_id
       ) AS held USING (item_id, node_id)

-- name: compare
-- Rows compared, and the units by which balances and claim counters differ from the truth.
WITH rebuilt AS (:truth)
SELECT count(*), coalesce(sum(
           abs(coalesce(b.received, 0) - coalesce(r.received, 0))
         + abs(coalesce(b.quarantined, 0) - coalesce(r.quarantined, 0))
         + abs(coalesce(b.sellable, 0) - coalesce(r.sellable, 0))
         + abs(coalesce(b.refurbishable, 0) - coalesce(r.refurbishable, 0))
         + abs(coalesce(b.damaged, 0) - coalesce(r.damaged, 0))
         + abs(coalesce(b.vendor_return, 0) - coalesce(r.vendor_return, 0))
         + abs(coalesce(b.in_transit, 0) - coalesce(r.in_transit, 0))
         + abs(coalesce(b.reserved, 0) - coalesce(r.reserved, 0))
         + abs(coalesce(b.allocated, 0) - coalesce(r.allocated, 0))
         + abs(coalesce(b.counts_pending, 0) - coalesce(r.counts_pending, 0))
         + abs(coalesce(b.holds, 0) - coalesce(r.holds, 0))
       ), 0)
  FROM stock_stockbalance b
  FULL JOIN rebuilt r USING (item_id, node_id)

-- name: places
-- The figures that differ, place by place: what each is, and what it should be.
WITH rebuilt AS (:truth)
SELECT i.sku, n.code, figure.name, figure.found, figure.wanted
  FROM stock_stockbalance b
  FULL JOIN rebuilt r USING (item_id, node_id)
  JOIN catalog_item i ON i.id = item_id
  JOIN catalog_node n ON n.id = node_id
 CROSS JOIN LATERAL (
           VALUES ('received', coalesce(b.received, 0), coalesce(r.received, 0)),
                  ('quarantined', coalesce(b.quarantined, 0), coalesce(r.quarantined, 0)),
                  ('sellable', coalesce(b.sellable, 0), coalesce(r.sellable, 0)),
                  ('refurbishable', coalesce(b.refurbishable, 0), coalesce(r.refurbishable, 0)),
                  ('damaged', coalesce(b.damaged, 0), coalesce(r.damaged, 0)),
                  ('vendor_return', coalesce(b.vendor_return, 0), coalesce(r.vendor_return, 0)),
                  ('in_transit', coalesce(b.in_transit, 0), coalesce(r.in_transit, 0)),
                  ('reserved', coalesce(b.reserved, 0), coalesce(r.reserved, 0)),
                  ('allocated', coalesce(b.allocated, 0), coalesce(r.allocated, 0)),
                  ('counts pending', coalesce(b.counts_pending, 0), coalesce(r.counts_pending, 0)),
                  ('holds', coalesce(b.holds, 0), coalesce(r.holds, 0))
       ) AS figure (name, found, wanted)
 WHERE figure.found <> figure.wanted
 ORDER BY i.sku, n.code, figure.name
 LIMIT %s

-- name: ledger_sum
-- The largest absolute sum of an item over all its accounts, outside ones too: zero by design.
SELECT coalesce(max(abs(total)), 0)
  FROM (SELECT sum(quantity) AS total FROM stock_ledgerentry GROUP BY item_id) AS per_item

-- name: repair
-- Write the truth over the balances that differ from it, also where nothing is left of either.
WITH rebuilt AS (:truth),
wrong AS (
    SELECT item_id, node_id, coalesce(r.received, 0) AS received,
           coalesce(r.quarantined, 0) AS quarantined, coalesce(r.sellable, 0) AS sellable,
           coalesce(r.refurbishable, 0) AS refurbishable, coalesce(r.damaged, 0) AS damaged,
           coalesce(r.vendor_return, 0) AS vendor_return,
           coalesce(r.in_transit, 0) AS in_transit, coalesce(r.reserved, 0) AS reserved,
           coalesce(r.allocated, 0) AS allocated,
           coalesce(r.counts_pending, 0) AS counts_pending, coalesce(r.holds, 0) AS holds
      FROM stock_stockbalance b
      FULL JOIN rebuilt r USING (item_id, node_id)
     WHERE (b.received, b.quarantined, b.sellable, b.refurbishable, b.damaged, b.vendor_return,
            b.in_transit, b.reserved, b.allocated, b.counts_pending, b.holds)
           IS DISTINCT FROM
           (coalesce(r.received, 0), coalesce(r.quarantined, 0), coalesce(r.sellable, 0),
            coalesce(r.refurbishable, 0), coalesce(r.damaged, 0), coalesce(r.vendor_return, 0),
            coalesce(r.in_transit, 0), coalesce(r.reserved, 0), coalesce(r.allocated, 0),
            coalesce(r.counts_pending, 0), coalesce(r.holds, 0))
),
written AS (
    INSERT INTO stock_stockbalance (
        item_id, node_id, received, quarantined, sellable, refurbishable, damaged,
        vendor_return, in_transit, reserved, allocated, counts_pending, holds, changed_at
    )
    SELECT item_id, node_id, received, quarantined, sellable, refurbishable, damaged,
           vendor_return, in_transit, reserved, allocated, counts_pending, holds, %(now)s
      FROM wrong
     ORDER BY item_id, node_id
    ON CONFLICT (item_id, node_id) DO UPDATE SET
        received = excluded.received, quarantined = excluded.quarantined,
        sellable = excluded.sellable, refurbishable = excluded.refurbishable,
        damaged = excluded.damaged, vendor_return = excluded.vendor_return,
        in_transit = excluded.in_transit, reserved = excluded.reserved,
        allocated = excluded.allocated, counts_pending = excluded.counts_pending,
        holds = excluded.holds, changed_at = excluded.changed_at
    RETURNING item_id, node_id
)
INSERT INTO stock_stockmark (item_id, node_id, day, posted_at)
SELECT item_id, node_id, NULL, %(now)s FROM written
