"""Product time: the only place that reads the clock (decision D17)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from datetime import UTC, datetime, timedelta

_offset: ContextVar[timedelta] = ContextVar("clock_offset", default=timedelta())
_frozen: ContextVar[datetime | None] = ContextVar("clock_frozen", default=None)


def now() -> datetime:
    """The present moment of the current tenant, UTC.

    Real time plus the tenant's offset; only sandbox tenants can have one, so everywhere else
    this is real time. SQL receives it as a parameter.
    """
    frozen = _frozen.get()
    if frozen is not None:
        return frozen
    return real_now() + _offset.get()


def real_now() -> datetime:
    """Wall-clock time, for leases, attempts, token and session expiry only."""
    return datetime.now(UTC)


def is_ahead() -> bool:
    """Whether a sandbox's product time rules here."""
    return bool(_offset.get())


def begin_offset(offset: timedelta) -> Token[timedelta]:
    """Live in a tenant's product time from now on; `core.tenancy` is the only caller."""
    return _offset.set(offset)


def end_offset(token: Token[timedelta]) -> None:
    """Go back to the time there was before."""
    _offset.reset(token)


@contextmanager
def frozen_at(moment: datetime) -> Iterator[None]:
    """Hold product time still for a block, so that one step of a sandbox clock has one now."""
    token = _frozen.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _frozen.reset(token)
