"""Server processes: start one tied to its launcher, recognise it later, end it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from inventory_control.embedded.account import Account
from inventory_control.embedded.places import write_private

PR_SET_PDEATHSIG = 1
# A signal and the seconds to wait for its effect, in order of severity.
Steps = tuple[tuple[signal.Signals, float], ...]


@dataclass(frozen=True)
class Running:
    """A process and when it started, which together are never reused."""

    pid: int
    started: str


def identify(pid: int) -> Running | None:
    """The process that has this id now; None when there is none, or only its remains."""
    if sys.platform == "linux":
        fields = _proc_stat(pid)
        return Running(pid, _started(fields)) if fields and fields[0] not in "ZX" else None
    shown = subprocess.run(
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)],
        check=False,
        capture_output=True,
        text=True,
    ).stdout.split(maxsplit=1)
    return Running(pid, shown[1].strip()) if shown and not shown[0].startswith("Z") else None


def is_running(process: Running | None) -> bool:
    """Whether exactly this process, not a later one with its id, still runs."""
    return process is not None and identify(process.pid) == process


def remember(path: Path, pid: int) -> None:
    """Write which process a server is, so that a later start can recognise it."""
    process = identify(pid)
    if process is not None:
        write_private(path, json.dumps({"pid": process.pid, "started": process.started}))


def recall(path: Path) -> Running | None:
    """The process that `remember` wrote; None when there is none or the file is damaged."""
    try:
        content = json.loads(path.read_text())
        return Running(int(content["pid"]), str(content["started"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def spawn(
    arguments: Sequence[str],
    *,
    account: Account,
    log: Path,
    folder: Path,
    at_death: signal.Signals,
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, its output appended to `log`.

    Its own session keeps the terminal's Ctrl-C from it. On Linux it receives `at_death` when the
    launcher dies for any reason; the kernel ties that to the starting thread, so a start from
    another thread than the main one goes without, and the next start reaps.
    """
    tied = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
    with log.open("ab") as output:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=child_environment(),
            umask=0o077,
            start_new_session=True,
            preexec_fn=_die_with(os.getpid(), at_death) if tied else None,
            **account.popen_arguments(),
        )


def child_environment() -> dict[str, str]:
    """The environment of the servers: nothing of ours steers them (PGDATA, PGPORT, LANG)."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def exits_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the end of an own child, at most `seconds`."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def stop_child(process: subprocess.Popen[bytes], steps: Steps) -> None:
    """End an own child by signals of rising severity; children of other users too."""
    for sign, seconds in steps:
        process.send_signal(sign)
        if exits_within(process, seconds):
            return


def wait_for_exit(process: Running, seconds: float) -> bool:
    """Wait for the end of any process, at most `seconds`; True when it has ended."""
    handle = _process_handle(process.pid)
    if handle is not None:
        try:
            # Also when the first thread is a zombie already: the others may still hold sockets.
            fields = _proc_stat(process.pid)
            if not fields or _started(fields) != process.started:
                return True
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            return bool(poll.poll(seconds * 1000))
        finally:
            os.close(handle)
    waited = 0.0
    pause = threading.Event()
    while is_running(process) and waited < seconds:
        pause.wait(0.05)
        waited += 0.05
    return not is_running(process)


def reap(program: str, folder: Path, record: Path, steps: Steps) -> list[int]:
    """End what an earlier launcher left of a server; returns the ids of the ended processes.

    Ended is the recorded process if its start matches too, and on Linux every process of that
    name whose working folder is the server's own: that finds sessions of a killed database, and
    a server whose launcher died before it could write the record. A stranger that got a reused
    process id has neither.
    """
    ended: list[int] = []
    for sign, seconds in steps:
        survivors = _survivors(program, folder, record)
        parents = {process.pid for process in survivors}
        leaders = [process for process in survivors if _parent_of(process.pid) not in parents]
        if not leaders:
            break
        for process in leaders:
            _send(process, sign)
        for process in leaders:
            if wait_for_exit(process, seconds):
                ended.append(process.pid)
    record.unlink(missing_ok=True)
    return ended


def _send(process: Running, sign: signal.Signals) -> None:
    if is_running(process):
        try:
            os.kill(process.pid, sign)
        except ProcessLookupError:
            return


def _survivors(program: str, folder: Path, record: Path) -> list[Running]:
    recorded = recall(record)
    found = {recorded} if recorded is not None and is_running(recorded) else set()
    if sys.platform == "linux":
        homes = {str(folder), f"{folder} (deleted)"}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                name = (entry / "comm").read_text().strip()
                if name == program and os.readlink(entry / "cwd") in homes:
                    process = identify(int(entry.name))
                    found |= {process} if process is not None else set()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return sorted(found, key=lambda process: process.pid)


def _process_handle(pid: int) -> int | None:
    """A handle that tells the end of a process; None where the kernel offers or permits none."""
    if sys.platform == "linux" and hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            return os.pidfd_open(pid)
    return None


def _parent_of(pid: int) -> int:
    fields = _proc_stat(pid)
    return int(fields[1]) if fields else 0


def _proc_stat(pid: int) -> list[str]:
    """The fields of proc_pid_stat(5) behind the name, from the third (state) on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _started(fields: list[str]) -> str:
    """Field 22, the start in ticks since boot, with the boot it counts from."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{fields[19]}"


def _die_with(launcher: int, sign: signal.Signals) -> Callable[[], None]:
    set_process_option = ctypes.CDLL(None, use_errno=True).prctl

    def tie() -> None:
        # The launcher may have died between fork and here; then nobody would send the signal.
        if set_process_option(PR_SET_PDEATHSIG, int(sign), 0, 0, 0) or os.getppid() != launcher:
            os._exit(125)

    return tie
