"""`python -m benchmarks.chaos`: the drills one after the other; the last line sums them up."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.bench import open_folder
from benchmarks.chaos import disorder, keys, oversell, storm, year
from benchmarks.chaos.stage import Stage, say, set_stage
from inventory_control.demo.running import Options, free_port, has_own_servers, running_product

DRILLS: dict[str, Callable[[Stage, argparse.Namespace], dict[str, Any]]] = {
    "R2": disorder.run,
    "R3": storm.run,
    "R4": keys.run,
    "R10": oversell.run,
    "year": year.run,
}


def main() -> int:
    """Run the drills that are named, by default all; the exit status says whether all held."""
    parser = argparse.ArgumentParser()
    parser.add_argument("drills", nargs="*", metavar=f"{{{','.join(DRILLS)}}}", help="default: all")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--orders", type=int, default=100, help="random orders of R2")
    parser.add_argument("--worker-kills", type=int, default=200)
    parser.add_argument("--valkey-kills", type=int, default=10)
    parser.add_argument("--postgres-crashes", type=int, default=10)
    parser.add_argument("--sessions-cut", type=int, default=20)
    parser.add_argument("--sends", type=int, default=12, help="equal calls of each caller of R4")
    parser.add_argument("--web-kills", type=int, default=50)
    parser.add_argument("--runs", type=int, default=50, help="sell-outs of R10")
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    if unknown := set(options.drills) - set(DRILLS):
        parser.error(
            f"There is no drill {', '.join(sorted(unknown))}; choose from {', '.join(DRILLS)}."
        )
    if has_own_servers(os.environ):
        parser.error(
            "Drills crash servers and give their logins other passwords. Unset DATABASE_URL and "
            "DATABASE_BOOTSTRAP_URL; the embedded servers are used then."
        )
    told = []
    for name in options.drills or DRILLS:
        with open_folder("icc-") as folder, running_product(_options(folder), say=say) as product:
            told.append(DRILLS[name](set_stage(product), options))
        say(json.dumps(told[-1], separators=(",", ":")))
    is_ok = all(one["ok"] for one in told)
    summary = {"ok": is_ok, "drills": [one["drill"] for one in told]}
    sys.stdout.write(json.dumps(summary, separators=(",", ":")) + "\n")
    return 0 if is_ok else 1


def _options(folder: Path) -> Options:
    """The product beside a simulated shop that is told what it may show."""
    return Options(
        port=free_port(),
        data_dir=folder / "d",
        simulator_port=free_port(),
        simulator_host="chaos.localhost",
    )


if __name__ == "__main__":
    sys.exit(main())
