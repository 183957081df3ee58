"""Folders in which a real stack can run, for root and for an ordinary user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inventory_control.embedded import EmbeddedError, EmbeddedStack, end_orphans

CHECKOUT = Path(__file__).resolve().parents[2]
LAUNCHER = """
import signal, sys, threading
from pathlib import Path
from inventory_control.embedded import EmbeddedStack
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored where the tests run under nohup
stack = EmbeddedStack(Path(sys.argv[1]))
if sys.argv[2] == "thread":
    starter = threading.Thread(target=stack.start)
    starter.start()
    starter.join()
else:
    stack.start()
print("ready", flush=True)
while True:
    signal.pause()
"""
Launch = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the server user may enter; pytest's own are closed to all but their owner."""
    folder = Path(tempfile.mkdtemp(prefix="ic-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def stopped_stack() -> Iterator[Path]:
    """The data folder of a stack that ran once, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="ic-test-", dir="/tmp"))
    folder.chmod(0o711)
    with EmbeddedStack(folder / "stack"):
        pass
    yield folder / "stack"
    shutil.rmtree(folder)


@pytest.fixture
def data_dir(open_folder: Path, stopped_stack: Path) -> Iterator[Path]:
    """The folder of a stack of the test's own, with a database; nothing runs in it afterwards."""
    folder = open_folder / "stack"
    subprocess.run(["cp", "-a", stopped_stack, folder], check=True)
    yield folder
    try:
        end_orphans(folder)
    except EmbeddedError as error:
        pytest.fail(f"the test left an owner behind: {error}")


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start a launcher process that owns a stack until it is ended."""
    launchers: list[subprocess.Popen[str]] = []

    def start(data_dir: Path, *, within: str = "main") -> subprocess.Popen[str]:
        launcher = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, str(data_dir), within],
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        )
        launchers.append(launcher)
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == "ready\n"
        return launcher

    yield start
    for launcher in launchers:
        launcher.kill()
        launcher.wait()
        if launcher.stdout is not None:
            launcher.stdout.close()
