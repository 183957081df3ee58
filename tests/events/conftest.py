"""What the product does by itself between two facts, in the order of its stages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inventory_control import pipeline


@pytest.fixture
def settle() -> Callable[[], list[str]]:
    """Run whatever is due until nothing is; answers the stages that ran."""

    def run() -> list[str]:
        ran: list[str] = []
        for _ in range(10):
            due = pipeline.unsettled()
            if not due:
                return ran
            for name in due:
                pipeline.run_stage(name)
                ran.append(name)
        raise AssertionError(f"{pipeline.unsettled()} did not settle")

    return run
