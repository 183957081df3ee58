-- name: unpublished_channels
SELECT DISTINCT c.code
  FROM catalog_channel c
 WHERE c.is_published
   AND EXISTS (
           SELECT FROM availability_availability a
            WHERE a.channel_id = c.id
              AND (a.published IS NULL OR a.published <> a.quantity)
       )

-- name: begin
-- The figures a channel does not show yet, with the terms they are made of, as one push.
WITH chosen AS (
    SELECT i.sku, a.*
      FROM availability_availability a
      JOIN catalog_channel c ON c.id = a.channel_id
      JOIN catalog_item i ON i.id = a.item_id
     WHERE c.code = %(channel)s::text
       AND (a.published IS NULL OR a.published <> a.quantity)
     ORDER BY a.item_id
     LIMIT %(limit)s::int
),
sent AS (
    INSERT INTO availability_push (
        channel_id, key, sent_at, error, latest_for, item_ids, quantities, versions, changed_ats,
        sellable, reserved, allocated, safety_stock, frozen, buffers, caps, are_held, before, shown
    )
    SELECT channel_id, %(key)s::text, %(now)s::timestamptz, '', 0, array_agg(item_id ORDER BY item_id),
           array_agg(quantity ORDER BY item_id), array_agg(version ORDER BY item_id),
           array_agg(changed_at ORDER BY item_id), array_agg(sellable ORDER BY item_id),
           array_agg(reserved ORDER BY item_id), array_agg(allocated ORDER BY item_id),
           array_agg(safety_stock ORDER BY item_id), array_agg(frozen ORDER BY item_id),
           array_agg(buffer ORDER BY item_id), array_agg(cap ORDER BY item_id),
           array_agg(is_held ORDER BY item_id), '{}', '{}'
      FROM chosen
     GROUP BY channel_id
    RETURNING id
)
SELECT sent.id, chosen.sku, chosen.quantity, chosen.version, chosen.changed_at, chosen.item_id,
       chosen.disagreements
  FROM chosen CROSS JOIN sent
 ORDER BY chosen.item_id

-- name: lock_holds
-- Before the figures and in order, as the recalculation does, so that neither deadlocks the other.
SELECT count(*) FROM (
    SELECT h.id
      FROM availability_push p
      JOIN availability_exposurehold h
        ON h.channel_id = p.channel_id AND h.item_id = ANY(p.item_ids) AND h.status = 'held'
       AND h.acknowledged_at IS NULL
     WHERE p.id = %(push)s::bigint
     ORDER BY h.id
       FOR UPDATE OF h
) AS locked

-- name: lock_told
-- In order of item, so that two acknowledgements of one channel cannot deadlock.
SELECT count(*) FROM (
    SELECT a.item_id
      FROM availability_push p
      JOIN availability_availability a
        ON a.channel_id = p.channel_id AND a.item_id = ANY(p.item_ids)
     WHERE p.id = %(push)s::bigint
     ORDER BY a.item_id
       FOR UPDATE OF a
) AS locked

-- name: acknowledge
-- What a push told is what the channel shows now, unless it has acknowledged a later version.
-- Each item's receipt before this one is chained to it; a push that is nobody's latest may go.
WITH told AS (
    SELECT p.channel_id, u.item_id, u.quantity, u.version
      FROM availability_push p
     CROSS JOIN LATERAL unnest(p.item_ids, p.quantities, p.versions)
       AS u (item_id, quantity, version)
     WHERE p.id = %(push)s::bigint
),
was AS (
    SELECT told.*, a.push_id, a.told_version <= told.version AS is_latest
      FROM told
      LEFT JOIN availability_availability a
        ON a.channel_id = told.channel_id AND a.item_id = told.item_id
),
noted AS (
    UPDATE availability_availability a
       SET published = was.quantity, published_at = %(now)s::timestamptz, told_version = was.version,
           push_id = %(push)s::bigint
      FROM was
     WHERE was.is_latest AND a.channel_id = was.channel_id AND a.item_id = was.item_id
),
replaced AS (
    SELECT push_id, count(*) AS items FROM was
     WHERE is_latest AND push_id IS NOT NULL AND push_id <> %(push)s::bigint GROUP BY push_id
),
let_go AS (
    UPDATE availability_push p SET latest_for = p.latest_for - replaced.items
      FROM replaced WHERE p.id = replaced.push_id
),
held AS (
    UPDATE availability_exposurehold h SET acknowledged_at = %(now)s::timestamptz
      FROM was
     WHERE h.status = 'held' AND h.acknowledged_at IS NULL AND was.quantity = 0
       AND h.channel_id = was.channel_id AND h.item_id = was.item_id
)
UPDATE availability_push
   SET acknowledged_at = %(now)s::timestamptz,
       before = (SELECT array_agg(push_id ORDER BY item_id) FROM was),
       latest_for = (SELECT count(*) FILTER (WHERE is_latest) FROM was)
 WHERE id = %(push)s::bigint

-- name: note_shown
UPDATE availability_push
   SET read_back_at = %(now)s::timestamptz,
       shown = (
           SELECT array_agg(answer.shown ORDER BY u.place)
             FROM unnest(item_ids) WITH ORDINALITY AS u (item_id, place)
             LEFT JOIN unnest(%(items)s::bigint[], %(shown)s::bigint[]) AS answer (item_id, shown)
               ON answer.item_id = u.item_id
       )
 WHERE id = %(push)s::bigint

-- name: judge_shown
-- Count up where a channel shows something else than this push told it, start anew where it
-- agrees. The first time, what it shows counts as published, so that it is told again; after that
-- telling has not helped and a person must look. A figure told again meanwhile is not judged.
UPDATE availability_availability a
   SET disagreements = CASE WHEN answer.agrees THEN 0 ELSE least(a.disagreements + 1, 1000) END,
       published = CASE WHEN answer.agrees OR a.disagreements > 0 THEN a.published
                        ELSE nullif(answer.shown, -1) END
  FROM (
           SELECT item_id, shown, told, greatest(shown, 0) = told AS agrees
             FROM unnest(%(items)s::bigint[], %(shown)s::bigint[], %(told)s::bigint[])
               AS answer (item_id, shown, told)
       ) AS answer,
       availability_push p
 WHERE p.id = %(push)s::bigint AND a.channel_id = p.channel_id AND a.item_id = answer.item_id
   AND a.push_id = p.id AND (NOT answer.agrees OR a.disagreements > 0)
RETURNING a.item_id, a.disagreements, answer.shown, answer.told

-- name: disagreements_of
-- Channels that, told twice, still show another figure of some items, and what they show.
SELECT a.item_id, anchor.node_id, c.code, a.quantity,
       p.shown[array_position(p.item_ids, a.item_id)], p.read_back_at, a.disagreements
  FROM availability_availability a
  JOIN catalog_channel c ON c.id = a.channel_id
  JOIN availability_push p ON p.id = a.push_id
 CROSS JOIN LATERAL (
           SELECT min(b.node_id) AS node_id
             FROM stock_stockbalance b
             JOIN catalog_channel_nodes cn ON cn.node_id = b.node_id
            WHERE cn.channel_id = a.channel_id AND b.item_id = a.item_id
       ) AS anchor
 WHERE a.item_id = ANY(%(items)s::bigint[]) AND a.disagreements >= %(least)s::int
 ORDER BY a.item_id, c.code

-- name: anchors
-- Where a case about an item on a channel belongs: the first of the channel's nodes that holds it.
SELECT b.item_id, min(b.node_id)
  FROM stock_stockbalance b
  JOIN catalog_channel_nodes cn ON cn.node_id = b.node_id
  JOIN catalog_channel c ON c.id = cn.channel_id
 WHERE c.code = %(channel)s AND b.item_id = ANY(%(items)s::bigint[])
 GROUP BY b.item_id

-- name: forget
-- Pushes past keeping that are nobody's latest receipt, a few at a time.
DELETE FROM availability_push
 WHERE id IN (
           SELECT id FROM availability_push
            WHERE latest_for = 0 AND sent_at < %(before)s::timestamptz
            ORDER BY sent_at LIMIT %(limit)s::int FOR UPDATE SKIP LOCKED
       )

-- name: told_between
-- What channels that sell from some nodes acknowledged of some items in a span, oldest first:
-- each item's chain of receipts, walked back no further than the span begins.
WITH RECURSIVE chain AS (
    SELECT a.item_id, a.push_id AS id
      FROM availability_availability a
     WHERE a.item_id = ANY(%(items)s::bigint[]) AND a.push_id IS NOT NULL
       AND EXISTS (
               SELECT FROM catalog_channel_nodes cn
                WHERE cn.channel_id = a.channel_id AND cn.node_id = ANY(%(nodes)s::bigint[])
           )
     UNION ALL
    SELECT chain.item_id, p.before[array_position(p.item_ids, chain.item_id)]
      FROM chain
      JOIN availability_push p ON p.id = chain.id
     WHERE p.acknowledged_at >= %(since)s
)
SELECT c.code, chain.item_id, p.quantities[place.at], p.versions[place.at], p.acknowledged_at
  FROM chain
  JOIN availability_push p ON p.id = chain.id
  JOIN catalog_channel c ON c.id = p.channel_id
 CROSS JOIN LATERAL (SELECT array_position(p.item_ids, chain.item_id) AS at) AS place
 WHERE p.acknowledged_at >= %(since)s AND p.acknowledged_at < %(until)s
 ORDER BY p.acknowledged_at, p.id, chain.item_id
 LIMIT %(limit)s

-- name: trail
-- The receipts of an item on a channel, latest first: acknowledged pushes by their chain, and the
-- attempts since that were not acknowledged.
WITH RECURSIVE chain AS (
    SELECT a.push_id AS id, a.item_id, 1 AS depth
      FROM availability_availability a
     WHERE a.item_id = %(item)s AND a.channel_id = %(channel)s AND a.push_id IS NOT NULL
     UNION ALL
    SELECT p.before[array_position(p.item_ids, chain.item_id)], chain.item_id, chain.depth + 1
      FROM chain
      JOIN availability_push p ON p.id = chain.id
     WHERE chain.depth < %(limit)s
),
found AS (
    SELECT id FROM chain WHERE id IS NOT NULL
     UNION
    (SELECT id FROM availability_push
      WHERE channel_id = %(channel)s AND acknowledged_at IS NULL
        AND item_ids @> ARRAY[%(item)s::bigint]
      ORDER BY id DESC LIMIT %(limit)s)
)
SELECT p.id, p.key, p.quantities[place.at], p.versions[place.at], p.changed_ats[place.at],
       p.sent_at, p.acknowledged_at, p.shown[place.at],
       CASE WHEN p.shown[place.at] IS NOT NULL THEN p.read_back_at END, p.error,
       p.sellable[place.at], p.reserved[place.at], p.allocated[place.at],
       p.safety_stock[place.at], p.frozen[place.at], p.buffers[place.at], p.caps[place.at],
       p.are_held[place.at]
  FROM found
  JOIN availability_push p ON p.id = found.id
 CROSS JOIN LATERAL (SELECT array_position(p.item_ids, %(item)s::bigint) AS at) AS place
 ORDER BY p.id DESC
 LIMIT %(limit)s

-- name: note_unconfirmed
-- Every attempt to tell a channel has failed: what it was not told is unconfirmed. In order of
-- item, as an acknowledgement locks.
WITH untold AS (
    SELECT a.item_id, a.channel_id
      FROM availability_availability a
      JOIN catalog_channel c ON c.id = a.channel_id
     WHERE c.code = %(channel)s AND a.published IS DISTINCT FROM a.quantity
       AND a.unconfirmed_since IS NULL
     ORDER BY a.item_id
       FOR UPDATE OF a
)
UPDATE availability_availability a SET unconfirmed_since = %(now)s
  FROM untold
 WHERE a.channel_id = untold.channel_id AND a.item_id = untold.item_id

-- name: confirm
-- Channels that acknowledged everything are confirmed again.
WITH doubted AS (
    SELECT a.item_id, a.channel_id
      FROM availability_availability a
      JOIN catalog_channel c ON c.id = a.channel_id
     WHERE a.unconfirmed_since IS NOT NULL AND c.code = ANY(%(channels)s)
     ORDER BY a.item_id, a.channel_id
       FOR UPDATE OF a
)
UPDATE availability_availability a SET unconfirmed_since = NULL
  FROM doubted
 WHERE a.channel_id = doubted.channel_id AND a.item_id = doubted.item_id

-- name: unconfirmed_channels
-- Channels that, as far as anybody knows, show more than may be sold and could not be told so.
SELECT c.code, min(a.unconfirmed_since), count(*), sum(a.published - a.quantity)::bigint,
       sum((a.published - a.quantity)
           * CASE WHEN i.unit_price > 0 THEN greatest(0, i.unit_price - i.unit_cost)
                  ELSE i.unit_cost END),
       (array_agg(i.sku ORDER BY a.published - a.quantity DESC, i.sku))[1:%(listed)s::int],
       (array_agg(a.published ORDER BY a.published - a.quantity DESC, i.sku))[1:%(listed)s::int],
       (array_agg(a.quantity ORDER BY a.published - a.quantity DESC, i.sku))[1:%(listed)s::int]
  FROM availability_availability a
  JOIN catalog_channel c ON c.id = a.channel_id
  JOIN catalog_item i ON i.id = a.item_id
 WHERE a.unconfirmed_since IS NOT NULL AND a.published > a.quantity
 GROUP BY c.code
 ORDER BY c.code
