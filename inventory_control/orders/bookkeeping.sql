-- name: facts
-- What some events mean to the books: of a correction only the difference it makes, with the
-- details of the event it corrects. The other node is where a transfer goes to or comes from.
SELECT e.id, e.corrects, o.type, o.item_id, o.node_id,
       CASE WHEN e.corrects IS NULL THEN o.quantity
            ELSE k.change END,
       e.occurred_at, coalesce(o.details ->> 'document', ''), coalesce(e.details ->> 'reason', ''),
       coalesce(o.details ->> 'to_state', ''), destination.id
  FROM events_inventoryevent e
  JOIN events_inventoryevent o ON o.id = coalesce(e.corrects, e.id)
  LEFT JOIN events_correction k ON k.event_id = e.id
  LEFT JOIN catalog_node destination ON destination.code = o.details ->> 'to_node'
 WHERE e.id = ANY(%(events)s) AND o.type = ANY(%(types)s) AND e.recorded_at >= %(since)s
 ORDER BY e.id

-- name: ordered
-- Which items are on the orders that events name, as we placed them or as others announced them.
SELECT asked.document, asked.item_id
  FROM unnest(%(documents)s::text[], %(items)s::bigint[]) AS asked (document, item_id)
 WHERE EXISTS (
           SELECT FROM orders_purchaseorder p
             JOIN orders_purchaseorderline l ON l.order_id = p.id
            WHERE p.number = asked.document AND l.item_id = asked.item_id
       )
    OR EXISTS (
           SELECT FROM events_inventoryevent a
            WHERE a.type IN ('purchase_order.created', 'purchase_order.changed')
              AND a.details ? 'document'
              AND a.details ->> 'document' = asked.document AND a.item_id = asked.item_id
              AND a.quantity > 0
       )

-- name: origins
-- The node each transfer comes from, as it was ordered or as it was shipped.
SELECT asked.document, coalesce(ordered.from_node_id, told.node_id)
  FROM unnest(%(documents)s::text[]) AS asked (document)
  LEFT JOIN orders_transferorder ordered ON ordered.number = asked.document
  LEFT JOIN LATERAL (
           SELECT node_id FROM events_inventoryevent
            WHERE type IN ('transfer.created', 'transfer.shipped')
              AND details ? 'document' AND details ->> 'document' = asked.document
            ORDER BY occurred_at LIMIT 1
       ) AS told ON true

-- name: places
SELECT l.item_id, p.node_id
  FROM orders_purchaseorder p
  JOIN orders_purchaseorderline l ON l.order_id = p.id
 WHERE p.number = ANY(%(numbers)s)
 UNION
SELECT t.item_id, unnest(ARRAY[t.from_node_id, t.to_node_id])
  FROM orders_transferorder t
 WHERE t.number = ANY(%(numbers)s)

-- name: in_sight
-- Whether there may be late orders, late transfers, transfers and lines in dispute, and goods nobody
-- ordered. Each condition is that of the selector of the name, or wider.
SELECT EXISTS (
           SELECT FROM orders_purchaseorder
            WHERE status = ANY(%(purchases)s::text[]) AND expected_at < %(at)s::timestamptz
       ),
       EXISTS (
           SELECT FROM orders_transferorder
            WHERE status = ANY(%(transfers)s::text[]) AND expected_at < %(at)s::timestamptz
       ),
       EXISTS (
           SELECT FROM orders_transferorder
            WHERE (received > 0 OR returned > 0 OR written_off <> 0)
              AND shipped <> received + returned + written_off
       ),
       EXISTS (
           SELECT FROM orders_purchaseorderline
            WHERE received > 0 AND received <> quantity
               OR announced IS NOT NULL AND announced <> quantity
               OR damaged > 0
       ),
       EXISTS (
           SELECT FROM orders_financialdocument
            WHERE status = 'pending' AND held_for = 'unordered'
       )
