"""A shop to order for, and a hand that lets events about orders be followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inventory_control.catalog.models import Item, Node
from inventory_control.orders.services import follow_events
from tests.factories import SYSTEM, item, node, send, supplier


@pytest.fixture
def shop(tenant) -> tuple[Item, Node]:
    """SOCK of the supplier MILL, and the store S1."""
    return item(supplier=supplier()), node()


@pytest.fixture
def follow() -> Callable[..., int]:
    """Post events in one batch and have orders follow them; answers how many were."""

    def carry_out(*bodies: dict[str, Any]) -> int:
        assert {str(answer.outcome) for answer in send(*bodies)} <= {"posted", "noted", "duplicate"}
        return follow_events(by=SYSTEM)

    return carry_out
