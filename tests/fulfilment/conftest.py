"""A shop whose backorders are taken in and served as the stages would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inventory_control.availability.services import recalculate_due
from inventory_control.fulfilment.services import queue_backorders
from tests.factories import SYSTEM, event, outcomes


@pytest.fixture
def tell() -> Callable[..., None]:
    """Post events and let the stages run until they have settled."""

    def carry_out(*bodies: dict[str, Any]) -> None:
        assert set(outcomes(*bodies)) <= {"posted", "noted", "duplicate"}
        queue_backorders(by=SYSTEM)
        recalculate_due(by=SYSTEM)
        recalculate_due(by=SYSTEM)

    return carry_out


def backordered(order: str, units: int, **fields: Any) -> dict[str, Any]:
    """An order line of TENT at DC1 that could not be served."""
    service = fields.pop("service", "standard")
    return event(
        "order.backordered",
        units,
        **{
            "item": "TENT",
            "node": "DC1",
            "order": order,
            "line": "1",
            "attributes": {"service": service},
            **fields,
        },
    )
