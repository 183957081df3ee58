"""Questions about customers' orders, those who wait, and the policies that serve them."""

from inventory_control.fulfilment.selectors.orders import (
    node_loads,
    sales_order,
    stale_refusals,
    substitutes_of,
)
from inventory_control.fulfilment.selectors.policies import (
    ALLOCATION,
    BACKORDERS,
    allocation_policy,
    queue_policy,
)
from inventory_control.fulfilment.selectors.queue import (
    CONSUMER,
    SORTS,
    backorder_queue,
    backorders,
    has_waiting,
    is_queueing_due,
    last_given,
    locked_queue,
    places_waiting,
    turns_at,
    waiting_count,
    wanted_of,
)

__all__ = [
    "ALLOCATION",
    "BACKORDERS",
    "CONSUMER",
    "SORTS",
    "allocation_policy",
    "backorder_queue",
    "backorders",
    "has_waiting",
    "is_queueing_due",
    "last_given",
    "locked_queue",
    "node_loads",
    "places_waiting",
    "queue_policy",
    "sales_order",
    "stale_refusals",
    "substitutes_of",
    "turns_at",
    "waiting_count",
    "wanted_of",
]
