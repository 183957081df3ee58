"""History: rebuilding the balances of a grown ledger, and positions of the past of one hot item.

Measured where `growth` left the ledger: the first tenant, one item of which has a fifth of all
rows.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time

from benchmarks.bench import CHECKOUT, Bench, say, settle


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """Ledger rows a second, and milliseconds of a query."""
    settle(bench)
    with bench.session() as session:
        ((rows,),) = session.execute("SELECT count(*) FROM stock_ledgerentry").fetchall()
    started = time.perf_counter()
    report = bench.product.command("rebuild_balances", "--tenant", "bench0")
    told = re.search(r"in (?P<seconds>[\d.]+) s", report)
    seconds = float(told["seconds"]) if told else time.perf_counter() - started
    if "difference 0," not in report:
        raise RuntimeError(f"the grown ledger does not agree with its balances: {report}")
    asked = subprocess.run(
        [sys.executable, "-m", "benchmarks.as_of"],
        cwd=CHECKOUT,
        env=dict(bench.product.environments["app"]),
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        raise RuntimeError(asked.stderr[-2000:])
    found = json.loads(asked.stdout.splitlines()[-1])
    say(f"rebuild of {rows:,} rows in {seconds:.1f} s; as-of over {found['rows']:,} rows: {found}")
    return {
        "rebuild_rows_s": round(rows / seconds),
        "asof_p95_ms": found["p95_ms"],
        "asof_rows": found["rows"],
    }
