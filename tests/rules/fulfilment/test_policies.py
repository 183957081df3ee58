"""What the policies of fulfilment may say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inventory_control.core.errors import Refused
from inventory_control.fulfilment.rules import check_allocation, check_backorders
from inventory_control.fulfilment.services.configuring import DEFAULTS
from inventory_control.stock.rules import check_reservations

CHECKS = {"backorders": check_backorders, "allocation": check_allocation}


def test_what_a_tenant_starts_with_holds_together():
    for key, check in CHECKS.items():
        check(DEFAULTS[key])
    check_reservations({"mode": "partial"})


@pytest.mark.parametrize(
    ("check", "change", "field"),
    [
        (check_backorders, {"order_by": ["margin"]}, "order_by"),
        (check_backorders, {"order_by": ["age", "age"]}, "order_by"),
        (check_backorders, {"keeps_remainder": "yes"}, "keeps_remainder"),
        (check_backorders, {"tell": "oms"}, "tell"),
        (check_backorders, {"surprise": 1}, "surprise"),
        (check_allocation, {"remainder": "lost"}, "remainder"),
        (check_allocation, {"most_nodes": 0}, "most_nodes"),
        (check_allocation, {"stale_after_s": True}, "stale_after_s"),
        (check_reservations, {"mode": "some"}, "mode"),
    ],
)
def test_what_does_not_hold_together_names_its_field(
    check: Callable[..., None], change: dict[str, Any], field: str
):
    key = next((key for key, one in CHECKS.items() if one is check), None)

    with pytest.raises(Refused) as refused:
        check({**(DEFAULTS[key] if key else {}), **change})

    assert refused.value.field == field
