"""The lock that lets one launcher own a stack, and names its owner."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from inventory_control.embedded.errors import EmbeddedError
from inventory_control.embedded.processes import Running, identify, is_running, recall


class StackLock:
    """An exclusive lock on a stack; the kernel frees it when its owner dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def acquire(self) -> None:
        """Take the lock and write down who we are.

        Raises EmbeddedError naming the owner when another launcher has it.
        """
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            owner = recall(self._path)
            who = f"process {owner.pid}" if owner else "another process that is just starting"
            raise EmbeddedError(
                f"The stack in {self._path.parent} is already run by {who}. Stop that one first, "
                "or name another folder in IC_DATA_DIR."
            ) from None
        self._handle = handle
        me = identify(os.getpid())
        self._write(json.dumps({"pid": me.pid, "started": me.started}) if me else "")

    def release(self) -> None:
        """Give the lock back; the file stays, it marks the folder as a stack's."""
        if self._handle is not None:
            self._write("")
            os.close(self._handle)
            self._handle = None

    def _write(self, text: str) -> None:
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, text.encode(), 0)


def owner_of(path: Path) -> Running | None:
    """The live launcher that owns a stack; None when nobody does."""
    owner = recall(path)
    return owner if is_running(owner) else None
