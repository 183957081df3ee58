-- Post a batch of canonical events: the one statement by which stock changes (house.md D5).
--
-- In:  arrays of events (one element per row, n is its place in the batch), of legs and of claim
--      changes (each naming its event by n), and the product time.
-- A leg whose time is NULL moved when its event occurred.
-- Out: one row per event that is new: n, event_id, is_late, is_awaited. Rows missing from the answer are
--      duplicates. is_late says that an assertion of that item and node lies after the event, so
--      the fold has to be judged again; is_awaited that a correction is held for it.
--
-- Of two rows with one business key the first in the batch posts, and ids follow the batch's order.
-- Planned once for batches of any size, so nothing may depend on how many rows the planner expects:
-- LIMIT makes the look for known keys an index probe, IS TRUE makes an IN a hash lookup, and a
-- window finds the late legs where a join could become a nested loop.
-- Locks are always taken in this order, each sorted, so that batches cannot deadlock: business
-- keys, source keys, claims by key, balances by (item, node).
WITH batch AS (
    SELECT e.*, nextval('events_inventoryevent_id_seq') AS event_id
      FROM unnest(
               %(n)s::int[], %(source)s::text[], %(source_id)s::text[], %(business_key)s::text[],
               %(type)s::text[], %(kind)s::text[], %(occurred_at)s::timestamptz[],
               %(item_id)s::bigint[], %(node_id)s::bigint[], %(quantity)s::bigint[],
               %(details)s::text[], %(raw)s::bytea[], %(content)s::bytea[],
               %(received_from)s::text[], %(correlation_id)s::text[], %(flags)s::text[],
               %(corrects)s::bigint[], %(schema_version)s::int[],
               %(demand_day)s::date[], %(sold)s::bigint[], %(lost)s::bigint[], %(lines)s::int[]
           ) AS e (
               n, source, source_id, business_key, type, kind, occurred_at, item_id, node_id,
               quantity, details, raw, content, received_from, correlation_id, flags, corrects,
               schema_version, demand_day, sold, lost, lines
           )
     WHERE (
               SELECT true FROM events_sourcekey k
                WHERE k.source = e.source AND k.source_id = e.source_id
                LIMIT 1
           ) IS NULL
     ORDER BY n
),
new_business AS (
    INSERT INTO events_businesskey (key, event_id)
    SELECT business_key, event_id FROM batch WHERE business_key IS NOT NULL ORDER BY business_key, n
    ON CONFLICT DO NOTHING
    RETURNING event_id
),
new_source AS (
    INSERT INTO events_sourcekey (source, source_id, event_id, content)
    SELECT source, source_id, event_id, content
      FROM batch
     WHERE business_key IS NULL OR event_id IN (SELECT event_id FROM new_business)
     ORDER BY source, source_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
),
fresh AS (
    SELECT * FROM batch WHERE (event_id IN (SELECT event_id FROM new_source)) IS TRUE
),
event AS (
    INSERT INTO events_inventoryevent (
        id, source, source_id, business_key, type, kind, schema_version, occurred_at, recorded_at,
        item_id, node_id, quantity, details, raw, received_from, correlation_id, flags, corrects
    )
    SELECT event_id, source, source_id, business_key, type, kind, schema_version, occurred_at,
           %(now)s::timestamptz,
           item_id, node_id, quantity, details::jsonb, raw, received_from, correlation_id,
           CASE flags WHEN '' THEN '{}'::text[] ELSE string_to_array(flags, ' ') END, corrects
      FROM fresh
),
leg AS (
    SELECT fresh.event_id, fresh.demand_day, l.item_id, l.node_id, l.state, l.lot, l.quantity,
           coalesce(l.at, fresh.occurred_at) AS at
      FROM unnest(
               %(leg_n)s::int[], %(leg_item)s::bigint[], %(leg_node)s::bigint[],
               %(leg_state)s::text[], %(leg_lot)s::text[], %(leg_quantity)s::bigint[],
               %(leg_at)s::timestamptz[]
           ) AS l (n, item_id, node_id, state, lot, quantity, at)
      JOIN fresh USING (n)
),
entry AS (
    INSERT INTO stock_ledgerentry (
        posted_at, event_id, item_id, node_id, state, lot, quantity, cause, occurred_at
    )
    SELECT %(now)s::timestamptz, event_id, item_id, node_id, state, lot, quantity, 'move', at FROM leg
),
claim AS (
    INSERT INTO stock_reservation AS mine (
        key, item_id, node_id, channel, committed, confirmed, shipped, released, prior_open,
        prior_assigned, changed_at
    )
    SELECT c.key, min(c.item_id), min(c.node_id), max(c.channel), sum(c.committed),
           sum(c.confirmed), sum(c.shipped), sum(c.released), 0, 0, %(now)s::timestamptz
      FROM unnest(
               %(claim_n)s::int[], %(claim_key)s::text[], %(claim_item)s::bigint[],
               %(claim_node)s::bigint[], %(claim_channel)s::text[], %(claim_committed)s::bigint[],
               %(claim_confirmed)s::bigint[], %(claim_shipped)s::bigint[],
               %(claim_released)s::bigint[]
           ) AS c (n, key, item_id, node_id, channel, committed, confirmed, shipped, released)
      JOIN fresh USING (n)
     GROUP BY c.key
     ORDER BY c.key
    ON CONFLICT (key) DO UPDATE SET
        committed = mine.committed + excluded.committed,
        confirmed = mine.confirmed + excluded.confirmed,
        shipped = mine.shipped + excluded.shipped,
        released = mine.released + excluded.released,
        prior_open = mine.open,
        prior_assigned = mine.assigned,
        changed_at = excluded.changed_at
    RETURNING item_id, node_id, open - assigned - prior_open + prior_assigned AS reserved,
              assigned - prior_assigned AS allocated
),
change AS (
    SELECT item_id, node_id,
           coalesce(sum(quantity) FILTER (WHERE state = 'received'), 0) AS received,
           coalesce(sum(quantity) FILTER (WHERE state = 'quarantined'), 0) AS quarantined,
           coalesce(sum(quantity) FILTER (WHERE state = 'sellable'), 0) AS sellable,
           coalesce(sum(quantity) FILTER (WHERE state = 'refurbishable'), 0) AS refurbishable,
           coalesce(sum(quantity) FILTER (WHERE state = 'damaged'), 0) AS damaged,
           coalesce(sum(quantity) FILTER (WHERE state = 'vendor_return'), 0) AS vendor_return,
           coalesce(sum(quantity) FILTER (WHERE state = 'in_transit'), 0) AS in_transit,
           coalesce(sum(quantity) FILTER (WHERE state = 'reserved'), 0) AS reserved,
           coalesce(sum(quantity) FILTER (WHERE state = 'allocated'), 0) AS allocated,
           min(at) AS earliest
      FROM (
               SELECT item_id, node_id, state, quantity, at FROM leg
                UNION ALL
               SELECT item_id, node_id, 'reserved', reserved, NULL FROM claim
                UNION ALL
               SELECT item_id, node_id, 'allocated', allocated, NULL FROM claim
                UNION ALL
               SELECT item_id, node_id, 'asserted', 0, occurred_at FROM fresh WHERE kind = 'assert'
           ) AS part
     GROUP BY item_id, node_id
),
balance AS (
    INSERT INTO stock_stockbalance AS mine (
        item_id, node_id, received, quarantined, sellable, refurbishable, damaged, vendor_return,
        in_transit, reserved, allocated, counts_pending, holds, changed_at
    )
    SELECT item_id, node_id, received, quarantined, sellable, refurbishable, damaged,
           vendor_return, in_transit, reserved, allocated, 0, 0, %(now)s::timestamptz
      FROM change
     ORDER BY item_id, node_id
    ON CONFLICT (item_id, node_id) DO UPDATE SET
        received = mine.received + excluded.received,
        quarantined = mine.quarantined + excluded.quarantined,
        sellable = mine.sellable + excluded.sellable,
        refurbishable = mine.refurbishable + excluded.refurbishable,
        damaged = mine.damaged + excluded.damaged,
        vendor_return = mine.vendor_return + excluded.vendor_return,
        in_transit = mine.in_transit + excluded.in_transit,
        reserved = mine.reserved + excluded.reserved,
        allocated = mine.allocated + excluded.allocated,
        changed_at = greatest(mine.changed_at, excluded.changed_at)
    RETURNING item_id, node_id, last_assert_at
),
mark AS (
    INSERT INTO stock_stockmark (item_id, node_id, day, sold, lost, lines, posted_at)
    SELECT item_id, node_id, day, sum(sold), sum(lost), sum(lines), %(now)s::timestamptz
      FROM (
               SELECT item_id, node_id, demand_day AS day, 0 AS sold, 0 AS lost, 0 AS lines
                 FROM leg
                WHERE state NOT IN ('supplier', 'customer', 'adjustment', 'disposal')
                UNION ALL
               SELECT item_id, node_id, NULL, 0, 0, 0 FROM claim
                UNION ALL
               SELECT item_id, node_id, demand_day, sold, lost, lines
                 FROM fresh
                WHERE demand_day IS NOT NULL
           ) AS touched
     GROUP BY item_id, node_id, day
)
SELECT fresh.n, fresh.event_id,
       fresh.event_id IN (
           SELECT event_id
             FROM (
                      SELECT event_id, at,
                             max(last_assert_at) OVER (PARTITION BY item_id, node_id) AS asserted_at
                        FROM (
                                 SELECT item_id, node_id, event_id, at, NULL::timestamptz FROM leg
                                  UNION ALL
                                 SELECT item_id, node_id, NULL, NULL, last_assert_at FROM balance
                             ) AS told (item_id, node_id, event_id, at, last_assert_at)
                  ) AS judged
            WHERE asserted_at >= at
       ) AS is_late,
       EXISTS (
           SELECT FROM events_heldevent held
            WHERE held.waits_for IN (
                      'business:' || fresh.business_key,
                      'source:' || fresh.source || ':' || fresh.source_id
                  )
       ) AS is_awaited
  FROM fresh
