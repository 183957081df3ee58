"""The embedded PostgreSQL: a cluster with passwords only, reached through a private socket."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from inventory_control.embedded.account import Account
from inventory_control.embedded.errors import EmbeddedError
from inventory_control.embedded.places import (
    BOOTSTRAP_ROLE,
    DATABASE,
    POSTGRES_SOCKET,
    Places,
    advice_for,
    server_log_tail,
    write_private,
)
from inventory_control.embedded.processes import (
    Steps,
    child_environment,
    exits_within,
    reap,
    remember,
    spawn,
    stop_child,
)
from inventory_control.embedded.wheels import Programs, major_version

NAME = "postgres"
# Fast shutdown writes a checkpoint; immediate shutdown loses nothing either but recovers later.
STOP: Steps = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
# Recovery of 2 GB of write-ahead log on a slow disk.
READY_SECONDS = 120.0
ENOUGH_MEMORY_BYTES = 4 * 1024**3

# For a machine with two cores that also runs web server and workers.
SETTINGS: Mapping[str, str] = {
    "max_connections": "120",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_locks_per_transaction": "512",
    "track_commit_timestamp": "off",
    "TimeZone": "UTC",
    "log_timezone": "UTC",
}
# What keeps the server private is not open to callers.
FIXED = frozenset(
    {
        "listen_addresses",
        "unix_socket_directories",
        "unix_socket_permissions",
        "unix_socket_group",
        "port",
        "hba_file",
        "ident_file",
        "data_directory",
        "config_file",
        "password_encryption",
        "external_pid_file",
    }
)


class Postgres:
    """One PostgreSQL server of a stack, started and ended by its launcher."""

    def __init__(
        self,
        places: Places,
        account: Account,
        programs: Programs,
        settings: Mapping[str, str],
    ) -> None:
        refused = sorted(FIXED & {name.lower() for name in settings})
        if refused:
            raise EmbeddedError(f"settings: {', '.join(refused)} cannot be changed.")
        self._places = places
        self._account = account
        self._programs = programs
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._log = places.log(NAME)
        self._log_start = 0

    def spawn(self) -> None:
        """Make the cluster if there is none, and start the server; `wait` tells when it is ready.

        Raises EmbeddedError when the data belong to another version or user, or on a full disk.
        """
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        cluster = self._places.cluster
        if not cluster.exists():
            self._create_cluster()
        self._check_cluster()
        # Nobody else runs on this folder (we hold the lock and have reaped), so these name a dead
        # process; a stranger who got its id would make the server refuse to start. A session that
        # still lives is found by the server through its shared memory.
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        for name in (POSTGRES_SOCKET, f"{POSTGRES_SOCKET}.lock"):
            (self._places.socket_dir / name).unlink(missing_ok=True)
        arguments = [str(self._programs.postgres("postgres")), "-D", str(cluster)]
        for name, value in self._all_settings().items():
            arguments += ["-c", f"{name}={value}"]
        self._process = spawn(
            arguments,
            account=self._account,
            log=self._log,
            folder=cluster,
            at_death=signal.SIGINT,
        )
        remember(self._places.record(NAME), self._process.pid)

    def wait(self) -> None:
        """Wait until the server answers and holds the database.

        Raises EmbeddedError with the end of the server's log when it ends or does not answer.
        """
        waited = 0.0
        while not self._is_ready():
            if self._process is None or exits_within(self._process, 0.02):
                raise self._failure("PostgreSQL did not start")
            waited += 0.02
            if waited > READY_SECONDS:
                raise self._failure(f"PostgreSQL did not answer within {READY_SECONDS:.0f} s")
        if DATABASE not in self._sql("SELECT datname FROM pg_database").split():
            self._sql(f"CREATE DATABASE {DATABASE}")

    def check(self) -> None:
        """Raise EmbeddedError when the server has ended by itself."""
        if self._process is None or self._process.poll() is not None:
            raise self._failure("PostgreSQL has ended")

    def crash(self) -> None:
        """End the server without a checkpoint, cutting every session; for drills.

        What PostgreSQL calls an immediate shutdown: the next start recovers from the log.
        """
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()

    def stop(self) -> None:
        """End the server; open sessions are cut, committed work is kept."""
        if self._process is not None:
            stop_child(self._process, STOP)
            self._process = None
            self._places.record(NAME).unlink(missing_ok=True)

    def signal_stop(self) -> None:
        """Ask the server to end without waiting for it; `stop` follows."""
        if self._process is not None:
            self._process.send_signal(STOP[0][0])

    def _create_cluster(self) -> None:
        """Run initdb beside the final place and rename, so that a half made one never counts."""
        unfinished = self._places.unfinished_cluster
        password_file = self._places.initdb_password
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password = secrets.token_hex(24)
        write_private(self._places.password, password)
        write_private(password_file, password)
        if self._account.is_other:
            os.chown(unfinished, self._account.uid, self._account.gid)
            os.chown(password_file, self._account.uid, self._account.gid)
        try:
            exit_status = self._initdb(unfinished, password_file)
        finally:
            password_file.unlink(missing_ok=True)
        if exit_status != 0:
            failure = self._failure("The PostgreSQL data folder cannot be made")
            shutil.rmtree(unfinished, ignore_errors=True)
            raise failure
        unfinished.rename(self._places.cluster)

    def _initdb(self, folder: Path, password_file: Path) -> int:
        with self._log.open("ab") as output:
            return subprocess.run(
                [
                    self._programs.postgres("initdb"),
                    f"--pgdata={folder}",
                    f"--username={BOOTSTRAP_ROLE}",
                    "--auth=scram-sha-256",
                    f"--pwfile={password_file}",
                    "--encoding=UTF8",
                    # The server's own C.UTF-8 sorts alike everywhere; the system's is for the rest.
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    f"--locale={'C.UTF-8' if sys.platform == 'linux' else 'C'}",
                ],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=child_environment(),
                umask=0o077,
                start_new_session=True,
                **self._account.popen_arguments(),
            ).returncode

    def _check_cluster(self) -> None:
        cluster = self._places.cluster
        if cluster.stat().st_uid != self._account.uid:
            raise EmbeddedError(
                f"{cluster} belongs to user {cluster.stat().st_uid}, the server would run as "
                f"{self._account.name}. Start as that user, or name another folder in IC_DATA_DIR."
            )
        found = (cluster / "PG_VERSION").read_text().strip()
        ours = major_version(self._programs)
        if found != ours:
            raise EmbeddedError(
                f"The data in {cluster} were written by PostgreSQL {found}, the installed version "
                f"is {ours}. Dump them with the earlier release and load them into a new folder "
                "(IC_DATA_DIR), or discard them with `python -m inventory_control.embedded reset`."
            )
        if not self._places.password.exists():
            raise EmbeddedError(
                f"{self._places.password} is missing, without it nobody can log in to the data in "
                f"{cluster}. Put it back from a copy, or discard the data with "
                "`python -m inventory_control.embedded reset`."
            )

    def _all_settings(self) -> dict[str, str]:
        return {
            "shared_buffers": "512MB" if memory_bytes() >= ENOUGH_MEMORY_BYTES else "128MB",
            **SETTINGS,
            **self._settings,
            "listen_addresses": "",
            "port": POSTGRES_SOCKET.rpartition(".")[2],
            "unix_socket_directories": str(self._places.socket_dir),
            "unix_socket_permissions": "0700",
            "password_encryption": "scram-sha-256",
        }

    def _is_ready(self) -> bool:
        """Whether the server says so in line 8 of its own process file."""
        try:
            lines = (self._places.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return (
            self._process is not None
            and len(lines) >= 8
            and lines[0].strip() == str(self._process.pid)
            and lines[7].strip() == "ready"
        )

    def _sql(self, statement: str) -> str:
        answered = subprocess.run(
            [
                self._programs.postgres("psql"),
                "--no-psqlrc",
                "--no-password",
                "--quiet",
                "--tuples-only",
                "--no-align",
                f"--host={self._places.socket_dir}",
                f"--port={POSTGRES_SOCKET.rpartition('.')[2]}",
                f"--username={BOOTSTRAP_ROLE}",
                "--dbname=postgres",
                f"--command={statement}",
            ],
            check=False,
            capture_output=True,
            text=True,
            env=child_environment() | {"PGPASSWORD": self._places.password.read_text()},
        )
        if answered.returncode != 0:
            raise self._failure(f"PostgreSQL refused: {answered.stderr.strip()}")
        return answered.stdout

    def _failure(self, what: str) -> EmbeddedError:
        tail = server_log_tail(self._log, self._log_start)
        advice = advice_for(tail, self._places.data_dir)
        return EmbeddedError(f"{what}. The end of {self._log}:\n{tail}\n{advice}")


def end_left_over(places: Places) -> list[int]:
    """End what a killed launcher left behind; returns the ids of the ended processes."""
    return reap(NAME, places.cluster, places.record(NAME), STOP)


def memory_bytes() -> int:
    """The memory of this machine, or of its container if that is less."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.exists() else "max"
    return min(total, int(text)) if text.isdigit() else total


def answers(places: Places) -> bool:
    """Whether a PostgreSQL server accepts connections at the stack's socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.settimeout(2.0)
            connection.connect(str(places.socket_dir / POSTGRES_SOCKET))
        except OSError:
            return False
    return True
