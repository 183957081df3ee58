"""What a new tenant receives, in order: roles, schema, audit log, then each app's defaults."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from django.conf import settings
from psycopg import sql

from ai_advice.services import install_defaults as install_advice
from exceptions.services import install_defaults as install_detection
from inventory_control import tenant_ddl
from inventory_control.availability.services import install_defaults as install_exposure
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.tenancy import TenantRef, in_public, in_tenant
from inventory_control.events.services import install_defaults as install_inbox
from inventory_control.fulfilment.services import install_defaults as install_fulfilment
from inventory_control.notifications.services import install_defaults as install_notifications
from inventory_control.policies.services import install_defaults as install_policies
from inventory_control.reconciliation.services import install_defaults as install_reconciliation
from inventory_control.roles import install_roles
from tenants.models import Tenant
from tenants.selectors import forget, ref_of
from tenants.states import TenantStatus
from workflows.services import install_defaults as install_workflows

DEFAULTS: tuple[Callable[..., None], ...] = (
    install_policies,
    install_inbox,
    install_fulfilment,
    install_notifications,
    install_exposure,
    install_reconciliation,
    install_detection,
    install_advice,
    install_workflows,
    install_roles,
)
"""Each app's `install_defaults`, lowest app first."""

APPEND_ONLY = ("stock_ledgerentry", "stock_ledgerentry_default")
"""Tables a tenant's role may read and insert, never change."""


def provision(tenant: Tenant) -> TenantRef:
    """Make a tenant usable: everything in one transaction, then its defaults, then open it.

    Needs DATABASE_OWNER_URL, the login of the provisioner. Run again after a failure: nothing of
    the first part stays behind, and defaults are only added where missing.
    """
    with psycopg.connect(settings.DATABASE_OWNER_URL) as session:
        oid = _database_oid(session)
        ref = ref_of(tenant)
        worker, advisor = f"t_{ref.id.hex}_{oid}", f"a_{ref.id.hex}_{oid}"
        if not _has_schema(session, ref.schema_name):
            _make_roles(session, worker, advisor)
            _make_schema(session, ref, worker, advisor)
            session.execute(
                "SELECT ic_sys.install_audit(%s, %s)", [ref.schema_name, [worker, advisor]]
            )
        session.commit()
        _set_status(session, tenant, TenantStatus.MAINTENANCE)
    by = Actor.system("provisioning")
    with in_tenant(ref):
        for install in DEFAULTS:
            install(by=by)
    with psycopg.connect(settings.DATABASE_OWNER_URL) as session:
        _set_status(session, tenant, TenantStatus.OPEN)
    forget()
    with in_public():
        tenant.refresh_from_db()
    return ref_of(tenant)


def _make_roles(session: psycopg.Connection, worker: str, advisor: str) -> None:
    for role, login in ((worker, "ic_app"), (advisor, "ic_ai")):
        session.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
        session.execute(
            sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE").format(
                sql.Identifier(role), sql.Identifier(login)
            )
        )


def _make_schema(session: psycopg.Connection, ref: TenantRef, worker: str, advisor: str) -> None:
    """Create the schema as the owner from the DDL script, and grant each role its part."""
    schema = sql.Identifier(ref.schema_name)
    session.execute("SET LOCAL ROLE ic_owner")
    session.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
    session.execute(sql.SQL("SET LOCAL search_path TO {}, ext").format(schema))
    session.execute(tenant_ddl.SCRIPT.read_text(encoding="utf-8").encode())
    with session.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)",
            [(app, name, clock.real_now()) for app, name in tenant_ddl.tenant_migrations()],
        )
    names = {
        "schema": schema,
        "worker": sql.Identifier(worker),
        "advisor": sql.Identifier(advisor),
        "append_only": sql.SQL(", ").join(
            sql.Identifier(ref.schema_name, table) for table in APPEND_ONLY
        ),
    }
    for statement in _GRANTS:
        session.execute(sql.SQL(statement).format(**names))
    session.execute("RESET ROLE")
    session.execute("RESET search_path")


_GRANTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {worker}, {advisor}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {worker}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {worker}",
    "REVOKE UPDATE, DELETE ON {append_only} FROM {worker}",
    "REVOKE INSERT, UPDATE, DELETE ON {schema}.django_migrations FROM {worker}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {advisor}",
    "REVOKE SELECT ON {schema}.people_apikey, {schema}.django_session FROM {advisor}",
    "GRANT INSERT ON {schema}.ai_advice_advice TO {advisor}",
    "GRANT USAGE ON SEQUENCE {schema}.ai_advice_advice_id_seq TO {advisor}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}"
    " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {worker}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {worker}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {advisor}",
)


def _set_status(session: psycopg.Connection, tenant: Tenant, status: str) -> None:
    session.execute("SET LOCAL ROLE ic_owner")
    session.execute(
        "UPDATE public.tenants_tenant SET status = %s WHERE id = %s", [status, tenant.pk]
    )
    session.commit()


def _has_schema(session: psycopg.Connection, schema: str) -> bool:
    found = session.execute("SELECT FROM pg_namespace WHERE nspname = %s", [schema])
    return found.fetchone() is not None


def _database_oid(session: psycopg.Connection) -> int:
    row = session.execute(
        "SELECT oid FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    if row is None:
        raise LookupError("this session has no database")
    return int(row[0])
