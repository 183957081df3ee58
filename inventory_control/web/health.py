"""Probes: whether the process lives, and whether it can work.

PostgreSQL holds every fact: without it nothing works. Redis only rings bells: without it events are
posted and kept while the stages wait for it, which is degraded, not down.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from redis import Redis


def health(_request: HttpRequest) -> JsonResponse:
    """Alive: the process answers. Asks nobody else, so that no other fault restarts it."""
    return JsonResponse({"status": "alive"})


def ready(_request: HttpRequest) -> JsonResponse:
    """Whether each thing this process needs is there: 200 ready or degraded, 503 not ready."""
    checks = {
        "postgresql": _checked(_ask_postgresql, is_needed=True),
        "migrations": _checked(_ask_migrations, is_needed=True),
        "redis": _checked(_ask_redis, is_needed=False),
        "broker": _checked(_ask_broker, is_needed=False),
    }
    down = [name for name, check in checks.items() if not check["ok"] and check["needed"]]
    weak = [name for name, check in checks.items() if not check["ok"] and not check["needed"]]
    status = "down" if down else "degraded" if weak else "ready"
    return JsonResponse({"status": status, "checks": checks}, status=503 if down else 200)


def _checked(ask: Callable[[], None], *, is_needed: bool) -> dict[str, Any]:
    started = time.perf_counter()
    error = ""
    try:
        ask()
    except Exception as fault:  # noqa: BLE001 - a probe reports every fault instead of raising it
        error = type(fault).__name__
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    return {"ok": not error, "needed": is_needed, "milliseconds": milliseconds, "error": error}


def _ask_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_migrations() -> None:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(
        [leaf for leaf in executor.loader.graph.leaf_nodes() if leaf[0] in {"tenants", "people"}]
    )
    if plan:
        raise LookupError("the shared tables are behind the code")


def _ask_redis() -> None:
    with Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.2
    ) as session:
        session.ping()


def _ask_broker() -> None:
    with current_app.connection_for_write(connect_timeout=0.5) as broker:
        broker.ensure_connection(max_retries=1, timeout=1)
