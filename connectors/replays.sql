-- name: ceilings
-- How far a replay previewed now will reach; what comes later is not part of it.
SELECT (SELECT coalesce(max(id), 0) FROM events_inventoryevent),
       (SELECT coalesce(max(id), 0) FROM events_inboundmessage),
       (SELECT coalesce(max(id), 0) FROM events_deadletter)

-- name: count_events
-- With the first and last id, so that a replay need not walk to its window and beyond.
SELECT count(*), coalesce(min(e.id), 0), coalesce(max(e.id), 0)
  FROM events_inventoryevent e
 WHERE e.id <= %(last)s
   AND (%(event_id)s::bigint IS NULL OR e.id = %(event_id)s)
   AND (%(source)s = '' OR e.source = %(source)s)
   AND (%(type)s = '' OR e.type = %(type)s)
   AND (%(since)s::timestamptz IS NULL OR e.recorded_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR e.recorded_at < %(until)s)
   AND e.occurred_at >= %(oldest)s

-- name: next_events
SELECT e.id, e.received_from, e.source, e.raw
  FROM events_inventoryevent e
 WHERE e.id > %(after)s AND e.id <= %(last)s
   AND (%(event_id)s::bigint IS NULL OR e.id = %(event_id)s)
   AND (%(source)s = '' OR e.source = %(source)s)
   AND (%(type)s = '' OR e.type = %(type)s)
   AND (%(since)s::timestamptz IS NULL OR e.recorded_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR e.recorded_at < %(until)s)
   AND e.occurred_at >= %(oldest)s
 ORDER BY e.id
 LIMIT %(limit)s

-- name: hold_on_events
-- The first standing hold that covers any event of a replay's scope beyond `after`. A fact is
-- held when it happened or was learnt in the hold's window.
SELECT h.id
  FROM connectors_legalhold h
 WHERE h.status = 'standing'
   AND EXISTS (
           SELECT FROM events_inventoryevent e
            WHERE e.id > %(after)s AND e.id <= %(last)s
              AND (%(event_id)s::bigint IS NULL OR e.id = %(event_id)s)
              AND (%(source)s = '' OR e.source = %(source)s)
              AND (%(type)s = '' OR e.type = %(type)s)
              AND (%(since)s::timestamptz IS NULL OR e.recorded_at >= %(since)s)
              AND (%(until)s::timestamptz IS NULL OR e.recorded_at < %(until)s)
              AND e.occurred_at >= %(oldest)s
              AND (h.source = '' OR h.source IN (e.source, e.received_from))
              AND (h.item_id IS NULL OR h.item_id = e.item_id)
              AND (
                      (coalesce(e.occurred_at >= h.since, true)
                       AND coalesce(e.occurred_at < h.until, true))
                   OR (coalesce(e.recorded_at >= h.since, true)
                       AND coalesce(e.recorded_at < h.until, true))
                  )
       )
 ORDER BY h.id
 LIMIT 1
