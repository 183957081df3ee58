-- name: in_view
-- The live cases a run of detection may repeat, raise or clear: those of the places it looks at,
-- and all of the kinds that watch documents.
SELECT c.id
  FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
  JOIN exceptions_exceptioncase c ON c.item_id = place.item_id AND c.node_id = place.node_id
 WHERE c.status IN ('open', 'acknowledged') AND c.kind = ANY(%(place_kinds)s::text[])
 UNION
SELECT id
  FROM exceptions_exceptioncase
 WHERE status IN ('open', 'acknowledged') AND kind = ANY(%(document_kinds)s::text[])

-- name: lapsed
-- Cases whose risk was to stay quiet until now.
SELECT id, item_id, node_id FROM exceptions_exceptioncase WHERE quiet_until <= %(at)s::timestamptz

-- name: unmapped
-- The keys of live cases of a kind that no workflow governs.
SELECT key FROM exceptions_exceptioncase
 WHERE status IN ('open', 'acknowledged') AND kind = %(kind)s::text AND governed_by = ''

-- name: nodes
SELECT id, code, closed_weekdays, capacity_units
  FROM catalog_node
 WHERE id = ANY(%(nodes)s::bigint[])

-- name: promotions
-- The promotions of some places that run, or begin before `until`; one without a node is everywhere.
SELECT place.item_id, place.node_id, p.code, p.starts_at, p.ends_at, p.uplift
  FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]) AS place (item_id, node_id)
  JOIN catalog_promotion p
    ON p.item_id = place.item_id AND (p.node_id IS NULL OR p.node_id = place.node_id)
 WHERE NOT p.is_cancelled
   AND p.ends_at > %(at)s::timestamptz AND p.starts_at < %(until)s::timestamptz
 ORDER BY p.starts_at, p.code, p.id

-- name: open_cases
-- A live case of the same key that somebody made meanwhile stays the only one.
INSERT INTO exceptions_exceptioncase (
    kind, key, item_id, node_id, document, severity, units, at_stake, summary, evidence,
    opened_at, due_at, last_seen_at, seen, version, assignee, resolution, reason, governed_by,
    correlation_id, status
)
SELECT kind, key, item_id, node_id, document, severity, units, at_stake, summary, evidence,
       %(at)s, due_at, %(at)s, 1, 1, assignee, '', '', '', %(correlation)s, 'open'
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS found (
           kind text, key text, item_id bigint, node_id bigint, document text, severity int,
           units bigint, at_stake numeric, summary text, evidence jsonb, due_at timestamptz,
           assignee text
       )
 ORDER BY key
    ON CONFLICT (key) WHERE status IN ('open', 'acknowledged') DO NOTHING
RETURNING id, key

-- name: raise_cases
UPDATE exceptions_exceptioncase c
   SET severity = risen.severity, units = risen.units, at_stake = risen.at_stake,
       summary = risen.summary, due_at = risen.due_at,
       -- The facts stay those of the moment the case opened.
       evidence = risen.evidence || CASE WHEN c.evidence ? 'facts'
                                         THEN jsonb_build_object('facts', c.evidence -> 'facts')
                                         ELSE '{}' END,
       version = c.version + 1, seen = c.seen + 1, last_seen_at = %(at)s
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS risen (
           id bigint, severity int, units bigint, at_stake numeric, summary text, evidence jsonb,
           due_at timestamptz
       )
 WHERE c.id = risen.id

-- name: govern_cases
UPDATE exceptions_exceptioncase c
   SET governed_by = told.run
  FROM unnest(%s::bigint[], %s::text[]) AS told (id, run)
 WHERE c.id = told.id AND c.status IN ('open', 'acknowledged')
RETURNING c.id

-- name: explain_closures
UPDATE exceptions_exceptioncase c
   SET reason = told.reason, quiet_until = told.quiet_until
  FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS told (id, reason, quiet_until)
 WHERE c.id = told.id
