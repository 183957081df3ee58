-- name: changes_in
-- What changed at some places since a moment of each: one row a moment up to another moment, one
-- row for everything after that. A corrected event counts with what its correction left of it.
WITH span AS (
    SELECT *
      FROM unnest(
               %(items)s::bigint[], %(nodes)s::bigint[], %(since)s::timestamptz[],
               %(as_of)s::timestamptz[], %(with_claims)s::boolean[]
           ) WITH ORDINALITY AS span (item_id, node_id, since, as_of, with_claims, place)
),
sign AS (
    SELECT * FROM unnest(%(claim_types)s::text[], %(claim_signs)s::int[]) AS sign (type, units)
),
change AS (
    SELECT span.place, CASE WHEN e.occurred_at <= span.as_of THEN e.occurred_at END AS at,
           e.state, e.quantity
      FROM span
      JOIN stock_ledgerentry e
        ON e.item_id = span.item_id AND e.node_id = span.node_id
       AND e.state = ANY(%(states)s::text[]) AND e.occurred_at > span.since
     UNION ALL
    SELECT span.place, CASE WHEN e.occurred_at <= span.as_of THEN e.occurred_at END,
           'claimed',
           sign.units * CASE WHEN c.event_id IS NULL THEN e.quantity ELSE coalesce(c.quantity, 0) END
      FROM span
      JOIN events_inventoryevent e
        ON e.item_id = span.item_id AND e.node_id = span.node_id AND e.occurred_at > span.since
      JOIN sign ON sign.type = e.type
      LEFT JOIN events_correction c ON c.fact_id = e.id AND c.is_standing
     WHERE span.with_claims AND e.details ->> 'order' IS NOT NULL
)
SELECT place, at, state, sum(quantity)
  FROM change
 GROUP BY place, at, state
HAVING sum(quantity) <> 0
 ORDER BY place, at DESC NULLS FIRST, state
