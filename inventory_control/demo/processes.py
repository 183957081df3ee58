"""The processes of the running product: each in a group of its own, with a log, tied to us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from inventory_control.core.errors import DomainError
from inventory_control.demo.places import Folder
from inventory_control.embedded.processes import (
    PR_SET_PDEATHSIG,
    exits_within,
    identify,
    is_running,
    recall,
    remember,
    wait_for_exit,
)

CHECKOUT = Path(__file__).resolve().parents[2]
LAUNCHER = "launcher.process"
ORDERLY_S = 12.0
LEFT_OVER_S = 3.0
FORCED_S = 5.0
KEPT_LOG_BYTES = 8 * 1024**2


class ProcessEndedError(DomainError):
    """A process of the product ended by itself; the message shows the end of its log."""

    code = "process_ended"
    status = 503


class Process:
    """One process that the launcher started and ends."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Folder,
    ) -> None:
        self.name = name
        self.log = folder.logs / f"{name}.log"
        self._arguments = list(arguments)
        self._environment = dict(environment)
        self._record = folder.record(name)
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The id of the process; it also names its group."""
        if self._process is None:
            raise ProcessEndedError(f"{self.name} does not run.")
        return self._process.pid

    def start(self) -> None:
        """Start it."""
        if self.log.exists() and self.log.stat().st_size > KEPT_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        tied = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=CHECKOUT,
                env=self._environment,
                umask=0o077,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()) if tied else None,
            )
        remember(self._record, self._process.pid)

    def check(self) -> None:
        """Raise `ProcessEndedError` with the end of the log when it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise ProcessEndedError(
                f"{self.name} ended with status {self._process.returncode}. "
                f"The end of {self.log}:\n{self.log_tail()}"
            )

    def kill(self) -> None:
        """End the whole group at once, as a crash would; for drills."""
        _send(self.pid, signal.SIGKILL)
        exits_within(self._started(), FORCED_S)

    def ask_to_end(self) -> None:
        """Ask for an orderly end without waiting for it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """End it: orderly if it does so in time, and then whatever is left of its group."""
        if self._process is None:
            return
        self.ask_to_end()
        exits_within(self._process, ORDERLY_S)
        _send(self._process.pid, signal.SIGKILL)
        exits_within(self._process, FORCED_S)
        self._process = None
        self._record.unlink(missing_ok=True)

    def log_tail(self, lines: int = 15) -> str:
        """The last lines it has logged since it was started."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ProcessEndedError(f"{self.name} does not run.")
        return self._process


def end_left_overs(root: Path) -> None:
    """End what a killed launcher left running; nothing when that launcher still runs.

    A web server that is told to end while it starts may miss it, so its whole group is ended.
    """
    if is_running(recall(root / LAUNCHER)):
        return
    for record in root.glob("*.process"):
        left_over = recall(record)
        for sign, seconds in ((signal.SIGTERM, LEFT_OVER_S), (signal.SIGKILL, FORCED_S)):
            if left_over is not None and identify(left_over.pid) == left_over:
                _send(left_over.pid, sign)
                wait_for_exit(left_over, seconds)
        record.unlink(missing_ok=True)


def stop_all(processes: Sequence[Process]) -> None:
    """Ask all to end, then wait for each, so that they end side by side."""
    for process in processes:
        process.ask_to_end()
    for process in processes:
        process.stop()


def _send(group: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, sign)


def _die_with(launcher: int) -> Callable[[], None]:
    """Have the kernel send SIGTERM when the launcher dies for any reason."""
    set_process_option = ctypes.CDLL(None, use_errno=True).prctl

    def tie() -> None:
        # The launcher may have died between fork and here; then nobody would send the signal.
        if (
            set_process_option(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
            or os.getppid() != launcher
        ):
            os._exit(125)

    return tie
