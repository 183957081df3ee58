-- Retiring old parts of a tenant's ledger (decision 0026). Run by bootstrap.py behind bootstrap.sql,
-- as a superuser; safe to run again. The tables belong to ic_owner, and nobody else can drop a part:
-- what the application may ask for is decided in here.

SET LOCAL check_function_bodies = off;

-- The least a ledger is kept for, whatever a tenant's policy says: books of account and what they
-- are made of, ten years. Where the law asks for more, whoever runs the database replaces this.
CREATE OR REPLACE FUNCTION ic_sys.ledger_floor() RETURNS interval
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT interval '10 years' $$;
ALTER FUNCTION ic_sys.ledger_floor() OWNER TO ic_owner;

-- The schema of the calling tenant, quoted. Advisors have no business with the parts of a ledger.
CREATE OR REPLACE FUNCTION ic_sys.ledger_schema() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found text;
BEGIN
    IF current_setting('role') NOT LIKE 't\_%' THEN
        RAISE EXCEPTION 'role % keeps no ledger', current_setting('role') USING ERRCODE = '42501';
    END IF;
    SELECT format('%I', schema_name) INTO STRICT found
      FROM public.tenants_tenant WHERE id = ic_sys.caller_tenant();
    RETURN found;
END
$$;
ALTER FUNCTION ic_sys.ledger_schema() OWNER TO ic_owner;

-- Up to which moment the caller's policy lets the ledger go, and the version that says so; NULL
-- while it is to be kept. The floor applies even where the policy is shorter.
CREATE OR REPLACE FUNCTION ic_sys.ledger_cutoff(OUT cutoff timestamptz, OUT version integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    house text := ic_sys.ledger_schema();
    moment timestamptz := clock_timestamp() + coalesce(ic_sys.clock_offset(), interval '0');
    years integer;
BEGIN
    EXECUTE format(
        'SELECT (value ->> ''years'')::integer, version FROM %s.policies_policy '
        'WHERE key = ''ledger_retention'' AND effective_at <= $1 ORDER BY version DESC LIMIT 1',
        house
    ) INTO years, version USING moment;
    cutoff := moment - greatest(make_interval(years => years), ic_sys.ledger_floor());
    IF years IS NULL THEN
        cutoff := NULL;
    END IF;
END
$$;
ALTER FUNCTION ic_sys.ledger_cutoff() OWNER TO ic_owner;

-- Why a closed part may not go yet, as codes with what they are about; empty when it may.
CREATE OR REPLACE FUNCTION ic_sys.ledger_blockers(
    house text, part text, until timestamptz, horizon timestamptz
) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    last_day date := (horizon AT TIME ZONE 'UTC')::date;
    found text[] := '{}';
    told text;
BEGIN
    -- A fact is held when it happened or was learnt in the hold's window. An opening balance has
    -- no source any more, so only holds on items and windows cover it.
    EXECUTE format($sql$
        SELECT string_agg(h.id::text, ',' ORDER BY h.id)
          FROM %1$s.connectors_legalhold h
         WHERE h.status = 'standing'
           AND EXISTS (
                   SELECT FROM %2$s l
                     LEFT JOIN %1$s.events_inventoryevent e ON e.id = l.event_id
                    WHERE (h.source = '' OR h.source IN (e.source, e.received_from))
                      AND (h.item_id IS NULL OR h.item_id = l.item_id)
                      AND (
                              (coalesce(l.occurred_at >= h.since, true)
                               AND coalesce(l.occurred_at < h.until, true))
                           OR (coalesce(l.posted_at >= h.since, true)
                               AND coalesce(l.posted_at < h.until, true))
                          )
               )
    $sql$, house, part) INTO told;
    IF told IS NOT NULL THEN
        found := found || ('legal_hold:' || told);
    END IF;
    -- The lock must have stood for an hour: whoever read it before is through by then, so nothing
    -- is on its way into days that were open a moment ago.
    EXECUTE format($sql$
        SELECT CASE WHEN bool_and(value ->> 'until' IS NOT NULL) THEN min(value ->> 'until') END
          FROM %1$s.policies_policy
         WHERE key = 'period_lock' AND effective_at <= $1
           AND version >= (
                   SELECT max(version) FROM %1$s.policies_policy
                    WHERE key = 'period_lock' AND effective_at <= $1 - interval '1 hour'
               )
    $sql$, house)
       INTO told USING clock_timestamp() + coalesce(ic_sys.clock_offset(), interval '0');
    IF told IS NULL OR told::date < last_day THEN
        found := found || ('not_locked:' || last_day);
    END IF;
    EXECUTE format($sql$
        SELECT min((c.started_at AT TIME ZONE 'UTC')::date)::text
          FROM %1$s.reconciliation_comparison c
         WHERE c.started_at < ($1 + 1)::timestamp AT TIME ZONE 'UTC'
           AND NOT EXISTS (
                   SELECT FROM %1$s.reconciliation_signoff s
                    WHERE s.day = (c.started_at AT TIME ZONE 'UTC')::date
               )
    $sql$, house) INTO told USING last_day;
    IF told IS NOT NULL THEN
        found := found || ('unsigned:' || told);
    END IF;
    EXECUTE format(
        'SELECT min(event_id)::text FROM %s.stock_assertion '
        'WHERE verdict = ''pending'' AND occurred_at <= $1', house
    ) INTO told USING horizon;
    IF told IS NOT NULL THEN
        found := found || ('count_pending:' || told);
    END IF;
    EXECUTE format('SELECT posted_until::text FROM %s.stock_ledgerwatermark', house) INTO told;
    IF told IS NULL OR told::timestamptz < until THEN
        found := found || 'days_behind'::text;
    END IF;
    RETURN found;
END
$$;
ALTER FUNCTION ic_sys.ledger_blockers(text, text, timestamptz, timestamptz) OWNER TO ic_owner;
REVOKE ALL ON FUNCTION ic_sys.ledger_blockers(text, text, timestamptz, timestamptz) FROM PUBLIC;

-- The parts of the caller's ledger, the oldest `first` of them; the last of all is open. Those the
-- policy lets go are looked at line by line: `horizon` is the last moment anything in them happened.
CREATE OR REPLACE FUNCTION ic_sys.ledger_parts(first integer DEFAULT NULL) RETURNS TABLE (
    part text, since timestamptz, until timestamptz, lines bigint, bytes bigint,
    horizon timestamptz, blockers text[]
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    house text := ic_sys.ledger_schema();
    cutoff timestamptz := (ic_sys.ledger_cutoff()).cutoff;
    named text;
BEGIN
    FOR part, since, until, bytes IN
        SELECT c.relname,
               substring(bound FROM 'FROM \(''([^'']+)''\)')::timestamptz,
               substring(bound FROM 'TO \(''([^'']+)''\)')::timestamptz AS up_to,
               pg_total_relation_size(c.oid)
          FROM pg_inherits i
          JOIN pg_class c ON c.oid = i.inhrelid
         CROSS JOIN LATERAL pg_get_expr(c.relpartbound, c.oid) AS bound
         WHERE i.inhparent = (house || '.stock_ledgerentry')::regclass
         ORDER BY up_to NULLS LAST
         LIMIT first
    LOOP
        named := house || '.' || quote_ident(part);
        horizon := NULL;
        IF until IS NULL THEN
            blockers := ARRAY['open'];
        ELSIF cutoff IS NULL THEN
            blockers := ARRAY['kept'];
        ELSIF until > cutoff THEN
            blockers := ARRAY['too_young:' || cutoff::text];
        ELSE
            EXECUTE format(
                'SELECT count(*), greatest(max(occurred_at), $1) FROM %s', named
            ) INTO lines, horizon USING until;
            blockers := ic_sys.ledger_blockers(house, named, until, horizon);
        END IF;
        IF horizon IS NULL THEN
            lines := pg_stat_get_live_tuples(named::regclass);
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
ALTER FUNCTION ic_sys.ledger_parts(integer) OWNER TO ic_owner;

-- Retire the oldest part of the caller's ledger, called `wanted`: what its accounts came to is
-- carried forward as one layer of opening balances at the start of the next part, the sums by day
-- follow, and the part is dropped. Answers what went, or why it may not go (`blockers`); no row when
-- the tables could not be had within two seconds, or another part is the oldest by now.
--
-- The layer stands at the horizon, posted at the moment the part ends. Moves that the next count
-- of an account still has to add up are carried apart from what counts have settled.
CREATE OR REPLACE FUNCTION ic_sys.retire_ledger(wanted text) RETURNS TABLE (
    part text, since timestamptz, until timestamptz, lines bigint, bytes bigint,
    horizon timestamptz, blockers text[], carried bigint, layer text, policy_version integer
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
    house text := ic_sys.ledger_schema();
    ledger text := house || '.stock_ledgerentry';
    named text;
BEGIN
    BEGIN
        EXECUTE format('SELECT FROM %s.stock_ledgerwatermark FOR UPDATE', house);
        EXECUTE format(
            'LOCK TABLE %1$s.policies_policy, %1$s.connectors_legalhold IN SHARE MODE', house
        );
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', ledger);
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
        RETURN;
    END;
    SELECT p.part, p.since, p.until, p.lines, p.bytes, p.horizon, p.blockers
      INTO part, since, until, lines, bytes, horizon, blockers
      FROM ic_sys.ledger_parts(1) AS p;
    IF part <> wanted THEN
        RETURN;
    END IF;
    policy_version := (ic_sys.ledger_cutoff()).version;
    IF blockers <> '{}' THEN
        RETURN NEXT;
        RETURN;
    END IF;
    named := house || '.' || quote_ident(part);
    EXECUTE format($sql$
        WITH settled AS (
            SELECT DISTINCT ON (item_id, node_id, state)
                   item_id, node_id, state, occurred_at, source, source_id
              FROM %1$s.stock_assertion
             WHERE occurred_at <= $2
             ORDER BY item_id, node_id, state, occurred_at DESC, source DESC, source_id DESC
        ),
        line AS (
            SELECT l.item_id, l.node_id, l.state, l.lot, l.quantity,
                   CASE
                       WHEN l.cause IN ('move', 'carried_move')
                        AND (
                                s.item_id IS NULL
                             OR (l.occurred_at, coalesce(e.source, ''), coalesce(e.source_id, ''))
                                > (s.occurred_at, s.source, s.source_id)
                            )
                       THEN 'carried_move'
                       ELSE 'carried'
                   END AS cause
              FROM %2$s l
              LEFT JOIN settled s USING (item_id, node_id, state)
              LEFT JOIN %1$s.events_inventoryevent posted
                ON posted.id = l.event_id AND s.item_id IS NOT NULL
              LEFT JOIN %1$s.events_inventoryevent e
                ON e.id = coalesce(posted.corrects, posted.id)
        ),
        opening AS (
            INSERT INTO %3$s (
                posted_at, event_id, item_id, node_id, state, lot, quantity, cause, occurred_at
            )
            SELECT $1, 0, item_id, node_id, state, lot, sum(quantity), cause, $2
              FROM line
             GROUP BY item_id, node_id, state, lot, cause
             ORDER BY item_id, node_id, state, lot, cause
            RETURNING item_id, node_id, state, lot, quantity, cause
        )
        SELECT count(*),
               encode(sha256(convert_to(coalesce(string_agg(
                   concat_ws('|', item_id, node_id, state, lot, quantity, cause), E'\n'
                   ORDER BY item_id, node_id, state, lot, cause
               ), ''), 'UTF8')), 'hex')
          FROM opening
    $sql$, house, named, ledger) INTO carried, layer USING until, horizon;
    EXECUTE format($sql$
        INSERT INTO %1$s.stock_ledgerday AS mine (item_id, node_id, state, day, quantity)
        SELECT l.item_id, l.node_id, l.state, moved.day, sum(moved.quantity)
          FROM %2$s l
         CROSS JOIN LATERAL (
                   VALUES ((l.occurred_at AT TIME ZONE 'UTC')::date, -l.quantity),
                          (($1 AT TIME ZONE 'UTC')::date, l.quantity)
               ) AS moved (day, quantity)
         GROUP BY 1, 2, 3, 4
        HAVING sum(moved.quantity) <> 0
         ORDER BY 1, 2, 3, 4
        ON CONFLICT (item_id, node_id, state, day) DO UPDATE SET
            quantity = mine.quantity + excluded.quantity
    $sql$, house, named) USING horizon;
    EXECUTE format(
        'DELETE FROM %s.stock_ledgerday WHERE quantity = 0 AND day <= $1', house
    ) USING (horizon AT TIME ZONE 'UTC')::date;
    EXECUTE format('DROP TABLE %s', named);
    RETURN NEXT;
END
$$;
ALTER FUNCTION ic_sys.retire_ledger(text) OWNER TO ic_owner;
