"""One owner at a time, and nothing left behind or lost when it dies."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from inventory_control.embedded import EmbeddedError, EmbeddedStack, status_of
from inventory_control.embedded.processes import Running, identify, recall, wait_for_exit

Launch = Callable[..., "subprocess.Popen[str]"]
SERVERS = ("postgres", "valkey")


def servers(data_dir: Path) -> dict[str, Running]:
    """The processes the stack remembers."""
    found = {name: recall(data_dir / f"{name}.process") for name in SERVERS}
    return {name: process for name, process in found.items() if process is not None}


def assert_ended(processes: dict[str, Running]) -> None:
    assert {name for name, process in processes.items() if not wait_for_exit(process, 30)} == set()


def write_a_fact(data_dir: Path) -> None:
    """Commit a row through a connection of its own; the owner need not be this process."""
    with psycopg.connect(url_of(data_dir)) as connection:
        connection.execute("CREATE TABLE fact (number int)")
        connection.execute("INSERT INTO fact VALUES (42)")


def url_of(data_dir: Path) -> str:
    password = (data_dir / "bootstrap.password").read_text()
    return f"postgresql://ic_bootstrap:{password}@/inventory_control?host={data_dir}/run"


def facts(url: str) -> list[tuple[int]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT number FROM fact").fetchall()


def test_a_second_launcher_is_refused_and_told_who_owns_the_stack(
    data_dir: Path, launch: Launch
) -> None:
    owner = launch(data_dir)

    with pytest.raises(EmbeddedError, match=rf"already run by process {owner.pid}\."):
        EmbeddedStack(data_dir).start()

    assert status_of(data_dir).owner == owner.pid
    assert status_of(data_dir).is_complete


def test_stop_leaves_no_process_and_frees_the_stack(data_dir: Path) -> None:
    stack = EmbeddedStack(data_dir)
    stack.start()
    started = servers(data_dir)

    stack.stop()

    assert set(started) == set(SERVERS)
    assert [identify(process.pid) for process in started.values()] == [None, None]
    assert (status_of(data_dir).owner, servers(data_dir)) == (None, {})
    with EmbeddedStack(data_dir):
        assert status_of(data_dir).is_complete


@pytest.mark.parametrize(
    ("sign", "exit_status"),
    # SIGTERM is turned into an orderly exit; Python itself ends by the other two.
    [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT), (signal.SIGHUP, -signal.SIGHUP)],
)
def test_a_signal_to_the_launcher_ends_the_servers(
    data_dir: Path, launch: Launch, sign: signal.Signals, exit_status: int
) -> None:
    launcher = launch(data_dir)
    started = servers(data_dir)

    launcher.send_signal(sign)

    assert launcher.wait(60) == exit_status
    assert_ended(started)
    assert "database system is shut down" in (data_dir / "log" / "postgres.log").read_text()


@pytest.mark.req("DEP-04")
@pytest.mark.parametrize("within", ["main", "thread"])
def test_nothing_is_lost_when_the_launcher_is_killed(
    data_dir: Path, launch: Launch, within: str
) -> None:
    launcher = launch(data_dir, within=within)
    write_a_fact(data_dir)
    started = servers(data_dir)

    launcher.kill()
    launcher.wait()
    if within == "thread":
        # Not tied to their launcher: real orphans, the next start has to end them.
        assert [identify(process.pid) for process in started.values()] == list(started.values())

    with EmbeddedStack(data_dir) as stack:
        url = stack.start().database_url
        assert facts(url) == [(42,)]
        assert status_of(data_dir).owner == os.getpid()
        assert set(started.values()).isdisjoint(servers(data_dir).values())
    assert_ended(started)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends the servers on Linux only")
def test_servers_do_not_outlive_a_killed_launcher(data_dir: Path, launch: Launch) -> None:
    launcher = launch(data_dir)
    started = servers(data_dir)

    launcher.kill()

    assert set(started) == set(SERVERS)
    assert_ended(started)


@pytest.mark.skipif(sys.platform != "linux", reason="found through /proc")
def test_an_orphan_that_was_never_written_down_is_found(data_dir: Path, launch: Launch) -> None:
    launcher = launch(data_dir, within="thread")
    started = servers(data_dir)
    launcher.kill()
    launcher.wait()
    for name in SERVERS:
        (data_dir / f"{name}.process").unlink()

    with EmbeddedStack(data_dir):
        assert set(started.values()).isdisjoint(servers(data_dir).values())

    assert_ended(started)


def test_a_stranger_with_a_reused_process_id_is_never_killed(data_dir: Path) -> None:
    server_user = (data_dir / "postgres").stat().st_uid
    stranger = subprocess.Popen(
        ["/bin/sleep", "600"], user=server_user if os.geteuid() == 0 else None
    )
    for name in SERVERS:
        record = {"pid": stranger.pid, "started": "another time"}
        (data_dir / f"{name}.process").write_text(json.dumps(record))
    (data_dir / "postgres" / "postmaster.pid").write_text(f"{stranger.pid}\n")
    (data_dir / "stack.lock").write_text(json.dumps({"pid": stranger.pid, "started": "then"}))

    try:
        with EmbeddedStack(data_dir):
            assert status_of(data_dir).is_complete
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_forked_child_does_not_stop_the_servers_of_its_parent(data_dir: Path) -> None:
    with EmbeddedStack(data_dir) as stack:
        child = os.fork()
        if child == 0:
            stack.stop()
            os._exit(0)
        os.waitpid(child, 0)

        stack.check()
        assert status_of(data_dir).is_complete


@pytest.mark.req("DEP-04")
def test_a_killed_queue_is_reported_and_comes_back(data_dir: Path) -> None:
    with EmbeddedStack(data_dir) as stack:
        killed = servers(data_dir)["valkey"]
        os.kill(killed.pid, signal.SIGKILL)
        assert wait_for_exit(killed, 10)

        with pytest.raises(EmbeddedError, match=r"Valkey has ended\. The end of .*valkey\.log"):
            stack.check()
        assert status_of(data_dir).valkey is None
        assert status_of(data_dir).postgres is not None

    with EmbeddedStack(data_dir):
        assert status_of(data_dir).is_complete


@pytest.mark.req("DEP-04")
def test_a_killed_database_is_reported_and_loses_nothing(data_dir: Path) -> None:
    with EmbeddedStack(data_dir) as stack:
        write_a_fact(data_dir)
        killed = servers(data_dir)["postgres"]
        os.kill(killed.pid, signal.SIGKILL)
        assert wait_for_exit(killed, 10)

        with pytest.raises(EmbeddedError) as caught:
            stack.check()

    assert re.search(r"PostgreSQL has ended\. The end of .*postgres\.log", str(caught.value))
    assert "What was committed is kept." in str(caught.value)
    with EmbeddedStack(data_dir) as stack:
        assert facts(stack.start().database_url) == [(42,)]
