"""Past receipts written at once, as posting would have left them: what a ledger is filled with when it
is to be large, or to have something to sell, before anything is measured.
"""

RECEIPTS = """
    WITH made AS (
        SELECT nextval('events_inventoryevent_id_seq') AS id, n,
               CASE WHEN n %% %(hot)s = 0 THEN %(first)s ELSE %(first)s + n %% %(items)s END
               AS item_id,
               %(at)s::timestamptz + n %% 7776000 * interval '1 second' AS at
          FROM generate_series(%(start)s::bigint, %(end)s::bigint) AS n
    ),
    event AS (
        INSERT INTO events_inventoryevent (
            id, source, source_id, business_key, type, kind, schema_version, occurred_at,
            recorded_at, item_id, node_id, quantity, details, raw, received_from, correlation_id,
            flags
        )
        SELECT id, 'grown', 'g' || n, 'G' || n, 'receipt.recorded', 'move', 1, at, at, item_id,
               %(node)s, %(units)s, '{}', '\\x', 'grown', 'grown', '{}'
          FROM made
    ),
    source AS (
        INSERT INTO events_sourcekey (source, source_id, event_id, content)
        SELECT 'grown', 'g' || n, id, '\\x' FROM made
    ),
    business AS (
        INSERT INTO events_businesskey (key, event_id) SELECT 'G' || n, id FROM made
    ),
    entry AS (
        INSERT INTO stock_ledgerentry (
            posted_at, event_id, item_id, node_id, state, lot, quantity, cause, occurred_at
        )
        SELECT at, id, item_id, %(node)s, state, '', sign * %(units)s, 'move', at
          FROM made, (VALUES ('sellable', 1), ('supplier', -1)) AS side (state, sign)
    )
    INSERT INTO stock_stockbalance AS b (
        item_id, node_id, received, quarantined, sellable, refurbishable, damaged, vendor_return,
        in_transit, reserved, allocated, counts_pending, holds, changed_at
    )
    SELECT item_id, %(node)s, 0, 0, count(*) * %(units)s, 0, 0, 0, 0, 0, 0, 0, 0, max(at)
      FROM made
     GROUP BY item_id
        ON CONFLICT (item_id, node_id) DO UPDATE SET sellable = b.sellable + excluded.sellable
"""
