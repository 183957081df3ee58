"""Tenant context: the only door to switching schema and role, and the task class that uses it.

A tenant is a schema and a database role, set together in one statement (decision D6). Nothing
here falls back: without a context no statement runs, and a queryset or a row taken from one
tenant refuses to run in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Token
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Self
from uuid import UUID

import psycopg
from celery import Task
from django.conf import settings
from django.core.signing import Signer
from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from inventory_control.core import clock
from inventory_control.core.postgresql.base import (
    ContextError,
    DatabaseContext,
    DatabaseWrapper,
    chosen,
)
from inventory_control.core.postgresql.compiler import NO_TENANT
from inventory_control.core.sql import hot
from inventory_control.core.telemetry import context_errors, correlated, label_with

PUBLIC = "public"
_NO_LEAD = timedelta()
LOGIN_ROLES = {"app": "t", "ai": "a"}
"""Login -> prefix of the tenant role it takes on; other logins act as themselves."""


@dataclass(frozen=True, slots=True)
class TenantRef:
    """All a process needs to enter a tenant; small, immutable, safe to cache.

    `label` is the short name used in logs and metrics, `is_sandbox` says whether product time
    may differ from real time.
    """

    id: UUID
    schema_name: str
    label: str
    is_sandbox: bool
    is_open: bool

    @property
    def audit_schema(self) -> str:
        """Where this tenant's audit log lives, owned by a role nobody holds."""
        return f"{self.schema_name}_audit"

    def role(self, login: str, database_oid: int) -> str | None:
        """The database role a login takes on for this tenant (decision D16)."""
        prefix = LOGIN_ROLES.get(login)
        return None if prefix is None else f"{prefix}_{self.id.hex}_{database_oid}"


class UnknownTenantError(ContextError):
    """There is no open tenant of that id; the work was not done."""


_PUBLIC = DatabaseContext(schemas=(PUBLIC,), role=None)
_PUBLIC_AS_OWNER = DatabaseContext(schemas=(PUBLIC,), role="ic_owner")
_directory: list[Callable[[UUID], TenantRef | None]] = []
_database_oids: dict[str, int] = {}
_contexts: dict[str, tuple[TenantRef, str, DatabaseContext]] = {}
"""The context of each tenant by its schema, with the value and the login it was made of."""
_shared: list[Any] = []
"""Sessions no thread uses at the moment, the one used last at the end."""


def use_directory(find: Callable[[UUID], TenantRef | None]) -> None:
    """Tell this module how an id becomes a tenant; the tenants app does so when it is ready."""
    _directory[:] = [find]


def find_tenant(tenant_id: UUID) -> TenantRef:
    """The open tenant of that id; raises `UnknownTenantError` rather than guessing."""
    found = _directory[0](tenant_id) if _directory else None
    if found is None or not found.is_open:
        context_errors.inc()
        raise UnknownTenantError(f"Tenant {tenant_id} is unknown or closed.")
    return found


def current_tenant() -> TenantRef:
    """The tenant of the present context; raises `ContextError` when there is none."""
    tenant = _tenant()
    if tenant is None:
        context_errors.inc()
        raise ContextError("No tenant context here.")
    return tenant


class in_tenant:
    """Run a block inside a tenant: schema, role, product time, log labels.

    Nesting the same tenant is free; another tenant inside an open transaction raises
    `ContextError`. On the way out everything is as it was before. No session is touched before a
    statement needs one. A class, because every request passes here and a generator costs twice
    as much.
    """

    __slots__ = ("_chosen", "_offset", "_tenant")

    def __init__(self, tenant: TenantRef) -> None:
        self._tenant = tenant
        self._offset: Token[timedelta] | None = None

    def __enter__(self) -> TenantRef:
        tenant = self._tenant
        settings = connections.settings[DEFAULT_DB_ALIAS]
        known = _contexts.get(tenant.schema_name)
        if known is not None and known[0] is tenant and known[1] is settings["IC_LOGIN"]:
            context = known[2]
        else:
            context = _context_of(tenant)
            _contexts[tenant.schema_name] = (tenant, settings["IC_LOGIN"], context)
        before = chosen.get()
        if before is not None and before != context:
            _wrapper().refuse_switch(context)
        self._chosen = chosen.set(context)
        if tenant.is_sandbox or (before is not None and clock.is_ahead()):
            try:
                self._offset = clock.begin_offset(_offset_of(tenant))
            except BaseException:
                self.__exit__()
                raise
        return tenant

    def __exit__(self, *_: object) -> None:
        if self._offset is not None:
            clock.end_offset(self._offset)
        chosen.reset(self._chosen)


@contextmanager
def in_public() -> Iterator[None]:
    """Run a block on the shared tables (partners, tenants, domains); no tenant data in reach."""
    context = _PUBLIC_AS_OWNER if _login() == "owner" else _PUBLIC
    _wrapper().refuse_switch(context)
    token = chosen.set(context)
    try:
        yield
    finally:
        chosen.reset(token)


@contextmanager
def on_shared_session() -> Iterator[None]:
    """Run a block on a session of the process instead of the thread's own, in the same context.

    For work that threads do in turns: the session used last is the warm one, while eight that
    take turns all go cold between them. Tills are behind such work, so the session plans by probes
    (`core.sql.probe_only`). Raises `ContextError` inside an open transaction, which the block would
    not be part of.
    """
    own = _wrapper()
    if own.in_atomic_block:
        context_errors.inc()
        raise ContextError("A shared session cannot take part in this thread's transaction.")
    shared: Any
    try:
        shared = _shared.pop()
        shared.close_if_unusable_or_obsolete()
    except IndexError:
        shared = connections.create_connection(DEFAULT_DB_ALIAS)
        shared.is_probing = True
        shared.inc_thread_sharing()
    connections[DEFAULT_DB_ALIAS] = shared
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = own
        _shared.append(shared)


@contextmanager
def raw_connection(tenant: TenantRef) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A psycopg connection outside Django, for COPY, pointed at a tenant and reset on return."""
    wrapper = _wrapper()
    context = _context_of(tenant)
    parameters = wrapper.get_connection_params()
    for django_only in ("cursor_factory", "context"):
        parameters.pop(django_only, None)
    with psycopg.connect(**parameters) as session:
        session.execute(context.statement())
        session.commit()
        try:
            yield session
        finally:
            session.rollback()
            session.execute("RESET ALL; RESET ROLE")
            session.commit()


def refuse_transaction_pooler() -> None:
    """Refuse to start behind a pooler that moves a session between backends.

    Two statements of one session must meet one backend and its settings; otherwise a tenant's
    role could be served to another tenant. Raises `ContextError`.
    """
    with in_public(), connection.cursor() as first, raw_probe() as second:
        for probe in range(5):
            first.execute("SELECT set_config('ic.probe', %s, false)", [f"first-{probe}"])
            second.execute("SELECT set_config('ic.probe', %s, false)", [f"second-{probe}"])
            first.execute("SELECT current_setting('ic.probe', true)")
            if first.fetchone() != (f"first-{probe}",):
                raise ContextError(
                    "DATABASE_URL leads through a transaction pooler. Connect directly or in "
                    "session mode."
                )


@contextmanager
def raw_probe() -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A second plain session beside Django's, for the pooler check."""
    parameters = _wrapper().get_connection_params()
    for django_only in ("cursor_factory", "context"):
        parameters.pop(django_only, None)
    with psycopg.connect(**parameters, autocommit=True) as session:
        yield session


def cache_key(key: str, prefix: str, version: int) -> str:
    """Django's cache KEY_FUNCTION: every key carries its tenant; without one it raises."""
    tenant = _tenant()
    if tenant is not None:
        return f"{prefix}:{tenant.id.hex}:{version}:{key}"
    if _schema_of_thread() == PUBLIC:
        return f"{prefix}:{PUBLIC}:{version}:{key}"
    context_errors.inc()
    raise ContextError(f"No tenant context for the cache key {key!r}.")


def tenant_signer(purpose: str) -> Signer:
    """A signer whose key is derived for the current tenant: its tokens are worthless elsewhere."""
    return Signer(key=f"{settings.SECRET_KEY}:{current_tenant().id.hex}", salt=purpose)


class TenantTask(Task):
    """A Celery task that opens its tenant itself and fails when it cannot (decision D6).

    The tenant travels twice, as the first argument and in the `ic_tenant` header, and both must
    agree; a signal handler that fails would let the body run, a `__call__` that fails does not.
    """

    abstract = True

    def __call__(self, tenant_id: str = "", *args: Any, **kwargs: Any) -> Any:
        header = (self.request.headers or {}).get("ic_tenant") or self.request.get("ic_tenant")
        if not tenant_id or header != tenant_id:
            context_errors.inc()
            raise ContextError(f"Task {self.name}: header says {header}, argument {tenant_id}.")
        correlation = self.request.get("ic_correlation")
        with correlated(correlation), in_tenant(find_tenant(UUID(tenant_id))):
            return super().__call__(*args, **kwargs)

    def waited(self) -> float:
        """Seconds since the moment from which the message could have been heard."""
        due = (self.request.headers or {}).get("ic_due") or self.request.get("ic_due")
        return max(0.0, clock.real_now().timestamp() - float(due)) if due else 0.0


class TenantQuerySet(models.QuerySet[Any]):
    """A queryset that runs only in the tenant it was built in; the compilers check the stamp."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if getattr(self.query, "ic_built_in", None) is None:
            self.query.ic_built_in = _schema_of_thread() or NO_TENANT  # type: ignore[attr-defined]


class TenantManager(models.Manager.from_queryset(TenantQuerySet)):  # type: ignore[misc]
    """The manager of every tenant table."""

    use_in_migrations = False


class TenantModel(models.Model):
    """A row that lives in a tenant schema and refuses to be saved in another one."""

    objects: ClassVar[Any] = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    @classmethod
    def from_db(cls, db: str | None, field_names: Any, values: Any, **kwargs: Any) -> Self:
        """Stamp the row with the tenant it was read in."""
        row = super().from_db(db, field_names, values, **kwargs)
        row._ic_tenant = _schema_of_thread()
        return row

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        """Save, unless the row came from another tenant."""
        self._refuse_foreign()
        super().save_base(*args, **kwargs)
        self._ic_tenant = _schema_of_thread()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete, unless the row came from another tenant."""
        self._refuse_foreign()
        return super().delete(*args, **kwargs)

    def _refuse_foreign(self) -> None:
        came_from = getattr(self, "_ic_tenant", None)
        if came_from is not None and came_from != _schema_of_thread():
            context_errors.inc()
            raise ContextError(f"A row of {came_from} cannot be written in another tenant.")


def _tenant() -> TenantRef | None:
    context = chosen.get()
    return None if context is None else context.tenant


def _label_of_thread() -> str:
    tenant = _tenant()
    return "" if tenant is None else tenant.label


label_with(_label_of_thread)


def _context_of(tenant: TenantRef) -> DatabaseContext:
    oid = _database_oid(connections.settings[DEFAULT_DB_ALIAS]["NAME"])
    return DatabaseContext(
        schemas=(tenant.schema_name, tenant.audit_schema),
        role=tenant.role(_login(), oid),
        tenant=tenant,
    )


def _offset_of(tenant: TenantRef) -> timedelta:
    """The sandbox's lead over real time; logins without a tenant role (the sealer) live in real time."""
    if not tenant.is_sandbox or _login() not in LOGIN_ROLES:
        return _NO_LEAD
    ((offset,),) = hot("SELECT ic_sys.clock_offset()", [])
    return _NO_LEAD if offset is None else offset


def _wrapper() -> DatabaseWrapper:
    wrapper: DatabaseWrapper = connections[DEFAULT_DB_ALIAS]  # type: ignore[assignment]
    return wrapper


def _login() -> str:
    login: str = connections.settings[DEFAULT_DB_ALIAS]["IC_LOGIN"]
    return login


def _schema_of_thread() -> str | None:
    context = chosen.get()
    return None if context is None else context.schemas[0]


def _database_oid(name: str) -> int:
    oid = _database_oids.get(name)
    if oid is None:
        with in_public(), connection.cursor() as cursor:
            cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
            oid = _database_oids[name] = cursor.fetchone()[0]
    return oid
