"""Times the queue's own query on page 1 and page 1,000, without HTTP; prints one JSON object."""

from __future__ import annotations

import json
import statistics
import sys
import time

import django

django.setup()

from exceptions.selectors import exception_queue  # noqa: E402 - Django first
from exceptions.values import QueueFilters  # noqa: E402
from inventory_control.core.tenancy import in_tenant  # noqa: E402
from tenants.selectors import tenant_labelled  # noqa: E402

TIMES = 30


def main(after: str) -> None:
    """The median seconds of each page."""
    tenant = tenant_labelled("bench0")
    if tenant is None:
        raise LookupError("bench0")
    with in_tenant(tenant):
        timed: dict[str, list[float]] = {"first": [], "deep": []}
        for _ in range(TIMES):
            for name, place in (("first", ""), ("deep", after)):
                started = time.perf_counter()
                exception_queue(QueueFilters(), place)
                timed[name].append(time.perf_counter() - started)
    result = {name: statistics.median(found) for name, found in timed.items()}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
