-- name: take
-- The latest of some position reports by each system of each item, node and state becomes its last
-- word, unless a later one is known. A corrected report counts with what its correction says.
WITH told AS (
    SELECT DISTINCT ON (system, item_id, node_id, state) *
      FROM (
               SELECT CASE WHEN lower(o.details ->> 'system') = ANY(%(systems)s)
                           THEN lower(o.details ->> 'system') ELSE o.details ->> 'system'
                      END AS system,
                      o.item_id, o.node_id, coalesce(o.details ->> 'to_state', '') AS state,
                      CASE WHEN c.event_id IS NULL THEN o.quantity ELSE c.quantity END AS quantity,
                      o.occurred_at, coalesce(told.recorded_at, o.recorded_at) AS recorded_at,
                      o.source, o.source_id
                 FROM events_inventoryevent o
                 LEFT JOIN events_correction c ON c.fact_id = o.id AND c.is_standing
                 LEFT JOIN events_inventoryevent told ON told.id = c.event_id
                WHERE o.id = ANY(%(events)s) AND o.type = 'position.reported'
                  AND (c.event_id IS NULL OR c.quantity IS NOT NULL)
           ) AS report
     ORDER BY system, item_id, node_id, state, occurred_at DESC, source DESC, source_id DESC
)
INSERT INTO reconciliation_positionreport AS mine (
    system, item_id, node_id, state, quantity, as_of, received_at, source, source_id
)
SELECT system, item_id, node_id, state, quantity, occurred_at, recorded_at, source, source_id
  FROM told
    ON CONFLICT (system, item_id, coalesce(node_id, 0), state) DO UPDATE SET
        quantity = excluded.quantity, as_of = excluded.as_of,
        received_at = excluded.received_at, source = excluded.source,
        source_id = excluded.source_id
  WHERE (excluded.as_of, excluded.source, excluded.source_id)
        > (mine.as_of, mine.source, mine.source_id)

-- name: forget_corrected
-- Take away the last words that some corrections are about; their history says anew what they are.
DELETE FROM reconciliation_positionreport r
 USING events_inventoryevent e, events_inventoryevent o
 WHERE e.id = ANY(%(events)s) AND o.id = e.corrects AND o.type = 'position.reported'
   AND r.source = o.source AND r.source_id = o.source_id

-- name: retake
-- The reports that may be the last word after a correction: the latest of the same system, item,
-- node and state that stands.
SELECT DISTINCT latest.id
  FROM events_inventoryevent e
  JOIN events_inventoryevent o ON o.id = e.corrects AND o.type = 'position.reported'
 CROSS JOIN LATERAL (
           SELECT other.id
             FROM events_inventoryevent other
             LEFT JOIN events_correction c ON c.fact_id = other.id AND c.is_standing
            WHERE other.item_id = o.item_id AND other.node_id IS NOT DISTINCT FROM o.node_id
              AND other.type = 'position.reported'
              AND lower(other.details ->> 'system') = lower(o.details ->> 'system')
              AND coalesce(other.details ->> 'to_state', '')
                  = coalesce(o.details ->> 'to_state', '')
              AND (c.event_id IS NULL OR c.quantity IS NOT NULL)
            ORDER BY other.occurred_at DESC, other.source DESC, other.source_id DESC
            LIMIT 1
       ) AS latest
 WHERE e.id = ANY(%(events)s)
