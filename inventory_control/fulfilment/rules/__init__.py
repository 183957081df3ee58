"""Pure decisions of fulfilment: whose turn it is, when it will be, and where stock comes from."""

from inventory_control.fulfilment.rules.queueing import (
    in_turn,
    promise_dates,
    serve,
    units_wanted,
)

__all__ = [
    "in_turn",
    "promise_dates",
    "serve",
    "units_wanted",
]
