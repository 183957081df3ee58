"""The database wrapper that never runs a statement outside an explicitly chosen context.

The module name is Django's: an ENGINE is a package with a `base` module.

django-tenants swallows errors of its own SET and starts every connection in `public`; both fail
open. Here a connection starts with no context at all, the switch sets role and search_path in
one statement string, a switch that fails closes the connection and raises, and a switch to
another context inside an open transaction is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.utils import Error as DatabaseError
from django_tenants.postgresql_backend import base as django_tenants_base
from psycopg import ClientCursor, OperationalError, sql
from psycopg import Error as PsycopgError
from psycopg.pq import ExecStatus

from inventory_control.core.telemetry import context_errors

EXTENSIONS_SCHEMA = "ext"


class ContextError(DatabaseError):
    """Tenant context is missing, wrong or could not be set; the statement did not run."""


@dataclass(frozen=True, slots=True)
class DatabaseContext:
    """What a connection is pointed at: the schemas it searches and the role it acts as.

    `role` None means the login itself, which has rights on `public` only.
    """

    schemas: tuple[str, ...]
    role: str | None

    def statement(self) -> bytes:
        """The one statement that puts a session in this context."""
        return _switch_to(self.role, self.schemas)


@lru_cache(maxsize=10_000)
def _switch_to(role: str | None, schemas: tuple[str, ...]) -> bytes:
    path = ", ".join(f'"{name}"' for name in (*schemas, EXTENSIONS_SCHEMA))
    statement = "SELECT set_config('role', {}, false), set_config('search_path', {}, false)"
    return sql.SQL(statement).format(role or "none", path).as_bytes()


class DatabaseWrapper(django_tenants_base.DatabaseWrapper):
    """Django's PostgreSQL connection with the product's fail-closed context switch."""

    connection: Any
    schema_name: str | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._wanted: DatabaseContext | None = None
        self._applied: DatabaseContext | None = None
        super().__init__(*args, **kwargs)
        self.ops.compiler_module = "inventory_control.core.postgresql.compiler"
        self._wanted = None
        self.tenant = None
        self.schema_name = None

    @property
    def context(self) -> DatabaseContext | None:
        """The context chosen for this connection, or None: then nothing runs."""
        return self._wanted

    def choose(self, context: DatabaseContext | None, schema_name: str | None) -> None:
        """Point the connection at a context; takes effect with the next statement.

        Raises `ContextError` inside an open transaction of another context.
        """
        is_switch = None not in (self._wanted, context) and self._wanted != context
        if self.in_atomic_block and is_switch:
            context_errors.inc()
            raise ContextError(
                "The tenant cannot change inside an open transaction: "
                f"{self._wanted} is open, {context} was asked for."
            )
        if self._wanted != context:
            ContentType.objects.clear_cache()
        self._wanted = context
        self.schema_name = schema_name
        self.set_settings_schema(schema_name)

    def set_tenant(self, tenant: Any, include_public: bool = True) -> None:
        """django-tenants' own door, kept for its migration commands, which run as the owner.

        It names a schema and no role, so it is refused to every login but the provisioner.
        """
        if self.settings_dict.get("IC_LOGIN") != "owner":
            if tenant.schema_name == "public":
                self._wanted, self.schema_name = None, None
                return
            context_errors.inc()
            raise ContextError("Use core.tenancy.in_tenant: a schema name alone is no context.")
        self.tenant = tenant
        schemas = (tenant.schema_name,)
        self.choose(DatabaseContext(schemas=schemas, role="ic_owner"), tenant.schema_name)

    def set_settings_schema(self, schema_name: str | None) -> None:
        """Keep django-tenants' introspection and schema editor in step with the context."""
        self.settings_dict["SCHEMA"] = schema_name

    def connect(self) -> None:
        """Start every session knowing nothing of the one before."""
        self._applied = None
        super().connect()

    def init_connection_state(self) -> None:
        """Plan prepared statements once, not for every set of parameters (see `core.sql.hot`)."""
        super().init_connection_state()
        self.connection.execute("SET plan_cache_mode = force_generic_plan")

    def close(self) -> None:
        """Forget what was applied together with the session that knew it."""
        self._applied = None
        super().close()

    def rollback(self) -> None:
        """Forget what was applied: a SET inside the transaction went with it."""
        self._applied = None
        super().rollback()

    def savepoint_rollback(self, sid: str) -> None:
        """Forget what was applied after the rollback, as ROLLBACK does."""
        try:
            super().savepoint_rollback(sid)
        finally:
            self._applied = None

    def _handle_search_path(self, cursor: Any = None) -> None:
        """Put the session in the chosen context, or raise; replaces the library's method whole."""
        wanted = self._wanted
        if wanted is None:
            context_errors.inc()
            raise ContextError(
                "No tenant context on this connection. Enter core.tenancy.in_tenant(...) or "
                "in_public() first; threads start with no context on purpose."
            )
        if wanted == self._applied:
            return
        try:
            self._switch(wanted.statement())
        except PsycopgError as error:
            context_errors.inc()
            self._abandon()
            raise ContextError(f"The switch to {wanted.schemas[0]} failed: {error}") from error
        self._applied = wanted

    def _switch(self, statement: bytes) -> None:
        """Run the switch and wait for its answer, by the shortest way there is."""
        session = self.connection.pgconn
        if session.pipeline_status:
            # Reading the row waits for the answer where statements are queued.
            with ClientCursor(self.connection) as cursor:
                cursor.execute(statement)
                cursor.fetchone()
            return
        answer = session.exec_(statement)
        if answer.status != ExecStatus.TUPLES_OK:
            raise OperationalError(answer.error_message.decode("utf-8", "replace").strip())

    def _abandon(self) -> None:
        """Close the session of a failed switch, so that it can never serve the tenant before."""
        self._applied = None
        session, self.connection = self.connection, None
        if session is not None:
            session.close()
        if self.in_atomic_block:
            self.closed_in_transaction = True
            self.needs_rollback = True
