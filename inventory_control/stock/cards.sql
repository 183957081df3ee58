-- name: cards
-- One row for each of some places: the item and what it costs and earns, what is there, what is
-- promised, what is planned, and what was asked for since a day of its node to before `until`, with
-- the first day anything ever was.
SELECT place.item_id, place.node_id, i.sku, i.unit_cost, i.unit_price, s.lead_time_days,
       coalesce(b.sellable, 0), coalesce(b.reserved, 0), coalesce(b.allocated, 0),
       coalesce(p.safety_stock, 0), p.reorder_point, coalesce(p.is_ranged, true),
       history.day, recent.units
  FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
  JOIN unnest(%(node_ids)s::bigint[], %(since)s::date[]) AS node (id, since)
    ON node.id = place.node_id
  JOIN catalog_item i ON i.id = place.item_id
  LEFT JOIN catalog_supplier s ON s.id = i.supplier_id
  LEFT JOIN catalog_itemnode p ON p.item_id = place.item_id AND p.node_id = place.node_id
  LEFT JOIN stock_stockbalance b ON b.item_id = place.item_id AND b.node_id = place.node_id
  LEFT JOIN LATERAL (
           SELECT d.day FROM stock_demandday d
            WHERE d.item_id = place.item_id AND d.node_id = place.node_id AND d.sold + d.lost > 0
            ORDER BY d.day LIMIT 1
       ) AS history ON true
  LEFT JOIN LATERAL (
           SELECT greatest(0, sum(d.sold + d.lost))::bigint AS units FROM stock_demandday d
            WHERE d.item_id = place.item_id AND d.node_id = place.node_id
              AND d.day >= node.since AND d.day < %(until)s::date
       ) AS recent ON history.day IS NOT NULL
 ORDER BY place.item_id, place.node_id

-- name: pending_counts
-- Counts out of tolerance that wait for a person.
SELECT a.item_id, a.node_id, a.event_id, a.expected, a.quantity, a.occurred_at
  FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
  JOIN stock_assertion a
    ON a.item_id = place.item_id AND a.node_id = place.node_id AND a.verdict = 'pending'
 ORDER BY a.item_id, a.node_id, a.occurred_at

-- name: overdrawn
-- Claims changed since a moment of which more left than was promised although part was given back,
-- with the units too many; the conditions are those of the index.
SELECT r.item_id, r.node_id, r.key, r.channel, r.shipped + r.released - r.committed
  FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
  JOIN stock_reservation r
    ON r.item_id = place.item_id AND r.node_id = place.node_id
   AND r.committed > 0 AND r.shipped > 0 AND r.released > 0
   AND r.committed < r.shipped + r.released
 WHERE r.changed_at >= %(since)s::timestamptz
 ORDER BY r.key

-- name: claims
-- Open claims, the latest `limit` of each place.
SELECT place.item_id, place.node_id, r.key, r.channel, r.open
  FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
 CROSS JOIN LATERAL (
           SELECT key, channel, open, changed_at FROM stock_reservation
            WHERE item_id = place.item_id AND node_id = place.node_id AND open > 0
            ORDER BY changed_at DESC, key LIMIT %(limit)s::int
       ) AS r
 ORDER BY place.item_id, place.node_id, r.changed_at DESC, r.key

-- name: has_open_claims
SELECT EXISTS (SELECT FROM stock_reservation WHERE key LIKE %(begins)s::text AND open > 0)

-- name: doubts
-- Whether any claim is overdrawn, and any count waits for a person; each from the index of its sort.
SELECT EXISTS (
           SELECT FROM stock_reservation
            WHERE committed > 0 AND shipped > 0 AND released > 0
              AND committed < shipped + released
       ),
       EXISTS (SELECT FROM stock_assertion WHERE verdict = 'pending')
