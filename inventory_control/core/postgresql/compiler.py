"""Django's SQL compilers, each refusing a query that was built in another tenant."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import compiler as postgresql
from django.db.models.sql import compiler

from inventory_control.core.postgresql.base import ContextError
from inventory_control.core.telemetry import context_errors

NO_TENANT = "no tenant"
"""The stamp of a queryset built outside any context, such as in a module-level variable."""


class Guarded:
    """Checks the stamp of `core.tenancy.TenantQuerySet` before any statement runs."""

    query: Any
    connection: Any

    def execute_sql(self, *args: Any, **kwargs: Any) -> Any:
        """Run the statement; raises `ContextError` when the query belongs to another tenant."""
        built_in = getattr(self.query, "ic_built_in", None)
        if built_in is not None and built_in != (self.connection.schema_name or NO_TENANT):
            context_errors.inc()
            raise ContextError(f"A queryset built in {built_in} cannot run in another tenant.")
        return super().execute_sql(*args, **kwargs)  # type: ignore[misc]


class SQLCompiler(Guarded, postgresql.SQLCompiler):
    """SELECT."""


class SQLInsertCompiler(Guarded, postgresql.SQLInsertCompiler):
    """INSERT."""


class SQLDeleteCompiler(Guarded, compiler.SQLDeleteCompiler):
    """DELETE."""


class SQLUpdateCompiler(Guarded, compiler.SQLUpdateCompiler):
    """UPDATE."""


class SQLAggregateCompiler(Guarded, compiler.SQLAggregateCompiler):
    """Aggregates over a subquery."""
