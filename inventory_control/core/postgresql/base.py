"""The database wrapper that never runs a statement outside an explicitly chosen context.

The module name is Django's: an ENGINE is a package with a `base` module.

django-tenants swallows errors of its own SET and starts every connection in `public`; both fail
open. Here a connection starts with no context at all, the switch sets role and search_path in
one message, a switch that fails closes the connection and raises, and a switch to another
context inside an open transaction is refused.

Outside a transaction the switch travels in one message with the statement that needs it. The
server runs such a message as one transaction, so a statement whose switch failed does not run.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from select import POLLIN, poll
from time import monotonic
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db.backends.postgresql import base as postgresql
from django.db.utils import Error as DatabaseError
from django_tenants.postgresql_backend import base as django_tenants_base
from psycopg import Error as PsycopgError
from psycopg import OperationalError, sql
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

from inventory_control.core.postgresql import lookups as lookups
from inventory_control.core.postgresql.flight import Flight
from inventory_control.core.telemetry import context_errors

EXTENSIONS_SCHEMA = "ext"
_AWAY = ("08", "53", "57P")
"""Classes of SQLSTATE: no connection, no room for it, an operator ends or starts the server."""
_PLANNING = (
    "SET plan_cache_mode = force_generic_plan; "
    "SET max_parallel_workers_per_gather = 0; "
    "SET random_page_cost = 1.1"
)
PROBES_ONLY = "SET enable_seqscan = off"
"""What keeps a plan from reading a table whole wherever an index could answer; see `core.sql.probe_only`."""
_CARRIERS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
"""Statements that may share a message with the switch; VACUUM and its like must stand alone."""


chosen: ContextVar[DatabaseContext | None] = ContextVar("database_context", default=None)
"""The context of whatever runs now; only `core.tenancy` sets it, and None runs nothing."""


def is_server_away(error: BaseException | None) -> bool:
    """Whether an error came of a server that could not be reached, went away or had no room left.

    Looks at what the error came of as well: whoever tidies up behind a lost session fails too.
    """
    while error is not None:
        if isinstance(error, OperationalError):
            state = error.sqlstate
            return state is None or state.startswith(_AWAY)
        error = error.__cause__ or error.__context__
    return False


class ContextError(DatabaseError):
    """Tenant context is missing, wrong or could not be set; the statement did not run."""


@dataclass(frozen=True, slots=True)
class DatabaseContext:
    """What sessions are pointed at: the schemas they search and the role they act as.

    `role` None means the login itself, which has rights on `public` only. `tenant` is whose
    context it is, for whoever asks; it decides nothing here.
    """

    schemas: tuple[str, ...]
    role: str | None
    tenant: Any = field(default=None, compare=False)

    def statement(self) -> bytes:
        """The one message that puts a session in this context: all of it or, on failure, none."""
        return _switch_to(self.role, self.schemas)


@lru_cache(maxsize=10_000)
def _switch_to(role: str | None, schemas: tuple[str, ...]) -> bytes:
    path = sql.SQL(", ").join(map(sql.Identifier, (*schemas, EXTENSIONS_SCHEMA)))
    acting = sql.SQL("NONE") if role is None else sql.Identifier(role)
    return sql.SQL("SET ROLE {}; SET search_path TO {}").format(acting, path).as_bytes()


DjangoCursor: Any = postgresql.Cursor  # the stubs know psycopg 2's


class Cursor(DjangoCursor):
    """Django's cursor, whose first statement in a new context carries the switch to it.

    Statements that are queued in a flight (`core.sql.pipelined`) go before its own.
    """

    wrapper: DatabaseWrapper | None = None
    """Set on every cursor that Django hands out; without it no context is asked for."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run a statement in the context chosen now; raises `ContextError` when there is none."""
        wrapper = self.wrapper
        if wrapper is None or wrapper.is_in_context():
            return super().execute(query, params, **options)
        switch = wrapper.switch_to_carry(query)
        if switch is None:
            wrapper.enter_context()
            return super().execute(query, params, **options)
        try:
            super().execute(f"{switch}; {query}", params, **options)
            self.nextset()
            self.nextset()
        except PsycopgError:
            # The message was undone as a whole. Was it the switch? Then this raises instead.
            if not self.connection.closed:
                wrapper.enter_context()
            raise
        wrapper.entered_context()
        return self

    def executemany(self, *args: Any, **options: Any) -> None:
        """Run a statement many times in the context chosen now."""
        if self.wrapper is not None:
            self.wrapper.enter_context()
        super().executemany(*args, **options)

    def stream(self, *args: Any, **options: Any) -> Any:
        """Read row by row in the context chosen now."""
        if self.wrapper is not None:
            self.wrapper.enter_context()
        return super().stream(*args, **options)

    def copy(self, *args: Any, **options: Any) -> Any:
        """COPY in the context chosen now."""
        if self.wrapper is not None:
            self.wrapper.enter_context()
        return super().copy(*args, **options)


class DatabaseWrapper(django_tenants_base.DatabaseWrapper):
    """Django's PostgreSQL connection with the product's fail-closed context switch."""

    connection: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._applied: DatabaseContext | None = None
        self._begun_in: DatabaseContext | None = None
        self._flight: Flight | None = None
        self._visited: set[tuple[str, ...]] = set()
        self._unasked = poll()
        self.is_pipelined = False
        self.is_probing = False
        self._is_made = False
        super().__init__(*args, **kwargs)
        self.ops.compiler_module = "inventory_control.core.postgresql.compiler"
        self.tenant = None
        self._is_made = True

    @property
    def schema_name(self) -> str | None:
        """The schema that what runs now works in, or None without a context."""
        wanted = chosen.get()
        return None if wanted is None else wanted.schemas[0]

    @schema_name.setter
    def schema_name(self, _name: str | None) -> None:
        """django-tenants sets it beside calling `set_tenant`, which decides."""

    def refuse_switch(self, context: DatabaseContext) -> None:
        """Raise `ContextError` when a transaction of another context is open."""
        if self.in_atomic_block and chosen.get() not in (None, context):
            self._refuse_mixture(context)

    def set_tenant(self, tenant: Any, include_public: bool = True) -> None:
        """django-tenants' own door, kept for its migration commands, which run as the owner.

        It names a schema and no role, so it is refused to every login but the provisioner.
        """
        if not self._is_made:
            return
        if self.settings_dict.get("IC_LOGIN") != "owner":
            if tenant.schema_name == "public":
                chosen.set(None)
                return
            context_errors.inc()
            raise ContextError("Use core.tenancy.in_tenant: a schema name alone is no context.")
        self.tenant = tenant
        chosen.set(DatabaseContext(schemas=(tenant.schema_name,), role="ic_owner"))
        self.set_settings_schema(tenant.schema_name)

    def connect(self) -> None:
        """Start every session knowing nothing of the one before."""
        self._applied = self._begun_in = self._flight = None
        self._visited.clear()
        super().connect()
        self._unasked = poll()
        self._unasked.register(self.connection.fileno(), POLLIN)

    def init_connection_state(self) -> None:
        """Plan prepared statements once, not for every set of parameters (see `core.sql.hot`);
        never on more than one core: a stage that borrows them all makes the tills wait; and for
        pages found anywhere at the price of the next one, because no disk turns any more: with the
        server's default, looking up a thousand places reads every open case there is.
        """
        super().init_connection_state()
        self.connection.execute(f"{_PLANNING}; {PROBES_ONLY}" if self.is_probing else _PLANNING)

    def close(self) -> None:
        """Forget what was applied together with the session that knew it."""
        self._applied = self._begun_in = self._flight = None
        super().close()

    def rollback(self) -> None:
        """Forget what was applied: a SET inside the transaction went with it."""
        self._applied = self._begun_in = None
        self.drop_queued()
        super().rollback()

    def commit(self) -> None:
        """Let what is queued arrive before the commit."""
        self.settle()
        super().commit()
        self._begun_in = None

    def savepoint_rollback(self, sid: str) -> None:
        """Forget what was applied after the rollback, as ROLLBACK does."""
        try:
            super().savepoint_rollback(sid)
        finally:
            self._applied = None

    def get_connection_params(self) -> dict[str, Any]:
        """Django's parameters, with the cursor that carries switches."""
        return {**super().get_connection_params(), "cursor_factory": Cursor}

    def create_cursor(self, name: str | None = None) -> Any:
        """A cursor that knows whose context it runs in."""
        cursor = super().create_cursor(name)
        if name is None:
            cursor.wrapper = self
        return cursor

    def close_if_unusable_or_obsolete(self) -> None:
        """Django's check around each request, at once when nothing can be wrong.

        A session that has worked for many tenants is given up too: the server keeps what it knows
        of their tables for as long as the session lives, about a mebibyte a tenant. And so is one the
        server has ended meanwhile: whoever came next would be told of a fault that is none of theirs.
        """
        if len(self._visited) > settings.TENANTS_PER_SESSION or self._is_ended():
            self.close()
            return
        if (
            self.connection is not None
            and self.autocommit
            and not self.errors_occurred
            and (self.close_at is None or monotonic() < self.close_at)
        ):
            self.health_check_done = False
            return
        super().close_if_unusable_or_obsolete()

    def _is_ended(self) -> bool:
        """Whether the server has something to say to a session that asked nothing: its end, as a rule."""
        session = self.connection
        return (
            session is not None
            and session.pgconn.transaction_status == TransactionStatus.IDLE
            and bool(self._unasked.poll(0))
        )

    def is_in_context(self) -> bool:
        """Whether the session stands where it was pointed at, with nothing queued before."""
        self.settle()
        return self._stands_in(chosen.get())

    def switch_to_carry(self, query: object) -> str | None:
        """The switch that a statement can carry with it, or None when it must go ahead alone.

        Inside a transaction a failure could not be told from the statement's own, and some
        statements must be alone in their message.
        """
        wanted = chosen.get()
        if (
            wanted is None
            or self.in_atomic_block
            or not isinstance(query, str)
            or not query.lstrip().startswith(_CARRIERS)
        ):
            return None
        return wanted.statement().decode()

    def entered_context(self) -> None:
        """Note that the switch carried by a statement has been made."""
        self._note(chosen.get())

    def flight(self) -> Flight:
        """Where `core.sql` queues prepared statements, in the chosen context. Raises as a cursor
        would.
        """
        self.ensure_connection()
        self.validate_thread_sharing()
        self.validate_no_broken_transaction()
        if not self._stands_in(chosen.get()):
            self.enter_context()
        if self._flight is None:
            self._flight = Flight(self.connection)
        return self._flight

    def settle(self) -> None:
        """Let what is queued arrive; raises what it raised."""
        if self._flight is not None:
            self._flight.land()

    def drop_queued(self) -> None:
        """Let go of what is queued, after a failure."""
        if self._flight is not None:
            self._flight.drop()

    def enter_context(self) -> None:
        """Put the session in the chosen context now, or raise and close it."""
        self.settle()
        wanted = self._required_context()
        if self.in_atomic_block:
            if self._begun_in not in (None, wanted):
                self._refuse_mixture(wanted)
            self._begun_in = wanted
        if wanted == self._applied:
            return
        try:
            answer = self.connection.pgconn.exec_(wanted.statement())
            if answer.status != ExecStatus.COMMAND_OK:
                raise error_from_result(answer, encoding="utf-8")
        except PsycopgError as error:
            context_errors.inc()
            self._abandon()
            raise ContextError(f"The switch to {wanted.schemas[0]} failed: {error}") from error
        self._note(wanted)

    def _note(self, applied: DatabaseContext | None) -> None:
        self._applied = applied
        if applied is not None:
            self._visited.add(applied.schemas)
        ContentType.objects.clear_cache()

    def _handle_search_path(self, cursor: Any = None) -> None:
        """Refuse a cursor without a context; replaces the library's method whole.

        The session follows when the cursor runs its first statement.
        """
        if cursor is None:
            self.enter_context()
        else:
            self._required_context()

    def _stands_in(self, wanted: DatabaseContext | None) -> bool:
        return (
            wanted is not None
            and wanted == self._applied
            and (not self.in_atomic_block or wanted == self._begun_in)
        )

    def _refuse_mixture(self, wanted: DatabaseContext) -> None:
        context_errors.inc()
        raise ContextError(
            "The tenant cannot change inside an open transaction: "
            f"{self._begun_in or chosen.get()} is open, {wanted} was asked for."
        )

    @staticmethod
    def _required_context() -> DatabaseContext:
        wanted = chosen.get()
        if wanted is None:
            context_errors.inc()
            raise ContextError(
                "No tenant context on this connection. Enter core.tenancy.in_tenant(...) or "
                "in_public() first; threads start with no context on purpose."
            )
        return wanted

    def _abandon(self) -> None:
        """Close the session of a failed switch, so that it can never serve the tenant before."""
        self._applied = self._flight = None
        session, self.connection = self.connection, None
        if session is not None:
            session.close()
        if self.in_atomic_block:
            self.closed_in_transaction = True
            self.needs_rollback = True
