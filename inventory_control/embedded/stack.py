"""The stack: both servers, one owner, a clean start and a clean end."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from inventory_control.embedded import postgres, valkey
from inventory_control.embedded.account import server_account
from inventory_control.embedded.errors import EmbeddedError
from inventory_control.embedded.lock import StackLock, owner_of
from inventory_control.embedded.places import (
    Endpoints,
    advice_for,
    default_data_dir,
    places_of,
    prepare,
)
from inventory_control.embedded.processes import is_running, recall
from inventory_control.embedded.wheels import find_programs, programs_for

CHECKOUT = Path(__file__).resolve().parents[2]
KEPT_LOG_BYTES = 8 * 1024**2


@dataclass(frozen=True)
class Status:
    """What runs of a stack, seen from any process."""

    owner: int | None
    postgres: int | None
    valkey: int | None

    @property
    def is_complete(self) -> bool:
        """Whether the stack has an owner and both servers answer."""
        return None not in (self.owner, self.postgres, self.valkey)


class EmbeddedStack:
    """PostgreSQL and Valkey for one checkout, owned by the process that starts them.

    A context manager. The servers end with their owner: on `stop`, at exit, on Ctrl-C, on SIGTERM
    and, on Linux, when the owner is killed. Nothing committed is lost by any of these.
    """

    def __init__(
        self, data_dir: Path | None = None, *, settings: Mapping[str, str] | None = None
    ) -> None:
        self._places = places_of(data_dir or default_data_dir(CHECKOUT))
        self._settings = dict(settings or {})
        self._lock = StackLock(self._places.lock)
        self._postgres: postgres.Postgres | None = None
        self._valkey: valkey.Valkey | None = None
        self._endpoints: Endpoints | None = None
        self._owner = 0
        self._handles_sigterm = False

    def start(self) -> Endpoints:
        """Start both servers and return how to reach them; a second call changes nothing.

        Servers that a killed launcher left behind are ended first. Raises EmbeddedError, with
        nothing left running, when another process owns the stack, a wheel is missing, the disk
        is full, or a server fails.
        """
        if self._endpoints is not None:
            self.check()
            return self._endpoints
        try:
            with contextlib.ExitStack() as undo:
                undo.callback(self.stop)
                endpoints = self._start()
                undo.pop_all()
        except OSError as error:
            advice = advice_for(os.strerror(error.errno or 0), self._places.data_dir)
            raise EmbeddedError(
                f"The stack in {self._places.data_dir} cannot start: {error}. {advice}"
            ) from error
        self._endpoints = endpoints
        return endpoints

    def check(self) -> None:
        """Raise EmbeddedError, with the end of its log, when a server has ended by itself."""
        if self._postgres is None or self._valkey is None:
            raise EmbeddedError("The stack is not started.")
        self._postgres.check()
        self._valkey.check()

    def restart_valkey(self) -> None:
        """Crash Valkey and start it again, empty; for drills: no fact may be lost by it."""
        if self._valkey is None:
            raise EmbeddedError("The stack is not started.")
        self._valkey.crash()
        self._valkey.spawn()
        self._valkey.wait()

    def restart_postgres(self) -> None:
        """Crash PostgreSQL and start it again; for drills: nothing committed may be lost by it."""
        if self._postgres is None:
            raise EmbeddedError("The stack is not started.")
        self._postgres.crash()
        self._postgres.spawn()
        self._postgres.wait()

    def stop(self) -> None:
        """End both servers and give the stack free; harmless when they do not run.

        A process forked from the owner changes nothing. Further Ctrl-C and SIGTERM are ignored
        until the servers have ended, at most about a minute.
        """
        if self._owner != os.getpid():
            return
        with _undisturbed():
            if self._postgres is not None:
                self._postgres.signal_stop()
            if self._valkey is not None:
                self._valkey.stop()
            if self._postgres is not None:
                self._postgres.stop()
            self._postgres = self._valkey = self._endpoints = None
            self._lock.release()
            self._owner = 0
        atexit.unregister(self.stop)
        if self._handles_sigterm and _in_main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._handles_sigterm = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self) -> Endpoints:
        # First, so that a missing wheel leaves neither a folder nor a system user behind.
        find_programs()
        account = server_account()
        prepare(self._places, account)
        self._lock.acquire()
        self._owner = os.getpid()
        atexit.register(self.stop)
        self._end_on_sigterm()
        programs = programs_for(account, self._places.binaries)
        self._postgres = postgres.Postgres(self._places, account, programs, self._settings)
        self._valkey = valkey.Valkey(self._places, account, programs)
        valkey.end_left_over(self._places)
        postgres.end_left_over(self._places)
        for name in (postgres.NAME, valkey.NAME):
            _rotate(self._places.log(name))
        self._valkey.spawn()
        self._postgres.spawn()
        self._valkey.wait()
        self._postgres.wait()
        return self._places.endpoints(self._places.password.read_text())

    def _end_on_sigterm(self) -> None:
        """Turn SIGTERM into an orderly exit, unless the program handles it itself."""
        if _in_main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._handles_sigterm = True
            signal.signal(signal.SIGTERM, _exit)


def status_of(data_dir: Path) -> Status:
    """What runs of the stack in a folder; asks the servers, changes nothing."""
    places = places_of(data_dir)
    owner = owner_of(places.lock)
    servers = {
        module.NAME: process.pid
        for module in (postgres, valkey)
        if (process := recall(places.record(module.NAME)))
        and is_running(process)
        and module.answers(places)
    }
    return Status(
        owner.pid if owner else None,
        servers.get(postgres.NAME),
        servers.get(valkey.NAME),
    )


def endpoints_of(data_dir: Path) -> Endpoints:
    """How to reach the running stack in a folder. Raises EmbeddedError when it does not run."""
    places = places_of(data_dir)
    if not status_of(data_dir).is_complete:
        raise EmbeddedError(f"The stack in {places.data_dir} does not run. Start it first.")
    return places.endpoints(places.password.read_text())


def end_orphans(data_dir: Path) -> list[int]:
    """End what a killed launcher left of a stack; returns the ids of the ended processes.

    Raises EmbeddedError when the stack has an owner.
    """
    places = places_of(data_dir)
    if not places.lock.exists():
        return []
    lock = StackLock(places.lock)
    lock.acquire()
    try:
        return [*valkey.end_left_over(places), *postgres.end_left_over(places)]
    finally:
        lock.release()


def discard(data_dir: Path) -> None:
    """Remove all data of a stack that does not run; the next start makes a new one.

    Raises EmbeddedError when it runs, or when the folder is not a stack's.
    """
    places = places_of(data_dir)
    if not places.lock.exists():
        raise EmbeddedError(f"{places.data_dir} is not the folder of a stack; nothing is removed.")
    end_orphans(data_dir)
    lock = StackLock(places.lock)
    lock.acquire()
    try:
        for entry in places.data_dir.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry != places.lock:
                entry.unlink()
        shutil.rmtree(places.socket_dir, ignore_errors=True)
    finally:
        lock.release()


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > KEPT_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no second Ctrl-C or SIGTERM cut an orderly end short."""
    if not _in_main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
