"""The running stack: what it offers, and that nobody else can get in."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from kombu import Connection

from inventory_control.embedded import (
    EmbeddedError,
    EmbeddedStack,
    Endpoints,
    default_data_dir,
    status_of,
)

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def stack() -> Iterator[EmbeddedStack]:
    folder = Path(tempfile.mkdtemp(prefix="ic-test-", dir="/tmp"))
    folder.chmod(0o711)
    with EmbeddedStack(folder / "stack", settings={"work_mem": "7MB"}) as running:
        yield running
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def endpoints(stack: EmbeddedStack) -> Endpoints:
    return stack.start()


@pytest.mark.req("DEP-01")
def test_first_start_gives_a_database_and_a_queue(endpoints: Endpoints) -> None:
    with psycopg.connect(endpoints.database_url) as connection:
        database = connection.execute(
            "SELECT datname, pg_encoding_to_char(encoding), datlocale FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()

    assert database == ("inventory_control", "UTF8", "C.UTF-8")
    assert redis.from_url(endpoints.redis_url).set("key", "value") is True
    with Connection(endpoints.broker_url) as broker:
        queue = broker.SimpleQueue("bells")
        queue.put("look now")
        assert queue.get(timeout=5).payload == "look now"


@pytest.mark.req("DEP-01")
def test_a_second_start_of_the_same_stack_changes_nothing(
    stack: EmbeddedStack, endpoints: Endpoints
) -> None:
    before = status_of(endpoints.data_dir)

    assert stack.start() == endpoints
    assert status_of(endpoints.data_dir) == before


def test_every_way_in_asks_for_a_scram_password(endpoints: Endpoints) -> None:
    lines = (endpoints.data_dir / "postgres" / "pg_hba.conf").read_text().splitlines()
    methods = {line.split()[-1] for line in lines if line.strip() and not line.startswith("#")}

    assert methods == {"scram-sha-256"}


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_login_without_the_right_password_is_refused(endpoints: Endpoints, password: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"password|fe_sendauth"):
        psycopg.connect(
            host=str(endpoints.socket_dir),
            dbname="inventory_control",
            user="ic_bootstrap",
            password=password,
            passfile="/dev/null",
        )


def test_the_password_is_readable_for_its_owner_only(endpoints: Endpoints) -> None:
    file = endpoints.data_dir / "bootstrap.password"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text()) == 48
    assert file.read_text() not in repr(endpoints)


def test_sockets_are_private_and_there_is_no_network_port(endpoints: Endpoints) -> None:
    sockets = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in endpoints.socket_dir.iterdir()
        if path.is_socket()
    }
    with psycopg.connect(endpoints.database_url) as connection:
        listening = connection.execute("SHOW listen_addresses").fetchone()

    assert stat.S_IMODE(endpoints.socket_dir.stat().st_mode) == 0o700
    assert sockets == {".s.PGSQL.5432": 0o700, "valkey.sock": 0o700}
    assert listening == ("",)
    assert redis.from_url(endpoints.redis_url).config_get("port") == {"port": "0"}


@pytest.mark.req("DEP-04")
def test_the_database_is_durable_and_the_queue_keeps_nothing(endpoints: Endpoints) -> None:
    with psycopg.connect(endpoints.database_url) as connection:
        shown: dict[str, str] = dict(
            connection.execute(
                "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'wal_compression',"
                " 'synchronous_commit', 'max_connections', 'max_locks_per_transaction',"
                " 'TimeZone', 'work_mem', 'track_commit_timestamp', 'max_wal_size')"
            ).fetchall()
        )
    valkey = redis.from_url(endpoints.redis_url)

    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "wal_compression": "pglz",
        "max_connections": "120",
        "max_locks_per_transaction": "512",
        "max_wal_size": "2048",
        "TimeZone": "UTC",
        "track_commit_timestamp": "off",
        "work_mem": "7168",
    }
    assert valkey.config_get("save") == {"save": ""}
    assert valkey.config_get("appendonly") == {"appendonly": "no"}


def test_settings_that_keep_the_server_private_are_refused(data_dir: Path) -> None:
    stack = EmbeddedStack(data_dir, settings={"listen_addresses": "*"})

    with pytest.raises(EmbeddedError, match="settings: listen_addresses cannot be changed"):
        stack.start()

    assert status_of(data_dir) == status_of(data_dir.parent / "never")


@pytest.mark.req("DEP-01")
@pytest.mark.parametrize(
    "name", ["long" * 30, "with space, comma and ümlaut#1"], ids=["over 100 bytes", "odd"]
)
def test_any_checkout_path_works(open_folder: Path, stopped_stack: Path, name: str) -> None:
    folder = open_folder / name / "stack"
    folder.parent.mkdir(mode=0o711)
    subprocess.run(["cp", "-a", stopped_stack, folder], check=True)

    with EmbeddedStack(folder) as stack:
        endpoints = stack.start()
        with psycopg.connect(endpoints.database_url) as connection:
            answered = connection.execute("SELECT 1").fetchone()
        pong = redis.from_url(endpoints.redis_url).ping()
        with Connection(endpoints.broker_url) as broker:
            broker.ensure_connection(max_retries=1)

    assert answered == (1,)
    assert pong is True
    assert len(os.fsencode(endpoints.socket_dir)) < 80
    shutil.rmtree(endpoints.socket_dir)


def test_a_folder_with_other_files_is_not_taken(open_folder: Path) -> None:
    (open_folder / "letter.txt").write_text("keep")

    with pytest.raises(EmbeddedError, match="holds files that are not of this stack"):
        EmbeddedStack(open_folder).start()

    assert [path.name for path in open_folder.iterdir()] == ["letter.txt"]


def test_data_live_beside_the_checkout_or_in_a_service_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("IC_DATA_DIR", raising=False)

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_data_dir(tmp_path) == tmp_path.resolve() / ".data" / "stack"

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_data_dir(tmp_path).parent == Path("/var/lib/inventory-control-demo")
    assert default_data_dir(tmp_path) != default_data_dir(tmp_path / "other")

    monkeypatch.setenv("IC_DATA_DIR", "/somewhere/else")
    assert default_data_dir(tmp_path) == Path("/somewhere/else")


def test_the_package_does_not_load_django() -> None:
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, inventory_control.embedded; print('django' in sys.modules)",
        ],
        check=True,
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
    )

    assert loaded.stdout == "False\n"
