-- name: nodes
-- What may be sold of some items is made of these, at every node that ever held them (or at one);
-- of an item that none holds, one row of nothing.
-- With the feed of the node whose word turns stale first, as `freshness` of the inbox chooses it.
SELECT asked.place, b.code, b.sellable, b.reserved, b.allocated, coalesce(p.safety_stock, 0),
       b.counts_pending + b.holds > 0,
       b.received + b.quarantined + b.sellable + b.refurbishable + b.damaged + b.vendor_return,
       b.in_transit, b.changed_at, f.source, f.as_of, f.minutes
  FROM unnest(%(skus)s::text[], %(nodes)s::text[]) WITH ORDINALITY AS asked (sku, node, place)
  CROSS JOIN LATERAL (SELECT id FROM catalog_item WHERE sku = asked.sku LIMIT 1) AS i
  LEFT JOIN LATERAL (
           SELECT held.*, node.code
             FROM stock_stockbalance held
            CROSS JOIN LATERAL (SELECT code FROM catalog_node WHERE id = held.node_id LIMIT 1) AS node
            WHERE held.item_id = i.id AND (asked.node IS NULL OR node.code = asked.node)
           OFFSET 0
       ) AS b ON true
  LEFT JOIN LATERAL (
           SELECT safety_stock FROM catalog_itemnode
            WHERE item_id = b.item_id AND node_id = b.node_id
            LIMIT 1
       ) AS p ON true
  LEFT JOIN LATERAL (
           SELECT value FROM policies_policy
            WHERE key = 'freshness' AND effective_at <= %(now)s::timestamptz
            ORDER BY version DESC LIMIT 1
       ) AS limits ON true
  LEFT JOIN LATERAL (
           SELECT told.source, told.as_of, told.minutes
             FROM (
                      SELECT feed.source,
                             least(feed.last_occurred_at, feed.last_received_at) AS as_of,
                             coalesce(
                                 least(
                                     (limits.value -> 'sources' ->> feed.source)::int,
                                     (limits.value -> 'nodes' ->> b.code)::int
                                 ),
                                 (limits.value ->> 'default_minutes')::int
                             ) AS minutes
                        FROM events_feed feed
                       WHERE feed.node_id = b.node_id
                  ) AS told
            ORDER BY told.as_of + told.minutes * interval '1 minute' NULLS LAST, told.as_of DESC
            LIMIT 1
       ) AS f ON true
 ORDER BY asked.place, b.code

-- name: channels
-- What each channel should show of some items, what it was told last, and when.
SELECT asked.place, c.code, a.ats, a.quantity, a.published, a.published_at, a.sellable, a.reserved,
       a.allocated, a.safety_stock, a.frozen, a.buffer, a.cap, a.is_held,
       CASE WHEN a.published IS DISTINCT FROM a.quantity THEN a.unconfirmed_since END
  FROM unnest(%(skus)s::text[]) WITH ORDINALITY AS asked (sku, place)
  CROSS JOIN LATERAL (SELECT id FROM catalog_item WHERE sku = asked.sku LIMIT 1) AS i
  CROSS JOIN LATERAL (
           SELECT * FROM availability_availability WHERE item_id = i.id OFFSET 0
       ) AS a
  CROSS JOIN LATERAL (SELECT code FROM catalog_channel WHERE id = a.channel_id LIMIT 1) AS c
 ORDER BY asked.place, c.code
