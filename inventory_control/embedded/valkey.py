"""The embedded Valkey: queue bells and cache, in memory only, behind a private socket."""

from __future__ import annotations

import signal
import socket
import subprocess

from inventory_control.embedded.account import Account
from inventory_control.embedded.errors import EmbeddedError
from inventory_control.embedded.places import (
    VALKEY_SOCKET,
    Places,
    advice_for,
    server_log_tail,
)
from inventory_control.embedded.processes import (
    Steps,
    exits_within,
    reap,
    remember,
    spawn,
    stop_child,
)
from inventory_control.embedded.wheels import Programs

NAME = "valkey"
PROGRAM = "valkey-server"
STOP: Steps = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0))
READY_SECONDS = 30.0


class Valkey:
    """One Valkey server of a stack; it may vanish at any moment and no fact is lost."""

    def __init__(self, places: Places, account: Account, programs: Programs) -> None:
        self._places = places
        self._account = account
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None
        self._log = places.log(NAME)
        self._log_start = 0

    def spawn(self) -> None:
        """Start the server; `wait` tells when it answers."""
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        path = self._places.socket_dir / VALKEY_SOCKET
        path.unlink(missing_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(path),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            "dir": str(self._places.valkey),
        }
        arguments = [str(self._programs.valkey_server)]
        for name, value in options.items():
            arguments += [f"--{name}", value]
        self._process = spawn(
            arguments,
            account=self._account,
            log=self._log,
            folder=self._places.valkey,
            at_death=signal.SIGTERM,
        )
        remember(self._places.record(NAME), self._process.pid)

    def wait(self) -> None:
        """Wait until the server answers.

        Raises EmbeddedError with the end of its log when it ends or does not answer.
        """
        waited = 0.0
        while not answers(self._places):
            if self._process is None or exits_within(self._process, 0.02):
                raise self._failure("Valkey did not start")
            waited += 0.02
            if waited > READY_SECONDS:
                raise self._failure(f"Valkey did not answer within {READY_SECONDS:.0f} s")

    def check(self) -> None:
        """Raise EmbeddedError when the server has ended by itself."""
        if self._process is None or self._process.poll() is not None:
            raise self._failure("Valkey has ended")

    def crash(self) -> None:
        """End the server at once with everything it held, as a power cut would; for drills."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End the server; what it held in memory is gone, by design."""
        if self._process is not None:
            stop_child(self._process, STOP)
            self._process = None
            self._places.record(NAME).unlink(missing_ok=True)

    def _failure(self, what: str) -> EmbeddedError:
        tail = server_log_tail(self._log, self._log_start)
        advice = advice_for(tail, self._places.data_dir)
        return EmbeddedError(f"{what}. The end of {self._log}:\n{tail}\n{advice}")


def end_left_over(places: Places) -> list[int]:
    """End what a killed launcher left behind; returns the ids of the ended processes."""
    return reap(PROGRAM, places.valkey, places.record(NAME), STOP)


def answers(places: Places) -> bool:
    """Whether a Valkey server answers PING at the stack's socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.settimeout(2.0)
            connection.connect(str(places.socket_dir / VALKEY_SOCKET))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
