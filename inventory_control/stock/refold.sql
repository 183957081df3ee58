-- name: assertions
-- The assertions of some accounts, in fold order; their balances are locked by the caller.
SELECT event_id, item_id, node_id, state, occurred_at, source, source_id, is_opening, quantity,
       moved, expected, adjusted, verdict
  FROM stock_assertion
 WHERE (item_id, node_id) IN (SELECT * FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]))
 ORDER BY item_id, node_id, state, occurred_at, source, source_id

-- name: moved_between
-- The sum of moves of one account with keys after one fold key (or from the start) and up to
-- another. Ties of time are broken by source and source id; a correction stands where the
-- event it corrects stood, and what was carried forward before everything else of its moment.
SELECT coalesce(sum(l.quantity), 0)
  FROM stock_ledgerentry l
  LEFT JOIN events_inventoryevent posted ON posted.id = l.event_id
  LEFT JOIN events_inventoryevent e ON e.id = coalesce(posted.corrects, posted.id)
 CROSS JOIN LATERAL (
           VALUES (coalesce(e.source, ''), coalesce(e.source_id, ''))
       ) AS stands (source, source_id)
 WHERE l.item_id = %(item_id)s AND l.node_id = %(node_id)s AND l.state = %(state)s
   AND l.cause IN ('move', 'carried_move')
   AND l.occurred_at <= %(to_at)s
   AND (l.occurred_at, stands.source, stands.source_id) < (%(to_at)s, %(to_source)s, %(to_source_id)s)
   AND (
           %(from_at)s::timestamptz IS NULL
           OR (
               l.occurred_at >= %(from_at)s
               AND (l.occurred_at, stands.source, stands.source_id)
                   > (%(from_at)s, %(from_source)s, %(from_source_id)s)
           )
       )

-- name: write_assertions
INSERT INTO stock_assertion AS mine (
    event_id, item_id, node_id, state, occurred_at, source, source_id, is_opening, quantity,
    moved, expected, adjusted, verdict, settled_by, settled_reason
)
SELECT told.*, '', ''
  FROM unnest(
           %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[], %s::text[],
           %s::text[], %s::boolean[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
           %s::text[]
       ) AS told (
           event_id, item_id, node_id, state, occurred_at, source, source_id, is_opening,
           quantity, moved, expected, adjusted, verdict
       )
ON CONFLICT (event_id) DO UPDATE SET
    moved = excluded.moved, expected = excluded.expected, adjusted = excluded.adjusted,
    verdict = excluded.verdict, quantity = excluded.quantity,
    settled_by = CASE WHEN excluded.verdict IN ('approved', 'rejected')
                      THEN mine.settled_by ELSE '' END,
    settled_reason = CASE WHEN excluded.verdict IN ('approved', 'rejected')
                          THEN mine.settled_reason ELSE '' END

-- name: write_balances
WITH change AS (
    SELECT item_id, node_id,
           sum(quantity) FILTER (WHERE state = 'received') AS received,
           sum(quantity) FILTER (WHERE state = 'quarantined') AS quarantined,
           sum(quantity) FILTER (WHERE state = 'sellable') AS sellable,
           sum(quantity) FILTER (WHERE state = 'refurbishable') AS refurbishable,
           sum(quantity) FILTER (WHERE state = 'damaged') AS damaged,
           sum(quantity) FILTER (WHERE state = 'vendor_return') AS vendor_return,
           sum(quantity) FILTER (WHERE state = 'in_transit') AS in_transit
      FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[], %(states)s::text[],
                  %(changes)s::bigint[]) AS line (item_id, node_id, state, quantity)
     GROUP BY item_id, node_id
),
place AS (
    SELECT * FROM unnest(%(place_items)s::bigint[], %(place_nodes)s::bigint[])
               AS place (item_id, node_id)
),
mark AS (
    INSERT INTO stock_stockmark (item_id, node_id, day, posted_at)
    SELECT item_id, node_id, NULL, %(now)s FROM place
)
UPDATE stock_stockbalance AS mine SET
    received = mine.received + coalesce(change.received, 0),
    quarantined = mine.quarantined + coalesce(change.quarantined, 0),
    sellable = mine.sellable + coalesce(change.sellable, 0),
    refurbishable = mine.refurbishable + coalesce(change.refurbishable, 0),
    damaged = mine.damaged + coalesce(change.damaged, 0),
    vendor_return = mine.vendor_return + coalesce(change.vendor_return, 0),
    in_transit = mine.in_transit + coalesce(change.in_transit, 0),
    counts_pending = (
        SELECT count(*) FROM stock_assertion a
         WHERE a.item_id = mine.item_id AND a.node_id = mine.node_id AND a.verdict = 'pending'
    ),
    last_assert_at = (
        SELECT max(occurred_at) FROM stock_assertion a
         WHERE a.item_id = mine.item_id AND a.node_id = mine.node_id
    ),
    changed_at = %(now)s
  FROM place LEFT JOIN change USING (item_id, node_id)
 WHERE mine.item_id = place.item_id AND mine.node_id = place.node_id
