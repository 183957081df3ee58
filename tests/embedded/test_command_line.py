"""The command line: a stack in the background, for developers and for other processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from inventory_control.embedded import EmbeddedStack, status_of

CHECKOUT = Path(__file__).resolve().parents[2]


def command(*arguments: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "inventory_control.embedded", *arguments, "--data-dir", data_dir],
        check=False,
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


@pytest.mark.req("DEP-01")
def test_a_stack_runs_in_the_background_until_stop(data_dir: Path) -> None:
    started = command("start", data_dir=data_dir)
    try:
        again = command("start", data_dir=data_dir)
        shown = command("status", data_dir=data_dir)
        urls = command("url", data_dir=data_dir)
        owner = status_of(data_dir).owner
    finally:
        stopped = command("stop", data_dir=data_dir)

    assert (started.returncode, started.stderr) == (0, "")
    assert again.stdout == f"Already running, owned by process {owner}.\n"
    assert shown.returncode == 0
    assert [line.split("=")[0] for line in urls.stdout.splitlines()] == [
        "export DATABASE_BOOTSTRAP_URL",
        "export REDIS_URL",
        "export BROKER_URL",
    ]
    assert (stopped.returncode, stopped.stdout) == (0, "Stopped.\n")
    assert command("status", data_dir=data_dir).returncode == 3
    assert command("stop", data_dir=data_dir).stdout == "Not running.\n"
    assert command("url", data_dir=data_dir).returncode == 1


def test_a_start_that_fails_says_why(data_dir: Path) -> None:
    (data_dir / "postgres" / "PG_VERSION").write_text("17\n")

    failed = command("start", data_dir=data_dir)

    assert failed.returncode == 1
    assert "written by PostgreSQL 17" in failed.stderr


def test_reset_refuses_while_the_stack_runs_and_without_yes(data_dir: Path) -> None:
    with EmbeddedStack(data_dir) as stack:
        with psycopg.connect(stack.start().database_url) as connection:
            connection.execute("CREATE TABLE fact (number int)")
        while_running = command("reset", "--yes", data_dir=data_dir)
    unconfirmed = command("reset", data_dir=data_dir)
    kept = (data_dir / "postgres").exists()
    confirmed = command("reset", "--yes", data_dir=data_dir)

    assert (while_running.returncode, unconfirmed.returncode, kept) == (1, 1, True)
    assert "Stop it first" in while_running.stderr
    assert "Confirm with --yes" in unconfirmed.stderr
    assert confirmed.returncode == 0
    assert [path.name for path in data_dir.iterdir()] == ["stack.lock"]
    with (
        EmbeddedStack(data_dir) as stack,
        psycopg.connect(stack.start().database_url) as connection,
    ):
        assert connection.execute("SELECT to_regclass('fact')").fetchone() == (None,)


def test_reset_of_a_folder_that_is_no_stack_removes_nothing(open_folder: Path) -> None:
    (open_folder / "postgres").mkdir()

    refused = command("reset", "--yes", data_dir=open_folder)

    assert refused.returncode == 1
    assert (open_folder / "postgres").is_dir()
