"""Asks for positions of the past of the item with the longest history; prints the milliseconds.

Run as a process of its own with the application's environment.
"""

from __future__ import annotations

import json
import random
import sys
import time

import django

django.setup()

from django.db import connection  # noqa: E402 - Django first

from inventory_control.core.tenancy import in_tenant  # noqa: E402
from inventory_control.stock.selectors import position_as_of  # noqa: E402
from tenants.selectors import tenant_labelled  # noqa: E402

QUERIES = 200
LONGEST = """
    SELECT item_id, node_id, count(*), min(occurred_at), max(occurred_at)
      FROM stock_ledgerentry GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 1
"""


def main() -> None:
    """Random moments over the whole history, checked against the sum over all lines."""
    rng = random.Random(3)
    with in_tenant(tenant_labelled("bench0")):
        with connection.cursor() as cursor:
            cursor.execute(LONGEST)
            item_id, node_id, rows, first, last = cursor.fetchone()
        times = []
        for number in range(QUERIES):
            moment = first + (last - first) * rng.random()
            started = time.perf_counter()
            found = position_as_of(item_id, node_id, moment)
            times.append(time.perf_counter() - started)
            if number < 3:
                _check(item_id, node_id, moment, found)
    times.sort()
    told = {
        "rows": rows,
        "p50_ms": round(times[QUERIES // 2] * 1000, 1),
        "p95_ms": round(times[int(QUERIES * 0.95)] * 1000, 1),
    }
    sys.stdout.write(json.dumps(told) + "\n")


def _check(item_id: int, node_id: int, moment: object, found: dict[str, int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, sum(quantity) FROM stock_ledgerentry WHERE item_id = %s"
            " AND node_id = %s AND occurred_at <= %s GROUP BY state",
            [item_id, node_id, moment],
        )
        wanted = {state: int(units) for state, units in cursor.fetchall()}
    if {k: v for k, v in found.items() if v} != {k: v for k, v in wanted.items() if v}:
        raise RuntimeError(f"as of {moment}: {found}, not {wanted}")


if __name__ == "__main__":
    main()
