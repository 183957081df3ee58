"""Statements that travel together: prepared, queued, and answered in one exchange.

Django binds parameters in the client and prepares nothing, and the driver's own pipeline waits
once per statement. A posting of one event runs six short statements; parsing and waiting for them
one by one costs more than posting. A flight speaks libpq's pipeline mode directly: statements are
prepared once per session, queued without a wait, and land together.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, PipelineStatus, TransactionStatus
from psycopg.types.datetime import TimestamptzLoader
from psycopg.waiting import Ready, Wait

Values = Sequence[bytes | None]
Row = tuple[Any, ...]
_ANSWERS = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})


class Asked:
    """The rows of a statement that was queued; reading them lands the flight."""

    __slots__ = ("_flight", "_rows")

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._rows: list[Row] | None = None

    def rows(self) -> list[Row]:
        """The rows; waits for every statement queued so far. Raises what any of them raised."""
        if self._rows is None:
            self._flight.land()
        if self._rows is None:
            raise psycopg.InterfaceError("The statement was not run: one before it failed.")
        return self._rows

    def _take(self, rows: list[Row]) -> None:
        self._rows = rows


class _Readers:
    """How values are read: as Django's session reads them, but moments by the driver's own reader.

    Django's is written in Python and costs more than anything else of a row; both give UTC, the
    time zone of every session.
    """

    def __init__(self, session: psycopg.Connection[Any]) -> None:
        self.connection = session
        self.adapters = AdaptersMap(session.adapters)
        self.adapters.register_loader("timestamptz", TimestamptzLoader)


class Flight:
    """What is queued on one session; reused for as long as the session lives."""

    def __init__(self, session: psycopg.Connection[Any]) -> None:
        self._session = session
        self._libpq = session.pgconn
        self._reader = Transformer.from_context(_Readers(session))
        self._names: dict[bytes, bytes] = {}
        self._named = 0
        self._new: list[bytes] = []
        self._queued: list[Asked | None] = []

    def ask(self, statement: bytes, values: Values) -> Asked:
        """Queue a prepared statement, behind BEGIN when the session is to be in a transaction."""
        if not self._queued:
            self._libpq.enter_pipeline_mode()
            if (
                not self._session.autocommit
                and self._libpq.transaction_status == TransactionStatus.IDLE
            ):
                self._command(b"BEGIN")
        name = self._names.get(statement)
        if name is None:
            self._named += 1
            name = self._names[statement] = b"ic_%d" % self._named
            self._new.append(statement)
            self._libpq.send_prepare(name, statement)
            self._queued.append(None)
        self._libpq.send_query_prepared(name, values)
        asked = Asked(self)
        self._queued.append(asked)
        return asked

    def commit(self) -> None:
        """Queue the commit behind everything else, so that it costs no exchange of its own."""
        if not self._queued:
            self._libpq.enter_pipeline_mode()
        self._command(b"COMMIT")

    def land(self) -> None:
        """Send what is queued, wait for all of it, and raise the first error there was."""
        if not self._queued:
            return
        queued, self._queued = self._queued, []
        new, self._new = self._new, []
        failed = True
        try:
            self._libpq.pipeline_sync()
            results = self._session.wait(_landing(self._libpq, len(queued)))
            self._libpq.exit_pipeline_mode()
            for asked, result in zip(queued, results, strict=True):
                if result.status not in _ANSWERS:
                    raise error_from_result(result, encoding="utf-8")
                if asked is not None:
                    self._reader.set_pgresult(result)
                    asked._take(self._reader.load_rows(0, result.ntuples, tuple))
            failed = False
        finally:
            if failed:
                # What was to be prepared behind the failure was not; it gets a new name.
                for statement in new:
                    self._names.pop(statement, None)
            if self._libpq.pipeline_status != PipelineStatus.OFF:
                # Answers are under way that nobody will read.
                self._session.close()

    def drop(self) -> None:
        """Let go of what is queued after a failure: it lands, and nobody looks."""
        with suppress(psycopg.Error):
            self.land()

    def _command(self, statement: bytes) -> None:
        self._libpq.send_query_params(statement, None)
        self._queued.append(None)


def bound(
    parameters: Mapping[Any, Any] | Sequence[Any], names: Sequence[Any]
) -> list[bytes | None]:
    """Parameters in the server's text form, in the order a statement names them."""
    return [_text_of(parameters[name]) for name in names]


def _text_of(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        if "\0" in value:
            raise psycopg.DataError("Text cannot hold a NUL character.")
        return value.encode()
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, date):
        return value.isoformat().encode()
    if isinstance(value, int | float | Decimal | UUID):
        return str(value).encode()
    if isinstance(value, bytes | memoryview):
        return b"\\x" + bytes(value).hex().encode()
    raise TypeError(f"A {type(value).__name__} has no text form here; cast it in core.sql first.")


def _landing(libpq: Any, expected: int) -> Generator[Wait, Ready | int, list[Any]]:
    """The driver's waiting protocol: yield what to wait for, be sent what is ready."""
    results: list[Any] = []
    last = None
    while libpq.flush():
        ready = yield Wait.RW
        if ready & Ready.R:
            libpq.consume_input()
    while True:
        while libpq.is_busy():
            yield Wait.R
            libpq.consume_input()
        result = libpq.get_result()
        if result is None:
            results.append(last)
            last = None
        elif result.status == ExecStatus.PIPELINE_SYNC:
            break
        else:
            last = result
    if len(results) != expected:
        raise psycopg.InterfaceError(f"{len(results)} answers to {expected} statements.")
    return results
