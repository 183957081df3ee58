"""Correlation ids, structured logs and counters; the only place that knows the exporter."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any
from uuid import uuid4

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from inventory_control.core.clock import real_now

_correlation: ContextVar[str] = ContextVar("correlation_id", default="")
_tenant_label: list[Callable[[], str]] = []

registry = CollectorRegistry()

events_posted = Counter(
    "ic_events_posted", "Events posted on the ledger.", ["tenant"], registry=registry
)
events_refused = Counter(
    "ic_events_refused", "Rows refused on the way in.", ["tenant", "code"], registry=registry
)
context_errors = Counter(
    "ic_context_errors",
    "Statements stopped because tenant context was missing or wrong.",
    registry=registry,
)
security_events = Counter(
    "ic_security_events", "Denials and failed sign-ins.", ["tenant", "kind"], registry=registry
)
bells_unheard = Counter(
    "ic_bells_unheard", "Bells the broker did not take; the sweep covers them.", registry=registry
)
request_seconds = Histogram(
    "ic_request_seconds", "HTTP requests.", ["view", "method", "status"], registry=registry
)
stage_seconds = Histogram(
    "ic_stage_seconds", "One look of a stage.", ["tenant", "stage"], registry=registry
)
push_seconds = Histogram(
    "ic_push_seconds",
    "From the posting behind a figure to its acknowledgement by the channel.",
    ["tenant", "channel"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300),
    registry=registry,
)


def metrics_page(gauges: Collector) -> bytes:
    """All series in the exposition format: those this product counts and `gauges`, read now.

    With PROMETHEUS_MULTIPROC_DIR set, the counters and timings of every process that shares the
    folder; otherwise only those of the process that answers.
    """
    read = CollectorRegistry()
    read.register(gauges)
    counted = registry
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return generate_latest(counted) + generate_latest(read)


def correlation_id() -> str:
    """The id that ties together everything one cause set off; made up when there is none yet."""
    current = _correlation.get()
    if not current:
        current = uuid4().hex
        _correlation.set(current)
    return current


@contextmanager
def correlated(value: str | None) -> Iterator[str]:
    """Run a block under a correlation id; None starts a new one."""
    token = _correlation.set(value or uuid4().hex)
    try:
        yield _correlation.get()
    finally:
        _correlation.reset(token)


def label_with(read: Callable[[], str]) -> None:
    """Tell this module how the present tenant is named; `core.tenancy` does so when loaded."""
    _tenant_label[:] = [read]


def tenant_label() -> str:
    """The tenant of the present context, as metrics and logs name it; `-` outside of one."""
    return (_tenant_label[0]() if _tenant_label else "") or "-"


def _stamp(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    event.setdefault("tenant", tenant_label())
    event.setdefault("correlation_id", _correlation.get() or "-")
    return event


@lru_cache(maxsize=10_000)
def _timed(view: str, method: str, status: str) -> Histogram:
    return request_seconds.labels(view=view, method=method, status=status)


def _line(event: Mapping[str, Any], **_options: object) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


def configure_logging() -> None:
    """Send every log line out as JSON with tenant and correlation id; called once by settings."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _stamp,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_line),
        ],
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=True,
    )


def log(name: str) -> structlog.stdlib.BoundLogger:
    """A structured logger; every line carries tenant and correlation id."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(logger_name=name)
    return logger


def note_answer(
    *, tenant: str, view: str, method: str, status: int, seconds: float, is_logged: bool = True
) -> None:
    """Time an answered request, and log it as `request.answered`.

    Written as `configure_logging` would, without its processors: every till's request passes here.
    """
    _timed(view, method, str(status)).observe(seconds)
    if not is_logged:
        return
    line = {
        "tenant": tenant,
        "method": method,
        "view": view,
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        "event": "request.answered",
        "correlation_id": _correlation.get() or "-",
        "level": "info",
        "timestamp": real_now(),
    }
    sys.stdout.write(_line(line) + "\n")
    sys.stdout.flush()


def security_log(kind: str, **facts: object) -> None:
    """Record a denial or a failed sign-in where a tenant's admin and the partner can see it."""
    security_events.labels(tenant=tenant_label(), kind=kind).inc()
    log("security").warning(kind, **facts)
