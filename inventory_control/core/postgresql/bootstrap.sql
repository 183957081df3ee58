-- Roles, schemas and the few privileged functions of one database (house.md D16).
-- Run once by a superuser; safe to run again. Passwords are set by bootstrap.py, not here.

-- The functions below name tables that the first migration makes.
SET LOCAL check_function_bodies = off;

DO $roles$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('ic_owner', 'NOLOGIN'),
            ('ic_audit', 'NOLOGIN'),
            ('ic_app', 'LOGIN NOINHERIT'),
            ('ic_ai', 'LOGIN NOINHERIT'),
            ('ic_sealer', 'LOGIN NOINHERIT'),
            ('ic_provisioner', 'LOGIN NOINHERIT CREATEROLE')
        ) AS role (name, attributes)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
            EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.attributes);
        END IF;
    END LOOP;
END
$roles$;

GRANT ic_owner TO ic_provisioner WITH INHERIT FALSE, SET TRUE;

DO $database$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO ic_app, ic_ai, ic_sealer, ic_provisioner',
        current_database()
    );
    EXECUTE format('GRANT CREATE ON DATABASE %I TO ic_owner, ic_audit', current_database());
END
$database$;

ALTER SCHEMA public OWNER TO ic_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO ic_app, ic_ai, ic_sealer;

CREATE SCHEMA IF NOT EXISTS ext;
GRANT USAGE ON SCHEMA ext TO PUBLIC;
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA ext;

-- A statement of a forgotten session may not hold the audit sealer or a tenant hostage.
ALTER ROLE ic_app SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE ic_ai SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE ic_sealer SET idle_in_transaction_session_timeout = '30s';

-- Only the statements of the hot path are prepared; their plan does not depend on the values.
ALTER ROLE ic_app SET plan_cache_mode = 'force_generic_plan';

CREATE SCHEMA IF NOT EXISTS ic_sys AUTHORIZATION ic_owner;
GRANT USAGE ON SCHEMA ic_sys TO PUBLIC;
GRANT USAGE, CREATE ON SCHEMA ic_sys TO ic_audit;

-- The tenant of the calling role. The setting `role` keeps the caller's SET ROLE inside a
-- SECURITY DEFINER function, where current_user is the function's owner.
CREATE OR REPLACE FUNCTION ic_sys.caller_tenant() RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    role_name text := current_setting('role');
BEGIN
    IF role_name !~ '^[ta]_[0-9a-f]{32}_[0-9]+$' THEN
        RAISE EXCEPTION 'role % belongs to no tenant', role_name USING ERRCODE = '42501';
    END IF;
    RETURN split_part(role_name, '_', 2)::uuid;
END
$$;
ALTER FUNCTION ic_sys.caller_tenant() OWNER TO ic_owner;

-- Product time of a sandbox tenant (D17); zero for every other, by the table's CHECK.
CREATE OR REPLACE FUNCTION ic_sys.clock_offset() RETURNS interval
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT clock_offset FROM public.tenants_tenant WHERE id = ic_sys.caller_tenant()
$$;
ALTER FUNCTION ic_sys.clock_offset() OWNER TO ic_owner;

-- Forward only; the CHECK of the table refuses it to every tenant that is no sandbox.
CREATE OR REPLACE FUNCTION ic_sys.move_clock(ahead interval) RETURNS interval
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE public.tenants_tenant
       SET clock_offset = greatest(clock_offset, ahead)
     WHERE id = ic_sys.caller_tenant() AND is_sandbox
 RETURNING clock_offset
$$;
ALTER FUNCTION ic_sys.move_clock(interval) OWNER TO ic_owner;

-- Note that a stage of the calling tenant has work. The key-share lock makes the sweeper, which
-- deletes a note only when nobody holds it, wait for this transaction's outcome.
CREATE OR REPLACE FUNCTION ic_sys.mark_due(stage_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller uuid := ic_sys.caller_tenant();
BEGIN
    LOOP
        PERFORM FROM public.due
          WHERE tenant_id = caller AND stage = stage_name AND not_before IS NULL
            FOR KEY SHARE;
        IF FOUND THEN
            RETURN;
        END IF;
        UPDATE public.due SET not_before = NULL
         WHERE tenant_id = caller AND stage = stage_name AND not_before IS NOT NULL;
        IF FOUND THEN
            RETURN;
        END IF;
        INSERT INTO public.due (tenant_id, stage) VALUES (caller, stage_name)
        ON CONFLICT DO NOTHING;
    END LOOP;
END
$$;
ALTER FUNCTION ic_sys.mark_due(text) OWNER TO ic_owner;

-- The end of a stage's look: lock the note (false when it is gone or somebody is adding to it),
-- ask in the same transaction whether anything is left, then delete it.
CREATE OR REPLACE FUNCTION ic_sys.hold_due(stage_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM public.due
      WHERE tenant_id = ic_sys.caller_tenant() AND stage = stage_name
        FOR UPDATE SKIP LOCKED;
    RETURN FOUND;
END
$$;
ALTER FUNCTION ic_sys.hold_due(text) OWNER TO ic_owner;

CREATE OR REPLACE FUNCTION ic_sys.clear_due(stage_name text) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM public.due WHERE tenant_id = ic_sys.caller_tenant() AND stage = stage_name
$$;
ALTER FUNCTION ic_sys.clear_due(text) OWNER TO ic_owner;

-- Instead of deleting it: nothing is left now, but time alone will bring something.
CREATE OR REPLACE FUNCTION ic_sys.put_off_due(stage_name text, until timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE public.due SET not_before = until
     WHERE tenant_id = ic_sys.caller_tenant() AND stage = stage_name
$$;
ALTER FUNCTION ic_sys.put_off_due(text, timestamptz) OWNER TO ic_owner;

-- Whether a stage of the calling tenant has a note: a message without one has been overtaken.
CREATE OR REPLACE FUNCTION ic_sys.is_noted(stage_name text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM public.due WHERE tenant_id = ic_sys.caller_tenant() AND stage = stage_name
    )
$$;
ALTER FUNCTION ic_sys.is_noted(text) OWNER TO ic_owner;

-- Calls that came while their tenant was in maintenance: kept here, because its own tables are out
-- of reach, and taken in when it is open again. Nobody but the functions below touches the table. Of
-- the key only its prefix and digest are kept; whether it may post is asked when the call is taken.
CREATE TABLE IF NOT EXISTS ic_sys.kept_call (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    path text NOT NULL,
    content_type text NOT NULL,
    content_encoding text NOT NULL,
    key_prefix text NOT NULL,
    key_digest bytea NOT NULL,
    idempotency_key text,
    correlation_id text NOT NULL,
    size bigint NOT NULL,
    body bytea NOT NULL
);
CREATE INDEX IF NOT EXISTS kept_call_of_tenant ON ic_sys.kept_call (tenant_id, id) INCLUDE (size);
ALTER TABLE ic_sys.kept_call OWNER TO ic_owner;

-- Keep one call of a tenant that is not open, and note that it waits; NULL when the tenant's share
-- is full or there is no such tenant. Only the application itself may call it, outside of tenants.
CREATE OR REPLACE FUNCTION ic_sys.keep_call(
    tenant uuid, path text, content_type text, content_encoding text, key_prefix text,
    key_digest bytea, idempotency_key text, correlation_id text, body bytea, most_bytes bigint
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kept bigint;
BEGIN
    PERFORM FROM public.tenants_tenant WHERE id = tenant;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(tenant::text || '.kept', 0));
    IF (SELECT coalesce(sum(size), 0) FROM ic_sys.kept_call WHERE tenant_id = tenant)
       + length(body) > most_bytes THEN
        RETURN NULL;
    END IF;
    INSERT INTO ic_sys.kept_call (
        tenant_id, path, content_type, content_encoding, key_prefix, key_digest,
        idempotency_key, correlation_id, size, body
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, length($9), $9)
    RETURNING id INTO kept;
    INSERT INTO public.due (tenant_id, stage) VALUES (tenant, 'postponed') ON CONFLICT DO NOTHING;
    RETURN kept;
END
$$;
ALTER FUNCTION ic_sys.keep_call(
    uuid, text, text, text, text, bytea, text, text, bytea, bigint
) OWNER TO ic_owner;
REVOKE ALL ON FUNCTION ic_sys.keep_call(
    uuid, text, text, text, text, bytea, text, text, bytea, bigint
) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ic_sys.keep_call(
    uuid, text, text, text, text, bytea, text, text, bytea, bigint
) TO ic_app;

CREATE OR REPLACE FUNCTION ic_sys.has_kept_calls() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM ic_sys.kept_call WHERE tenant_id = ic_sys.caller_tenant())
$$;
ALTER FUNCTION ic_sys.has_kept_calls() OWNER TO ic_owner;

-- The oldest kept call of the calling tenant, locked until its transaction ends. Advisors read none.
CREATE OR REPLACE FUNCTION ic_sys.oldest_kept_call() RETURNS SETOF ic_sys.kept_call
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('role') NOT LIKE 't\_%' THEN
        RAISE EXCEPTION 'kept calls are none of its business' USING ERRCODE = '42501';
    END IF;
    RETURN QUERY
        SELECT * FROM ic_sys.kept_call
         WHERE tenant_id = ic_sys.caller_tenant()
         ORDER BY id LIMIT 1 FOR UPDATE;
END
$$;
ALTER FUNCTION ic_sys.oldest_kept_call() OWNER TO ic_owner;

CREATE OR REPLACE FUNCTION ic_sys.drop_kept_call(call bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('role') NOT LIKE 't\_%' THEN
        RAISE EXCEPTION 'kept calls are none of its business' USING ERRCODE = '42501';
    END IF;
    DELETE FROM ic_sys.kept_call WHERE tenant_id = ic_sys.caller_tenant() AND id = call;
END
$$;
ALTER FUNCTION ic_sys.drop_kept_call(bigint) OWNER TO ic_owner;

-- The partner's board reads these counters and nothing else of a tenant; a tenant writes its own.
CREATE OR REPLACE FUNCTION ic_sys.put_counters(
    at timestamptz, open_cases integer, past_due integer, at_stake numeric,
    approvals_waiting integer, dead_letters integer, oldest_due_seconds integer, health text
) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO public.tenants_tenantcounters AS mine (
        tenant_id, counted_at, open_cases, past_due, at_stake,
        approvals_waiting, dead_letters, oldest_due_seconds, health
    )
    VALUES (
        ic_sys.caller_tenant(), $1, $2, $3, $4, $5, $6, $7, $8
    )
    ON CONFLICT (tenant_id) DO UPDATE SET
        counted_at = excluded.counted_at, open_cases = excluded.open_cases,
        past_due = excluded.past_due, at_stake = excluded.at_stake,
        approvals_waiting = excluded.approvals_waiting, dead_letters = excluded.dead_letters,
        oldest_due_seconds = excluded.oldest_due_seconds, health = excluded.health
$$;

ALTER FUNCTION ic_sys.put_counters(
    timestamptz, integer, integer, numeric, integer, integer, integer, text
) OWNER TO ic_owner;

-- Split the calling tenant's ledger when its default partition holds more than so many rows: the
-- default partition becomes a dated one as it is, without moving a row, and a new empty one takes
-- its place. Writers wait while the rows are checked against the date, about a tenth of a second a
-- million; when the table cannot be had within two seconds nothing is done. Returns whether it was.
CREATE OR REPLACE FUNCTION ic_sys.split_ledger(most bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
    worker text := current_setting('role');
    ledger text;
    part text;
    number integer;
    since timestamptz;
    until timestamptz;
BEGIN
    IF worker NOT LIKE 't\_%' THEN
        RAISE EXCEPTION 'role % may not split a ledger', worker USING ERRCODE = '42501';
    END IF;
    SELECT format('%I', schema_name) INTO STRICT ledger
      FROM public.tenants_tenant WHERE id = ic_sys.caller_tenant();
    part := ledger || '.stock_ledgerentry_default';
    ledger := ledger || '.stock_ledgerentry';
    IF pg_stat_get_live_tuples(part::regclass) <= most THEN
        RETURN false;
    END IF;
    BEGIN
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', ledger);
    EXCEPTION WHEN lock_not_available THEN
        RETURN false;
    END;
    EXECUTE format('SELECT max(posted_at) + interval ''1 microsecond'' FROM %s', part) INTO until;
    SELECT coalesce(max(substring(c.relname FROM '_(\d+)$')::integer), 0) + 1 INTO number
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = ledger::regclass;
    SELECT max(substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([^'']+)''\)')::timestamptz)
      INTO since
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = ledger::regclass;
    EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', ledger, part);
    EXECUTE format('ALTER TABLE %s RENAME TO stock_ledgerentry_%s', part, number);
    EXECUTE format(
        'ALTER TABLE %1$s ATTACH PARTITION %1$s_%2$s FOR VALUES FROM (%3$s) TO (%4$L)',
        ledger, number, coalesce(quote_literal(since), 'MINVALUE'), until
    );
    EXECUTE format('CREATE TABLE %s PARTITION OF %s DEFAULT', part, ledger);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM %I', part, worker);
    RETURN true;
END
$$;
ALTER FUNCTION ic_sys.split_ledger(bigint) OWNER TO ic_owner;

-- The audit log of one tenant: tables owned by a role without members, append-only even for it.
CREATE OR REPLACE FUNCTION ic_sys.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the table is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = '42501';
END
$$;
ALTER FUNCTION ic_sys.refuse_change() OWNER TO ic_audit;

CREATE OR REPLACE FUNCTION ic_sys.install_audit(tenant_schema text, writers text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
    audit_schema text := tenant_schema || '_audit';
    writer text;
    guarded text;
BEGIN
    IF tenant_schema !~ '^[a-z][a-z0-9_]{0,50}$' THEN
        RAISE EXCEPTION 'no such tenant schema name: %', tenant_schema USING ERRCODE = '22023';
    END IF;
    EXECUTE format('CREATE SCHEMA %I', audit_schema);
    EXECUTE format($ddl$
        CREATE TABLE %1$I.entry (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
            recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            at timestamptz NOT NULL,
            actor_kind text NOT NULL,
            actor_id text NOT NULL,
            actor_name text NOT NULL,
            verb text NOT NULL,
            subject_kind text NOT NULL,
            subject_id text NOT NULL,
            correlation_id text NOT NULL,
            data jsonb NOT NULL
        );
        CREATE INDEX entry_sealing ON %1$I.entry (tx, id);
        CREATE INDEX entry_subject ON %1$I.entry (subject_kind, subject_id, id);
        CREATE TABLE %1$I.leaf (
            number bigint PRIMARY KEY,
            entry_id bigint NOT NULL UNIQUE REFERENCES %1$I.entry (id),
            tx xid8 NOT NULL,
            hash bytea NOT NULL CHECK (length(hash) = 32)
        );
        CREATE TABLE %1$I.node (
            level smallint NOT NULL CHECK (level > 0),
            position bigint NOT NULL,
            hash bytea NOT NULL CHECK (length(hash) = 32),
            PRIMARY KEY (level, position)
        );
        CREATE TABLE %1$I.head (
            size bigint PRIMARY KEY,
            root bytea NOT NULL CHECK (length(root) = 32),
            frontier bytea NOT NULL,
            signed_at timestamptz NOT NULL,
            key_id text NOT NULL,
            signature bytea NOT NULL
        )
    $ddl$, audit_schema);
    FOREACH guarded IN ARRAY ARRAY['entry', 'leaf', 'node', 'head'] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION ic_sys.refuse_change()',
            audit_schema, guarded
        );
    END LOOP;
    FOREACH writer IN ARRAY writers LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', audit_schema, writer);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', audit_schema, writer);
        EXECUTE format(
            'GRANT INSERT (at, actor_kind, actor_id, actor_name, verb, subject_kind, subject_id, '
            'correlation_id, data) ON %I.entry TO %I', audit_schema, writer
        );
    END LOOP;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO ic_sealer', audit_schema);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO ic_sealer', audit_schema);
    EXECUTE format(
        'GRANT INSERT ON %1$I.leaf, %1$I.node, %1$I.head TO ic_sealer', audit_schema
    );
END
$install$;
ALTER FUNCTION ic_sys.install_audit(text, text[]) OWNER TO ic_audit;
REVOKE ALL ON FUNCTION ic_sys.install_audit(text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ic_sys.install_audit(text, text[]) TO ic_provisioner;

REVOKE CREATE ON SCHEMA ic_sys FROM ic_audit;

-- Partner staff, sessions and the directory of tenants: ic_app works on them as itself.
ALTER DEFAULT PRIVILEGES FOR ROLE ic_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ic_app;
ALTER DEFAULT PRIVILEGES FOR ROLE ic_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO ic_app;
