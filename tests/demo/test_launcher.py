"""What the launcher refuses before anything starts."""

from __future__ import annotations

import socket

import pytest

from inventory_control.demo.launcher import main
from inventory_control.demo.running import login_url


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.setenv("IC_DATA_DIR", str(tmp_path / "stack"))


def test_a_port_in_use_is_named_with_the_option(capsys, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        status = main(["--once", "--port", str(port)])

    said = capsys.readouterr().err
    assert status == 1
    assert f"Port {port} is in use" in said
    assert "--port" in said
    assert not (tmp_path / "stack").exists()


def test_a_missing_column_is_named(capsys, tmp_path, port):
    file = tmp_path / "sales.csv"
    file.write_text("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,CustomerID\n")

    status = main(["--once", "--port", str(port), "--file", str(file)])

    assert status == 1
    assert "no column UnitPrice" in capsys.readouterr().err
    assert not (tmp_path / "stack").exists()


def test_a_file_that_is_not_there_is_named(capsys, tmp_path, port):
    status = main(["--once", "--port", str(port), "--file", str(tmp_path / "none.csv")])

    assert status == 1
    assert "none.csv" in capsys.readouterr().err


def test_reset_leaves_servers_of_your_own_alone(capsys, monkeypatch, port):
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody@/somewhere")

    status = main(["--once", "--reset", "--port", str(port)])

    assert status == 1
    assert "Drop the database of your own server yourself" in capsys.readouterr().err


def test_each_login_gets_a_url_of_its_own():
    url = login_url("postgresql://root:secret@db.example:5433/shop?sslmode=require", "ic_ai", "a/b")

    assert url.startswith("postgresql://ic_ai:a%2Fb@/shop?")
    assert "secret" not in url
    assert {"host=db.example", "port=5433", "sslmode=require"} <= set(
        url.partition("?")[2].split("&")
    )
