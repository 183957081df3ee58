"""The system user the servers run as: the launching user, or an unprivileged one under root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from typing import TypedDict

from inventory_control.embedded.errors import USE_OWN_SERVERS, EmbeddedError

SYSTEM_USER = "ic_embedded"


class Identity(TypedDict, total=False):
    """The arguments of `subprocess` that give up the rights of root."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """Who runs the servers; `is_other` when that is not who starts them."""

    name: str
    uid: int
    gid: int
    is_other: bool

    def popen_arguments(self) -> Identity:
        """What to pass to `subprocess` so that the child runs as this account."""
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_account() -> Account:
    """The account of the servers; under root a system user is made at the first start.

    PostgreSQL refuses to run as root. The user has no home, no shell and no password.
    Raises EmbeddedError when root cannot make the user.
    """
    uid = os.geteuid()
    if uid != 0:
        return Account(str(uid), uid, os.getegid(), is_other=False)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _create_system_user()
        entry = pwd.getpwnam(SYSTEM_USER)
    return Account(SYSTEM_USER, entry.pw_uid, entry.pw_gid, is_other=True)


def _create_system_user() -> None:
    program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    reason = "there is no useradd on this machine"
    if program is not None:
        options = [
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
        ]
        made = subprocess.run(
            [program, *options, "--shell", "/bin/false", SYSTEM_USER],
            check=False,
            capture_output=True,
            text=True,
        )
        if made.returncode == 0:
            return
        reason = made.stderr.strip()
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and the system user {SYSTEM_USER} cannot be made "
        f"({reason}). Start as an ordinary user, or create that user. {USE_OWN_SERVERS}"
    )
