"""`python -m benchmarks`: ratios against the floors, measured in interleaved rounds of one run.

Prints every round and, as its last line, one JSON object. A ratio below its bar is said, never
hidden: `missed` lists it with figure and bar; `ok` is about whether everything could be measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from benchmarks import growth, history, pages, posting, promising, pushing, routing
from benchmarks.bench import CHECKOUT, Bench, look_over, open_folder, say
from inventory_control.demo.places import Folder
from inventory_control.demo.running import (
    SETUP,
    Options,
    Product,
    free_port,
    product_folder,
    running_product,
)

TENANTS = 500
CASES = 150_000
PARTS: dict[str, Callable[[Bench, argparse.Namespace], dict[str, float]]] = {
    "posting": posting.measure,
    "promising": promising.measure,
    "routing": routing.measure,
    "pages": pages.measure,
    "pushing": pushing.measure,
    "growth": growth.measure,
    "history": history.measure,
}
BARS = {
    "bulk_vs_copy": (0.40, ">="),
    "single_vs_bare": (0.60, ">="),
    "single_p99_ratio": (2.0, "<="),
    "reserve_vs_floor": (0.55, ">="),
    "hot_vs_many": (0.9, ">="),
    "reserve_p99_ratio": (2.0, "<="),
    "ats_lookup_vs_bare": (0.70, ">="),
    "routing_loss": (0.05, "<="),
    "routing_loss_query": (0.10, "<="),
    "deep_page_ratio": (2.0, "<="),
    "deep_page_sql_ratio": (4.0, "<="),
    "cost_growth_rows": (1.3, "<="),
    "cost_growth_tenants": (1.3, "<="),
    "worker_mib": (250, "<="),
    "push_p95_s": (2.0, "<="),
    "burst_p95_s": (5.0, "<="),
    "burst_rate": (10_000, ">="),
    "recovery_s": (60.0, "<="),
    "rebuild_rows_s": (200_000, ">="),
    "asof_p95_ms": (50, "<="),
}


def main() -> int:
    """Measure everything, or the parts that are named, and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=12, help="bulk batches a client and round")
    parser.add_argument("--singles", type=int, default=150, help="single events a connection")
    parser.add_argument("--tenants", type=int, default=TENANTS)
    parser.add_argument("--ledger", type=int, default=5_000_000, help="ledger rows to grow to")
    options = parser.parse_args()
    port = free_port()
    figures: dict[str, Any] = {}
    with (
        open_folder("icb-") as folder,
        running_product(
            Options(
                port=port,
                data_dir=folder / "d",
                simulator_port=free_port(),
                simulator_host="bench0.localhost",
            ),
            say=say,
        ) as product,
    ):
        say(f"Making {options.tenants + 1} tenants and {CASES:,} cases.")
        bench = Bench(product, port, _set_up(product, options.tenants))
        for part in options.parts:
            figures |= PARTS[part](bench, options)
    missed = {
        name: {"figure": figures[name], "bar": bar, "wanted": sense}
        for name, (bar, sense) in BARS.items()
        if name in figures and not (figures[name] >= bar if sense == ">=" else figures[name] <= bar)
    }
    result = {"ok": True, **figures, "replay_rate": _replay_rate(), "missed": missed}
    sys.stdout.write(json.dumps(result, separators=(",", ":")) + "\n")
    return 0


def _set_up(product: Product, tenants: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.setup", str(tenants), str(CASES), product.simulator],
        cwd=CHECKOUT,
        env=dict(product.environments[SETUP]),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    look_over(product.servers.database_url)
    return told


def _replay_rate() -> float | None:
    """Events a second of the last file this checkout's demo replayed, if it replayed one."""
    kept = Folder(product_folder(Options(port=0))).replayed
    if not kept.exists():
        return None
    result = json.loads(kept.read_text(encoding="utf-8"))
    return round(result["events_posted"] / result["job_seconds"], 1)


if __name__ == "__main__":
    sys.exit(main())
