"""A shop whose systems disagree, and hands that let reports arrive and be compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exceptions.services import detect_due
from inventory_control.availability.services import recalculate_due
from inventory_control.catalog.models import Item, Node
from inventory_control.orders.services import follow_events
from inventory_control.reconciliation.models import Comparison
from inventory_control.reconciliation.services import compare, take_reports
from tests.factories import SYSTEM, item, node, send


@pytest.fixture
def lamp(tenant) -> tuple[Item, Node]:
    """LAMP, which costs 40, and the store S1."""
    return item("LAMP", unit_cost=40), node()


@pytest.fixture
def arrive() -> Callable[..., None]:
    """Post events in one batch and let every stage up to detection deal with them."""

    def carry_out(*bodies: dict[str, Any]) -> None:
        said = {str(answer.outcome) for answer in send(*bodies)}
        assert said <= {"posted", "noted", "duplicate"}, said
        follow_events(by=SYSTEM)
        recalculate_due(by=SYSTEM)
        take_reports(by=SYSTEM)

    return carry_out


@pytest.fixture
def run() -> Callable[[], Comparison]:
    """Compare, then let detection look."""

    def carry_out() -> Comparison:
        comparison = compare(by=SYSTEM)
        detect_due(by=SYSTEM)
        return comparison

    return carry_out
