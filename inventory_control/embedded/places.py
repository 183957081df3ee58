"""Where the embedded servers keep their data, sockets, logs and secrets."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from inventory_control.embedded.account import Account
from inventory_control.embedded.errors import EmbeddedError

SERVICE_FOLDER = Path("/var/lib/inventory-control-demo")
LOCK_NAME = "stack.lock"
DATABASE = "inventory_control"
BOOTSTRAP_ROLE = "ic_bootstrap"
POSTGRES_SOCKET = ".s.PGSQL.5432"
VALKEY_SOCKET = "valkey.sock"
# sockaddr_un holds 104 bytes on macOS and 108 on Linux, terminator included; PostgreSQL adds the
# name of its lock file for its own checks.
LONGEST_SOCKET_PATH = 100
# A socket path travels inside URLs and inside a comma-separated server setting.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


@dataclass(frozen=True)
class Endpoints:
    """How to reach the two servers; the password stays out of `repr`."""

    database_url: str = field(repr=False)
    redis_url: str
    broker_url: str
    socket_dir: Path
    data_dir: Path


@dataclass(frozen=True)
class Places:
    """The folders and files of one stack."""

    data_dir: Path
    socket_dir: Path

    @property
    def lock(self) -> Path:
        """The file whose lock says who owns the stack; it also marks the folder as ours."""
        return self.data_dir / LOCK_NAME

    @property
    def password(self) -> Path:
        """The bootstrap role's password, mode 600."""
        return self.data_dir / "bootstrap.password"

    @property
    def initdb_password(self) -> Path:
        """A copy of the password that the server's user may read, gone after initdb."""
        return self.data_dir / "initdb.password"

    @property
    def cluster(self) -> Path:
        """The PostgreSQL data directory; it exists only once it is complete."""
        return self.data_dir / "postgres"

    @property
    def unfinished_cluster(self) -> Path:
        """Where initdb works; what an interrupted first start left is thrown away."""
        return self.data_dir / "postgres.unfinished"

    @property
    def valkey(self) -> Path:
        """The working folder of Valkey, empty because it keeps nothing on disk."""
        return self.data_dir / "valkey"

    @property
    def binaries(self) -> Path:
        """Copies of the servers' programs, when the server user cannot read the installed ones."""
        return self.data_dir / "binaries"

    @property
    def logs(self) -> Path:
        """The folder of the log files."""
        return self.data_dir / "log"

    def log(self, name: str) -> Path:
        """The log file of one process."""
        return self.logs / f"{name}.log"

    def record(self, name: str) -> Path:
        """The file that remembers process id and start of one server."""
        return self.data_dir / f"{name}.process"

    def endpoints(self, password: str) -> Endpoints:
        """The URLs of this stack."""
        host = quote(str(self.socket_dir), safe="/")
        valkey = quote(str(self.socket_dir / VALKEY_SOCKET), safe="/")
        return Endpoints(
            database_url=f"postgresql://{BOOTSTRAP_ROLE}:{password}@/{DATABASE}?host={host}",
            redis_url=f"unix://{valkey}?db=0",
            broker_url=f"redis+socket://{valkey}?virtual_host=0",
            socket_dir=self.socket_dir,
            data_dir=self.data_dir,
        )


def default_data_dir(checkout: Path) -> Path:
    """Where the stack of a checkout lives: `IC_DATA_DIR`, else beside it, else a service folder.

    Root gets a service folder because the servers then run as another user, who must reach the
    data without any permission of root's folders or of the checkout's parents being widened.
    """
    chosen = os.environ.get("IC_DATA_DIR", "")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if os.geteuid() == 0:
        digest = hashlib.sha256(os.fsencode(checkout.resolve())).hexdigest()
        return SERVICE_FOLDER / digest[:12]
    return checkout.resolve() / ".data" / "stack"


def places_of(data_dir: Path) -> Places:
    """The places of a stack; touches nothing on disk."""
    data_dir = Path(os.path.abspath(data_dir.expanduser()))
    beside = data_dir / "run"
    longest = os.fsencode(beside / f"{POSTGRES_SOCKET}.lock")
    if len(longest) <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(str(beside)):
        return Places(data_dir, beside)
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()
    return Places(data_dir, Path(os.sep, "tmp", f"ic-{os.geteuid()}-{digest[:12]}"))


def prepare(places: Places, account: Account) -> None:
    """Make the folders of a stack, each as private as its user allows.

    Raises EmbeddedError when the folder holds other files, or when the server user cannot enter
    it: permissions of folders that exist are never widened.
    """
    data_dir = places.data_dir
    if data_dir.is_dir() and not places.lock.exists() and any(data_dir.iterdir()):
        raise EmbeddedError(
            f"IC_DATA_DIR: {data_dir} holds files that are not of this stack. "
            "Name an empty or a new folder."
        )
    _make_with_parents(data_dir, account)
    # At once: from here on the folder counts as ours, whatever interrupts the rest.
    places.lock.touch(mode=0o600)
    _make_private(places.logs, os.geteuid(), os.getegid())
    for folder in (places.valkey, places.socket_dir):
        _make_private(folder, account.uid, account.gid)
    if account.is_other and not _may_enter(account, data_dir):
        raise EmbeddedError(
            f"IC_DATA_DIR: the servers run as user {account.name}, who may not enter {data_dir}. "
            "Choose a folder whose parents are open to all users, for example under /var/lib."
        )


def server_log_tail(path: Path, start: int, lines: int = 15) -> str:
    """The last lines that a log received after byte `start`."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(start)
        return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def advice_for(tail: str, data_dir: Path) -> str:
    """What to do about the end of a server's log."""
    if "No space left on device" in tail or "Disk quota exceeded" in tail:
        return (
            f"The disk is full. Free some space on the disk of {data_dir} (a new stack needs about "
            "300 MB) or name another folder in IC_DATA_DIR, then start again: what was committed "
            "is kept."
        )
    return "What was committed is kept. Remove the cause named above, then start again."


def _make_with_parents(data_dir: Path, account: Account) -> None:
    missing = [folder for folder in (data_dir, *data_dir.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700)
        if account.is_other:
            folder.chmod(0o711)
    status = data_dir.stat()
    if status.st_uid != os.geteuid():
        raise EmbeddedError(
            f"IC_DATA_DIR: {data_dir} belongs to user {status.st_uid}. Start the stack as that "
            "user, or name another folder."
        )
    if account.is_other:
        os.chown(data_dir, os.geteuid(), account.gid)
        data_dir.chmod(0o710)
    else:
        data_dir.chmod(0o700)


def _make_private(folder: Path, owner: int, group: int) -> None:
    """A folder of mode 700; a link or a stranger's folder in its place is refused.

    Owner and mode are set through a handle, so that nothing can be put in its place meanwhile.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise _not_ours(folder) from error
    try:
        if os.fstat(handle).st_uid not in (owner, os.geteuid()):
            raise _not_ours(folder)
        if owner != os.geteuid():
            os.fchown(handle, owner, group)
        os.fchmod(handle, 0o700)
    finally:
        os.close(handle)


def _not_ours(folder: Path) -> EmbeddedError:
    return EmbeddedError(
        f"{folder} is not a folder of this user. Remove it, or name another folder in IC_DATA_DIR."
    )


def _may_enter(account: Account, folder: Path) -> bool:
    return (
        subprocess.run(
            ["/bin/sh", "-c", 'test -x "$1"', "sh", str(folder)],
            check=False,
            cwd="/",
            **account.popen_arguments(),
        ).returncode
        == 0
    )


def write_private(path: Path, text: str) -> None:
    """Replace a file by a text that only its owner may read, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
