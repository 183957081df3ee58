"""Where the demo keeps what is its own: secrets, keys, logs of its processes, exports."""

from __future__ import annotations

import json
import secrets
import shutil
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass, field
from pathlib import Path

from inventory_control.core.postgresql.bootstrap import fresh_passwords
from inventory_control.embedded.places import write_private


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is made once for an installation and never shown."""

    secret_key: str = field(repr=False)
    audit_signing_key: str = field(repr=False)
    credentials_key: str = field(repr=False)
    passwords: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Folder:
    """The demo's private folder; with embedded servers it lies inside their data folder."""

    root: Path

    @property
    def secrets(self) -> Path:
        """The file of `Secrets`, mode 600."""
        return self.root / "secrets.json"

    @property
    def people(self) -> Path:
        """The file of logins and keys that provisioning printed, mode 600."""
        return self.root / "people.json"

    @property
    def logs(self) -> Path:
        """The folder of the processes' log files."""
        return self.root / "log"

    @property
    def heads(self) -> Path:
        """The folder outside the database that keeps the signed heads of the audit logs."""
        return self.root / "heads"

    @property
    def metrics(self) -> Path:
        """The folder in which the processes share their counters; empty at every start."""
        return self.root / "metrics"

    @property
    def export(self) -> Path:
        """The folder of the audit export that the summary verifies."""
        return self.root / "audit-export"

    @property
    def schedule(self) -> Path:
        """The beat's note of when it last rang."""
        return self.root / "schedule"

    @property
    def replayed(self) -> Path:
        """The result of the last file that was replayed; `make bench` tells its rate."""
        return self.root / "replayed.json"

    def record(self, name: str) -> Path:
        """The file that remembers one process, so that a later start recognises a left-over."""
        return self.root / f"{name}.process"


def open_folder(root: Path) -> Folder:
    """Make the folder and its parts, all of mode 700; one that exists stays as it is, but for the
    counters of processes that have ended.
    """
    folder = Folder(root)
    shutil.rmtree(folder.metrics, ignore_errors=True)
    for path in (folder.root, folder.logs, folder.heads, folder.metrics):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def secrets_of(folder: Folder) -> Secrets:
    """The secrets of this installation, made at the first start and read afterwards."""
    if folder.secrets.exists():
        return Secrets(**json.loads(folder.secrets.read_text(encoding="utf-8")))
    made = Secrets(
        secret_key=secrets.token_urlsafe(48),
        audit_signing_key=secrets.token_hex(32),
        credentials_key=urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        passwords=fresh_passwords(),
    )
    write_private(folder.secrets, json.dumps(asdict(made)))
    return made
