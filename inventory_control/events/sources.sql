-- name: roll_up
-- What arrived since the last look, by source. Ids are given before they are committed, so the look
-- begins a little before the last one it saw: reading a row twice changes nothing here.
-- A source is noted for detection when its clock ran ahead, or when it speaks after a silence. The
-- same per source and node says how old positions are.
WITH fresh AS MATERIALIZED (
    SELECT source AS code, node_id, received_from, id, occurred_at, recorded_at, source_id,
           'clock_skew' = ANY(flags) AS is_skewed
      FROM events_inventoryevent
     WHERE id > (SELECT coalesce(max(last_event_id), 0) FROM events_source) - 1000
),
feed AS (
    INSERT INTO events_feed AS mine (node_id, source, last_occurred_at, last_received_at)
    SELECT node_id, code, max(occurred_at), max(recorded_at)
      FROM fresh
     WHERE node_id IS NOT NULL
     GROUP BY node_id, code
     ORDER BY node_id, code
    ON CONFLICT (node_id, source) DO UPDATE SET
        last_occurred_at = greatest(mine.last_occurred_at, excluded.last_occurred_at),
        last_received_at = greatest(mine.last_received_at, excluded.last_received_at)
      WHERE excluded.last_occurred_at > mine.last_occurred_at
         OR excluded.last_received_at > mine.last_received_at
),
heard AS (
    SELECT code, (array_agg(received_from ORDER BY id DESC))[1] AS received_from,
           max(id) AS last_event_id, 0::bigint AS last_letter_id, 0::bigint AS last_repeat_id,
           max(occurred_at) AS last_occurred_at, max(recorded_at) AS last_received_at,
           max(recorded_at) AS heard_at,
           max(recorded_at) FILTER (WHERE is_skewed) AS skewed_at,
           (array_agg(source_id ORDER BY id DESC) FILTER (WHERE is_skewed))[1] AS skewed_id,
           (array_agg(extract(epoch FROM occurred_at - recorded_at)::bigint ORDER BY id DESC)
               FILTER (WHERE is_skewed))[1] AS skewed_seconds
      FROM fresh
     GROUP BY code
     UNION ALL
    SELECT coalesce(nullif(source, ''), received_from), max(received_from), 0, max(id), 0,
           NULL, NULL, max(received_at), NULL, NULL, NULL
      FROM events_deadletter
     WHERE id > (SELECT coalesce(max(last_letter_id), 0) FROM events_source) - 1000
     GROUP BY 1
     UNION ALL
    SELECT coalesce(nullif(source, ''), received_from), max(received_from), 0, 0, max(id),
           NULL, NULL, max(received_at), NULL, NULL, NULL
      FROM events_redelivery
     WHERE id > (SELECT coalesce(max(last_repeat_id), 0) FROM events_source) - 1000
     GROUP BY 1
),
told AS (
    SELECT code,
           (array_agg(received_from ORDER BY last_event_id DESC))[1] AS received_from,
           max(last_event_id) AS last_event_id, max(last_letter_id) AS last_letter_id,
           max(last_repeat_id) AS last_repeat_id, max(last_occurred_at) AS last_occurred_at,
           max(last_received_at) AS last_received_at, max(heard_at) AS heard_at,
           max(skewed_at) AS skewed_at, max(skewed_id) AS skewed_id,
           max(skewed_seconds) AS skewed_seconds
      FROM heard
     GROUP BY code
)
INSERT INTO events_source AS mine (
    code, owner, received_from, last_event_id, last_letter_id, last_repeat_id, last_occurred_at,
    last_received_at, heard_at, skewed_at, skewed_seconds, skewed_id, look_at, is_noted
)
SELECT code, '', received_from, last_event_id, last_letter_id, last_repeat_id, last_occurred_at,
       last_received_at, heard_at, skewed_at, coalesce(skewed_seconds, 0),
       coalesce(skewed_id, ''), %(now)s::timestamptz, skewed_at IS NOT NULL
  FROM told
 ORDER BY code
ON CONFLICT (code) DO UPDATE SET
    received_from = CASE WHEN excluded.last_event_id > mine.last_event_id
                         THEN excluded.received_from ELSE mine.received_from END,
    last_event_id = greatest(mine.last_event_id, excluded.last_event_id),
    last_letter_id = greatest(mine.last_letter_id, excluded.last_letter_id),
    last_repeat_id = greatest(mine.last_repeat_id, excluded.last_repeat_id),
    last_occurred_at = greatest(mine.last_occurred_at, excluded.last_occurred_at),
    last_received_at = greatest(mine.last_received_at, excluded.last_received_at),
    heard_at = greatest(mine.heard_at, excluded.heard_at),
    skewed_at = greatest(mine.skewed_at, excluded.skewed_at),
    skewed_seconds = CASE WHEN excluded.skewed_at >= coalesce(mine.skewed_at, '-infinity')
                          THEN excluded.skewed_seconds ELSE mine.skewed_seconds END,
    skewed_id = CASE WHEN excluded.skewed_at >= coalesce(mine.skewed_at, '-infinity')
                     THEN excluded.skewed_id ELSE mine.skewed_id END,
    look_at = least(
        mine.look_at,
        greatest(%(now)s::timestamptz, mine.scored_at + %(score)s::float * interval '1 minute')
    ),
    is_noted = mine.is_noted
               OR coalesce(excluded.skewed_at > coalesce(mine.skewed_at, '-infinity'), false)
               OR coalesce(
                      excluded.last_received_at
                          > greatest(mine.last_received_at, mine.expected_since)
                            + mine.expected_minutes * interval '1 minute',
                      false
                  )
  WHERE excluded.last_event_id > mine.last_event_id
     OR excluded.last_letter_id > mine.last_letter_id
     OR excluded.last_repeat_id > mine.last_repeat_id

-- name: moments
-- When each source is to be looked at again, where time alone may change what is to be said of it.
SELECT code, look_at FROM events_source WHERE look_at IS NOT NULL

-- name: marks
SELECT code, owner, received_from, expected_minutes, greatest(last_received_at, expected_since),
       skewed_at, skewed_seconds, skewed_id
  FROM events_source
 ORDER BY code

-- name: latest_quality
SELECT DISTINCT ON (source)
       source, day, events + refused + repeated, completeness, validity, timeliness, uniqueness,
       score, policy
  FROM events_qualityday
 ORDER BY source, day DESC

-- name: take_notes
UPDATE events_source SET is_noted = false
 WHERE id IN (
           SELECT id FROM events_source WHERE is_noted ORDER BY code FOR UPDATE SKIP LOCKED
       )
RETURNING id

-- name: is_due
SELECT (SELECT max(id) FROM events_inventoryevent) > told.event
       OR (SELECT max(id) FROM events_deadletter) > told.letter
       OR (SELECT max(id) FROM events_redelivery) > told.repeat
       OR EXISTS (SELECT FROM events_source WHERE look_at <= %(now)s::timestamptz)
  FROM (
           SELECT coalesce(max(last_event_id), 0) AS event,
                  coalesce(max(last_letter_id), 0) AS letter,
                  coalesce(max(last_repeat_id), 0) AS repeat
             FROM events_source
       ) AS told

-- name: counts
-- The figures behind the scores of some days of receipt (UTC), by source and day.
WITH row AS (
    SELECT e.source, (e.recorded_at AT TIME ZONE 'UTC')::date AS day, 1 AS events, 0 AS refused,
           0 AS repeated,
           (e.recorded_at - e.occurred_at > %(late)s * interval '1 minute'
            OR 'clock_skew' = ANY(e.flags))::int AS late,
           wanted.expected, wanted.missing
      FROM events_inventoryevent e
     CROSS JOIN LATERAL (
               SELECT count(*) AS expected,
                      count(*) FILTER (WHERE NOT e.details ? field) AS missing
                 FROM jsonb_array_elements_text(%(expected)s::jsonb -> e.type) AS field
           ) AS wanted
     WHERE e.recorded_at >= %(since)s AND e.recorded_at < %(until)s
     UNION ALL
    SELECT coalesce(nullif(source, ''), received_from), (received_at AT TIME ZONE 'UTC')::date,
           0, seen, 0, 0, 0, 0
      FROM events_deadletter
     WHERE received_at >= %(since)s AND received_at < %(until)s
     UNION ALL
    SELECT coalesce(nullif(source, ''), received_from), (received_at AT TIME ZONE 'UTC')::date,
           0, 0, events, 0, 0, 0
      FROM events_redelivery
     WHERE received_at >= %(since)s AND received_at < %(until)s
)
SELECT source, day, sum(events)::bigint, sum(refused)::bigint, sum(repeated)::bigint,
       sum(late)::bigint, sum(expected)::bigint, sum(missing)::bigint
  FROM row
 GROUP BY source, day
 ORDER BY source, day

-- name: freshness
-- Of each node the feed whose word turns stale first; where no feed has a limit, the latest word.
-- A limit of the source and one of the node: the stricter counts.
SELECT DISTINCT ON (f.node_id)
       f.node_id, f.source, f.as_of, f.minutes
  FROM (
           SELECT feed.node_id, feed.source,
                  least(feed.last_occurred_at, feed.last_received_at) AS as_of,
                  coalesce(
                      least(
                          (p.value -> 'sources' ->> feed.source)::int,
                          (p.value -> 'nodes' ->> n.code)::int
                      ),
                      (p.value ->> 'default_minutes')::int
                  ) AS minutes
             FROM events_feed feed
             JOIN catalog_node n ON n.id = feed.node_id
             LEFT JOIN LATERAL (
                      SELECT value FROM policies_policy
                       WHERE key = 'freshness' AND effective_at <= %(now)s::timestamptz
                       ORDER BY version DESC LIMIT 1
                  ) AS p ON true
            WHERE feed.node_id = ANY(%(nodes)s::bigint[])
       ) AS f
 ORDER BY f.node_id, f.as_of + f.minutes * interval '1 minute' NULLS LAST, f.as_of DESC
