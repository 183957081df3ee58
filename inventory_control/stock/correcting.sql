-- name: facts
-- The events some corrections name and the facts those are about, which stay locked: whoever
-- corrects one of them next builds on what this transaction leaves.
SELECT asked.n, named.id, fact.id, fact.kind, fact.type, fact.quantity, fact.item_id,
       fact.node_id, fact.details::text, fact.occurred_at, fact.source, fact.source_id
  FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[])
    AS asked (n, source, source_id, business_key)
  LEFT JOIN events_sourcekey s USING (source, source_id)
  LEFT JOIN events_businesskey b ON b.key = asked.business_key
  JOIN events_inventoryevent named ON named.id = coalesce(b.event_id, s.event_id)
  JOIN events_inventoryevent fact ON fact.id = coalesce(named.corrects, named.id)
 ORDER BY fact.id
   FOR UPDATE OF fact

-- name: legs
-- What some facts moved when they were told.
SELECT event_id, item_id, node_id, state, quantity, lot
  FROM stock_ledgerentry
 WHERE event_id = ANY(%s) AND cause = 'move'
 ORDER BY event_id, id

-- name: known
-- Which of some keys are events already.
SELECT 'source:' || source || ':' || source_id
  FROM events_sourcekey
  JOIN unnest(%s::text[], %s::text[]) AS asked (source, source_id) USING (source, source_id)
 UNION ALL
SELECT 'business:' || key FROM events_businesskey WHERE key = ANY(%s::text[])

-- name: said
SELECT c.fact_id, c.event_id, c.about_id, e.occurred_at, e.source, e.source_id, c.quantity
  FROM events_correction c
  JOIN events_inventoryevent e ON e.id = c.event_id
 WHERE c.fact_id = ANY(%s)

-- name: keep
INSERT INTO events_correction (event_id, fact_id, about_id, quantity, change, is_standing)
SELECT told.*, false
  FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    AS told (event_id, fact_id, about_id, quantity, change)

-- name: step_down
UPDATE events_correction SET is_standing = false
 WHERE fact_id = ANY(%(facts)s) AND is_standing AND event_id <> ALL(%(standing)s::bigint[])

-- name: stand_up
UPDATE events_correction SET is_standing = true
 WHERE event_id = ANY(%(standing)s::bigint[]) AND NOT is_standing
