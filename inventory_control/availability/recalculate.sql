-- name: hold_recalculation
SELECT pg_advisory_xact_lock(hashtextextended(%s::text, 0))

-- name: recalculate
-- Channel figures of some items: the sum of node ATS over the channel's nodes less the buffer, at
-- most the cap, 0 while somebody paused the listing, or a rule or the silence of a source holds it;
-- such a silence may also raise the buffer, as `rules.raised_buffer` does. Only figures that changed
-- are written; each write raises the version. A channel that no longer draws on any node holding
-- the item shows 0. A figure that changed without a posting behind it (a pause, a cap, a channel's
-- nodes) changed now.
WITH node_figure AS (
    SELECT b.item_id, b.node_id, b.sellable, b.reserved, b.allocated,
           coalesce(p.safety_stock, 0) AS safety_stock,
           CASE WHEN b.counts_pending + b.holds > 0
                THEN b.sellable - b.reserved - b.allocated - coalesce(p.safety_stock, 0)
                ELSE 0
           END AS frozen,
           b.changed_at
      FROM stock_stockbalance b
      LEFT JOIN catalog_itemnode p ON p.item_id = b.item_id AND p.node_id = b.node_id
     WHERE b.item_id = ANY(%(items)s::bigint[])
),
summed AS (
    SELECT f.item_id, cn.channel_id, sum(f.sellable) AS sellable, sum(f.reserved) AS reserved,
           sum(f.allocated) AS allocated, sum(f.safety_stock) AS safety_stock,
           sum(f.frozen) AS frozen, max(f.changed_at) AS changed_at
      FROM node_figure f
      JOIN catalog_channel_nodes cn ON cn.node_id = f.node_id
     GROUP BY f.item_id, cn.channel_id
     UNION ALL
    SELECT a.item_id, a.channel_id, 0, 0, 0, 0, 0, a.changed_at
      FROM availability_availability a
     WHERE a.item_id = ANY(%(items)s::bigint[])
       AND NOT EXISTS (
               SELECT
                 FROM node_figure f
                 JOIN catalog_channel_nodes cn ON cn.node_id = f.node_id
                WHERE f.item_id = a.item_id AND cn.channel_id = a.channel_id
           )
),
limited AS (
    SELECT s.*,
           own.buffer + coalesce(greatest(ceil(own.buffer * f.share)::bigint, f.units), 0) AS buffer,
           e.cap,
           coalesce(e.is_paused, false) OR coalesce(f.is_held, false) OR EXISTS (
               SELECT FROM availability_exposurehold h
                WHERE h.item_id = s.item_id AND h.channel_id = s.channel_id AND h.status = 'held'
           ) AS is_held
      FROM summed s
      JOIN catalog_channel c ON c.id = s.channel_id
      LEFT JOIN availability_exposure e
        ON e.item_id = s.item_id AND e.channel_id = s.channel_id
     CROSS JOIN LATERAL (SELECT coalesce(e.buffer, c.buffer) AS buffer) AS own
      LEFT JOIN (
               SELECT channel_id, max(share) FILTER (WHERE action = 'buffer') AS share,
                      max(units) FILTER (WHERE action = 'buffer') AS units,
                      bool_or(action = 'hold') AS is_held
                 FROM availability_channelfallback
                GROUP BY channel_id
           ) AS f ON f.channel_id = s.channel_id
),
figure AS (
    SELECT l.*, l.sellable - l.reserved - l.allocated - l.safety_stock - l.frozen - l.buffer AS ats
      FROM limited l
)
INSERT INTO availability_availability AS mine (
    item_id, channel_id, ats, quantity, sellable, reserved, allocated, safety_stock, frozen,
    buffer, cap, is_held, version, changed_at, computed_at, told_version, disagreements
)
SELECT item_id, channel_id, ats,
       CASE WHEN is_held THEN 0 ELSE least(greatest(0, ats), cap) END,
       sellable, reserved, allocated, safety_stock, frozen, buffer, cap, is_held,
       1, changed_at, %(now)s::timestamptz, 0, 0
  FROM figure
 ORDER BY item_id, channel_id
ON CONFLICT (item_id, channel_id) DO UPDATE SET
    ats = excluded.ats, quantity = excluded.quantity, sellable = excluded.sellable,
    reserved = excluded.reserved, allocated = excluded.allocated,
    safety_stock = excluded.safety_stock, frozen = excluded.frozen, buffer = excluded.buffer,
    cap = excluded.cap, is_held = excluded.is_held, version = mine.version + 1,
    -- A figure that comes back to the one known to be shown: the one between may have arrived without
    -- its answer, so nobody knows what the channel shows until it is told again.
    published = CASE WHEN mine.quantity <> mine.published AND excluded.quantity = mine.published
                     THEN NULL ELSE mine.published END,
    changed_at = CASE WHEN excluded.changed_at > mine.changed_at THEN excluded.changed_at
                      ELSE excluded.computed_at END,
    computed_at = excluded.computed_at
  WHERE mine.ats <> excluded.ats OR mine.quantity <> excluded.quantity

-- name: note_changed
-- One note for all places of a look, or some where it had more than one look of detection takes.
INSERT INTO availability_changednote (item_ids, node_ids, noted_at)
SELECT array_agg(item_id ORDER BY n), array_agg(node_id ORDER BY n), %(now)s::timestamptz
  FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[])
       WITH ORDINALITY AS place (item_id, node_id, n)
 GROUP BY (n - 1) / %(most)s::int
 ORDER BY min(n)

-- name: take_changed
-- The oldest notes, until they name enough places: each once, while detection rested it may have changed many
-- times. Notes behind them that name no other place go along; a note is taken whole.
WITH place AS (
    SELECT item_id, node_id, min(note.id) AS note_id
      FROM availability_changednote note
     CROSS JOIN unnest(note.item_ids, note.node_ids) AS place (item_id, node_id)
     GROUP BY item_id, node_id
), rest AS (
    SELECT coalesce(min(note_id), 9223372036854775807) AS begins_at
      FROM (
               SELECT note_id, sum(count(*)) OVER (ORDER BY note_id) - count(*) AS places_before
                 FROM place GROUP BY note_id
           ) AS reached
     WHERE places_before >= %s::int
), taken AS (
    DELETE FROM availability_changednote note USING rest WHERE note.id < rest.begins_at
)
SELECT item_id, node_id FROM place JOIN rest ON place.note_id < rest.begins_at
