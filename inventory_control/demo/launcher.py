"""`manage.py demo`: start everything, play a retailer, show what came out, serve until stopped."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from inventory_control.core.errors import DomainError
from inventory_control.demo import people
from inventory_control.demo.playing import (
    LIVE_FROM,
    cast_of,
    check_file,
    load_script,
    tell_neighbour,
)
from inventory_control.demo.processes import end_left_overs
from inventory_control.demo.replay import Journal, Player
from inventory_control.demo.running import (
    SETUP,
    Options,
    Product,
    data_dir_of,
    free_port,
    has_own_servers,
    product_folder,
    refuse_taken_port,
    running_product,
)
from inventory_control.demo.script import Script
from inventory_control.embedded import discard

NEIGHBOUR_SEED = 11
_REQUIRED_ZERO = ("ledger_sum", "rebuild_difference")


class ResetRefusedError(DomainError):
    """Only the embedded servers' data can be thrown away."""

    code = "reset_refused"


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the seconds went."""

    install: float
    start: float
    job: float


def main(arguments: Sequence[str]) -> int:
    """Run the demo; every foreseeable failure is one message on stderr and exit status 1."""
    options = _parser().parse_args(arguments)
    # A shell starts background jobs deaf to Ctrl-C, and service managers end things with TERM.
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.default_int_handler)
    try:
        return _demo(options)
    except DomainError as error:
        _note(error.detail)
        return 1
    except KeyboardInterrupt:
        _note("Stopped.")
        return 130


def _demo(options: argparse.Namespace) -> int:
    hero = people.FROM_FILE if options.file else people.GENERATED
    running = Options(
        port=options.port, simulator_port=free_port(), simulator_host=people.host_of(hero)
    )
    end_left_overs(product_folder(running))
    refuse_taken_port(options.port)
    check_file(options.file)
    if options.reset:
        _reset(running)
    began = time.monotonic()
    script = load_script(options.file, live_from=options.live_from, seed=options.seed)
    with running_product(running, set_up=_provision(hero, script), say=_say) as product:
        started = time.monotonic()
        _say(f"Playing {script.name}.")
        _play(product, hero, script)
        figures = _figures(product, hero)
        timing = Timing(
            float(os.environ.get("DEMO_INSTALL_SECONDS", "0")),
            started - began,
            time.monotonic() - started,
        )
        result = _result(script, figures, timing)
        if options.file and not result["duplicates"]:
            product.folder.replayed.write_text(json.dumps(result), encoding="utf-8")
        _show(product, hero, result)
        _say(json.dumps(result, separators=(",", ":")))
        if not options.once:
            _serve(product)
    return 0 if result["ok"] else 1


def _provision(hero: str, script: Script) -> Callable[[Product], None]:
    def set_up(product: Product) -> None:
        channels = [f"--channel={channel['code']}" for channel in script.catalog.channels]
        product.command(
            "demo_provision",
            f"--people={product.folder.people}",
            f"--hero={hero}",
            f"--other={people.OTHER}",
            f"--starts-at={script.starts_at.isoformat()}",
            f"--live-from={script.live_from.isoformat()}",
            f"--simulator={product.simulator}",
            *channels,
            login=SETUP,
        )

    return set_up


def _play(product: Product, hero: str, script: Script) -> None:
    keys = people.Keys.read(product.folder.people)
    cast = cast_of(product.address, hero, keys, product.simulator)
    tell_neighbour(
        product.address, keys, product.folder.root / f"{people.OTHER}.until", seed=NEIGHBOUR_SEED
    )
    journal = Journal(product.folder.root / f"{hero}.journal", script.digest)
    shown = _Progress()
    try:
        Player(script, cast, journal, say=shown).play()
    except DomainError:
        # A process or server that ended explains more than the call that noticed it.
        product.check()
        raise
    finally:
        shown.end()


def _figures(product: Product, hero: str) -> dict[str, Any]:
    """What the database holds at the end, and whether the audit log proves itself."""
    told = product.command("demo_report", "--tenant", hero)
    figures: dict[str, Any] = json.loads(told.strip().splitlines()[-1])
    return {**figures, "audit_verified": _audit_verifies(product, hero)}


def _audit_verifies(product: Product, hero: str) -> bool:
    """Export the audit log and check it with the verifier that ships with it, and nothing else."""
    folder = product.folder.export
    shutil.rmtree(folder, ignore_errors=True)
    product.command("audit_export", "--tenant", hero, "--to", str(folder), login="sealer")
    verified = subprocess.run(
        [sys.executable, "-I", str(folder / "verify.py"), str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if verified.returncode:
        _note(f"The audit log does not verify:\n{verified.stdout}{verified.stderr}")
    return verified.returncode == 0


def _result(script: Script, figures: Mapping[str, Any], timing: Timing) -> dict[str, Any]:
    is_ok = (
        figures["rows"] == script.rows
        and all(figures[name] == 0 for name in _REQUIRED_ZERO)
        and (figures["closed_on_effect"] > 0 or figures["receipts_posted"] == 0)
        and bool(figures["audit_verified"])
    )
    return {
        "ok": is_ok,
        "rows_expected": script.rows,
        **figures,
        "seconds": round(timing.start + timing.job, 2),
        "install_seconds": timing.install,
        "start_seconds": round(timing.start, 2),
        "job_seconds": round(timing.job, 2),
    }


def _show(product: Product, hero: str, result: Mapping[str, Any]) -> None:
    secret = product.environments["app"]["SECRET_KEY"]
    port = product.address.rpartition(":")[2]
    _say("")
    for name, value in result.items():
        _say(f"  {name.replace('_', ' '):24} {value!s:>16}")
    _say("\nSign in (the names below .localhost need no set-up in a browser):")
    for label in (hero, people.OTHER):
        _say(f"  {people.BRANDS[label].name}: http://{people.host_of(label)}:{port}/")
        for login, (name, role) in people.MEMBERS.items():
            if login != people.INTEGRATOR:
                password = people.password_of(secret, label, login)
                _say(f"    {login:8} {password:28} {name}, {role}")
    password = people.password_of(secret, "partner", people.STAFF)
    _say(f"  Partner: http://{people.PARTNER_HOST}:{port}/")
    _say(f"    {people.STAFF:8} {password:28} partner's staff")
    _say(f"  API: http://{people.host_of(hero)}:{port}/api/v1/docs; keys: {product.folder.people}")
    _say(f"  Data, logs, secrets: {product.folder.root}\n")


def _serve(product: Product) -> None:
    """Serve until Ctrl-C; raises when a process ends by itself."""
    _note("Serving until Ctrl-C.")
    pause = threading.Event()
    with contextlib.suppress(KeyboardInterrupt):
        while not pause.wait(1.0):
            product.check()


def _reset(options: Options) -> None:
    if has_own_servers(os.environ):
        raise ResetRefusedError(
            "--reset throws away the data of the embedded servers only. Drop the database of your "
            "own server yourself, and unset DATABASE_URL to use the embedded ones.",
            field="reset",
        )
    folder = data_dir_of(options)
    if folder.exists():
        discard(folder)


class _Progress:
    """One line that is written over on a terminal; every tenth one elsewhere."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._told = 0

    def __call__(self, text: str) -> None:
        if self._is_terminal:
            sys.stdout.write(f"\r\x1b[K{text}")
        elif self._told % 10 == 0:
            sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
        self._told += 1

    def end(self) -> None:
        """Leave the line."""
        if self._is_terminal:
            sys.stdout.write("\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the job")
    parser.add_argument("--file", type=Path, help="a CSV with the columns of Online Retail")
    parser.add_argument("--live-from", type=date.fromisoformat, default=LIVE_FROM)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--reset", action="store_true", help="throw earlier demo data away first")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
