"""The command line of the embedded servers: start, stop, status, reset, url."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from inventory_control.embedded.errors import EmbeddedError
from inventory_control.embedded.lock import owner_of
from inventory_control.embedded.places import Endpoints, default_data_dir, places_of
from inventory_control.embedded.processes import wait_for_exit
from inventory_control.embedded.stack import (
    CHECKOUT,
    EmbeddedStack,
    discard,
    end_orphans,
    endpoints_of,
    status_of,
)

STOP_SECONDS = 100.0


def start(data_dir: Path, options: argparse.Namespace) -> int:
    """Start a stack in the background, owned by a process that runs until `stop`."""
    status = status_of(data_dir)
    if status.is_complete:
        _say(f"Already running, owned by process {status.owner}.")
        return 0
    if status.owner is not None:
        raise EmbeddedError(
            f"Process {status.owner} owns the stack, but not every server runs (see `status`). "
            "Run `stop`, then `start`."
        )
    text, pid = _run_keeper(data_dir)
    error = json.loads(text).get("error")
    if error is not None:
        raise EmbeddedError(error)
    _say(f"Started in {data_dir}, owned by process {pid}.")
    return 0


def keep(data_dir: Path, options: argparse.Namespace) -> int:
    """Own a stack until a signal ends this process; reports once how the start went."""
    try:
        with EmbeddedStack(data_dir):
            _report(options.report_to, {"data_dir": str(data_dir)})
            while True:
                signal.pause()
    except EmbeddedError as error:
        _report(options.report_to, {"error": str(error)})
        return 1


def stop(data_dir: Path, options: argparse.Namespace) -> int:
    """End a stack by asking its owner; without an owner, end what was left behind."""
    owner = owner_of(places_of(data_dir).lock)
    if owner is None:
        ended = end_orphans(data_dir)
        _say(f"Ended {len(ended)} left over processes." if ended else "Not running.")
        return 0
    os.kill(owner.pid, signal.SIGTERM)
    if not wait_for_exit(owner, STOP_SECONDS):
        raise EmbeddedError(f"Process {owner.pid} has not ended within {STOP_SECONDS:.0f} s.")
    _say("Stopped.")
    return 0


def status(data_dir: Path, options: argparse.Namespace) -> int:
    """Print what runs; exit status 0 when all does, 1 when a part does, 3 when nothing does."""
    found = status_of(data_dir)
    places = places_of(data_dir)
    parts = {"owner": found.owner, "postgres": found.postgres, "valkey": found.valkey}
    for name, pid in parts.items():
        log = "" if pid or name == "owner" else f" (log: {places.log(name)})"
        _say(f"{name + ':':10}{f'running, process {pid}' if pid else f'down{log}'}")
    _say(f"data:     {places.data_dir}\nsockets:  {places.socket_dir}")
    if found.is_complete:
        return 0
    return 1 if any(parts.values()) else 3


def url(data_dir: Path, options: argparse.Namespace) -> int:
    """Print the addresses of the running servers as shell exports."""
    _say(exports(endpoints_of(data_dir)))
    return 0


def reset(data_dir: Path, options: argparse.Namespace) -> int:
    """Discard all data of a stack that does not run."""
    if status_of(data_dir).owner is not None:
        raise EmbeddedError(f"The stack in {data_dir} runs. Stop it first.")
    if not options.yes:
        question = f"Discard all data in {data_dir}? Type yes: "
        if not sys.stdin.isatty() or input(question).strip() != "yes":
            raise EmbeddedError("Nothing was removed. Confirm with --yes.")
    discard(data_dir)
    _say(f"Discarded the data in {data_dir}.")
    return 0


def exports(endpoints: Endpoints) -> str:
    """The addresses as lines for a shell to read."""
    values = {
        "DATABASE_BOOTSTRAP_URL": endpoints.database_url,
        "REDIS_URL": endpoints.redis_url,
        "BROKER_URL": endpoints.broker_url,
    }
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())


Command = Callable[[Path, argparse.Namespace], int]
COMMANDS: dict[str, Command] = {
    "start": start,
    "stop": stop,
    "status": status,
    "reset": reset,
    "url": url,
    "keep": keep,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; an EmbeddedError becomes one message and exit status 1."""
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    parser.add_argument("command", choices=COMMANDS, metavar="start|stop|status|reset|url")
    parser.add_argument("--data-dir", type=Path, help="instead of IC_DATA_DIR or the default")
    parser.add_argument("--yes", action="store_true", help="reset without asking")
    parser.add_argument("--report-to", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    data_dir = places_of(options.data_dir or default_data_dir(CHECKOUT)).data_dir
    try:
        return COMMANDS[options.command](data_dir, options)
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _run_keeper(data_dir: Path) -> tuple[str, int]:
    """Start the process that owns a stack in the background; its report and its id."""
    reader, writer = os.pipe()
    with tempfile.TemporaryFile() as errors:
        keeper = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "inventory_control.embedded",
                "keep",
                f"--data-dir={data_dir}",
                f"--report-to={writer}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            cwd=CHECKOUT,
            pass_fds=(writer,),
            start_new_session=True,
        )
        os.close(writer)
        with os.fdopen(reader) as answer:
            report = answer.read()
        if not report:
            keeper.wait()
            errors.seek(0)
            raise EmbeddedError(
                "The process that keeps the stack ended early:\n"
                + errors.read().decode(errors="replace")
            )
    return report, keeper.pid


def _report(handle: int | None, content: dict[str, str]) -> None:
    if handle is not None:
        with os.fdopen(handle, "w") as pipe:
            pipe.write(json.dumps(content))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
