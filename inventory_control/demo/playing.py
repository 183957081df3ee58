"""What a replay needs, from names: the script of a file, and everybody who takes part."""

from __future__ import annotations

import csv
import gzip
import hashlib
from datetime import date, datetime
from pathlib import Path
from typing import TextIO, cast

import httpx

from inventory_control.core import clock
from inventory_control.core.errors import DomainError
from inventory_control.demo import people
from inventory_control.demo.plan import check_columns, read_rows, script_of
from inventory_control.demo.replay import Api, Cast, put_catalog
from inventory_control.demo.retailer import generated, neighbour
from inventory_control.demo.script import Script

LIVE_FROM = date(2011, 6, 1)
"""From when on stock comes only from what the product orders."""


class FileMissingError(DomainError):
    """The file to play does not exist."""

    code = "file_missing"


def load_script(file: Path | None, *, live_from: date, seed: int) -> Script:
    """The script of a file, or of the generated retailer without one."""
    if file is None:
        return generated(seed)
    check_file(file)
    with _opened(file) as lines:
        reader = csv.DictReader(lines)
        check_columns(reader.fieldnames)
        rows = read_rows(reader)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return script_of(rows, live_from=live_from, seed=seed, name=file.name, digest=digest)


def check_file(file: Path | None) -> None:
    """Refuse a file that is not there or lacks a column, before anything starts."""
    if file is None:
        return
    if not file.is_file():
        raise FileMissingError(f"There is no file {file}.", field="file")
    with _opened(file) as lines:
        check_columns(csv.DictReader(lines).fieldnames)


def cast_of(address: str, label: str, keys: people.Keys, simulator: str) -> Cast:
    """Everybody who takes part in a replay against a tenant."""

    def api(login: str) -> Api:
        return Api(address, people.host_of(label), keys.of(label, login))

    return Cast(
        integrator=api(people.INTEGRATOR),
        planner=api(people.PLANNER),
        finance=api(people.FINANCE),
        simulator=httpx.Client(base_url=simulator, timeout=180) if simulator else None,
    )


def tell_neighbour(address: str, keys: people.Keys, kept: Path, *, seed: int) -> None:
    """Let the second tenant, which lives in real time, tell of its last four weeks.

    `kept` remembers when they ended, so that a later start tells the same and posts nothing new.
    """
    if not kept.exists():
        kept.write_text(clock.real_now().replace(microsecond=0).isoformat(), encoding="utf-8")
    until = datetime.fromisoformat(kept.read_text(encoding="utf-8"))
    catalog, facts = neighbour(seed, until)
    api = Api(address, people.host_of(people.OTHER), keys.of(people.OTHER, people.INTEGRATOR))
    put_catalog(api, catalog)
    api.send(facts)


def _opened(file: Path) -> TextIO:
    if file.suffix == ".gz":
        return cast(TextIO, gzip.open(file, "rt", encoding="utf-8", newline=""))
    return file.open(encoding="utf-8", newline="")
