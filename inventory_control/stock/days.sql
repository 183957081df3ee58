-- name: look
-- The watermark, held; whether every transaction that wrote before the last look has ended; and
-- this look's own number, behind which they all stand. A snapshot's xmax would not do: it is the
-- number after the last one that ended, and those that run may stand at it or beyond.
SELECT posted_until, candidate_at,
       candidate_xid IS NOT NULL
           AND pg_snapshot_xmin(pg_current_snapshot()) >= candidate_xid::xid8,
       pg_current_xact_id()::text
  FROM stock_ledgerwatermark
   FOR UPDATE

-- name: add
-- Add what was posted since the watermark to the days it happened on.
INSERT INTO stock_ledgerday AS mine (item_id, node_id, state, day, quantity)
SELECT item_id, node_id, state, (occurred_at AT TIME ZONE 'UTC')::date, sum(quantity)
  FROM stock_ledgerentry
 WHERE (%(after)s::timestamptz IS NULL OR posted_at > %(after)s::timestamptz)
   AND posted_at <= %(until)s::timestamptz
 GROUP BY 1, 2, 3, 4
HAVING sum(quantity) <> 0
 ORDER BY 1, 2, 3, 4
ON CONFLICT (item_id, node_id, state, day) DO UPDATE SET
    quantity = mine.quantity + excluded.quantity

-- name: as_of
-- Whole days from their sums, the last day from its lines, and what no day has taken in yet from
-- the lines posted since. Three index ranges, however long the account's history.
WITH mark AS MATERIALIZED (SELECT posted_until FROM stock_ledgerwatermark)
SELECT state, sum(quantity)
  FROM (
           SELECT state, quantity
             FROM stock_ledgerday
            WHERE item_id = %(item)s AND node_id = %(node)s
              AND day < (%(at)s::timestamptz AT TIME ZONE 'UTC')::date
            UNION ALL
           SELECT state, quantity
             FROM stock_ledgerentry
            WHERE item_id = %(item)s AND node_id = %(node)s
              AND occurred_at >= date_trunc('day', %(at)s::timestamptz, 'UTC')
              AND occurred_at <= %(at)s::timestamptz
              AND posted_at <= (SELECT posted_until FROM mark)
            UNION ALL
           SELECT state, quantity
             FROM stock_ledgerentry
            WHERE item_id = %(item)s AND node_id = %(node)s
              AND occurred_at <= %(at)s::timestamptz
              AND posted_at > coalesce((SELECT posted_until FROM mark), '-infinity')
       ) AS part
 GROUP BY state
