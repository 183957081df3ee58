"""Pure decisions of fulfilment: whose turn it is, when it will be, and where stock comes from."""

from inventory_control.fulfilment.rules.allocating import allocate, ready_at
from inventory_control.fulfilment.rules.ordering import order_from
from inventory_control.fulfilment.rules.policies import check_allocation, check_backorders
from inventory_control.fulfilment.rules.queueing import (
    in_turn,
    promise_dates,
    serve,
    standing,
    units_wanted,
    why_waits,
)

__all__ = [
    "allocate",
    "check_allocation",
    "check_backorders",
    "in_turn",
    "order_from",
    "promise_dates",
    "ready_at",
    "serve",
    "standing",
    "units_wanted",
    "why_waits",
]
