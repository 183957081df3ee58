"""The policies of fulfilment a new tenant starts with."""

from __future__ import annotations

from collections.abc import Mapping

from inventory_control.core.actors import Actor
from inventory_control.fulfilment.rules.policies import RANKS
from inventory_control.fulfilment.selectors import ALLOCATION, BACKORDERS
from inventory_control.policies.services import install_policies

DEFAULTS: Mapping[str, Mapping[str, object]] = {
    BACKORDERS: {
        "order_by": ["service", "age"],
        "takes_part": False,
        "keeps_remainder": True,
        "tell": ["oms"],
    },
    ALLOCATION: {
        "order_by": list(RANKS),
        "most_nodes": 5,
        "takes_part": False,
        "remainder": "none",
        "stale_after_s": 300,
    },
}


def install_defaults(*, by: Actor) -> None:
    """What provisioning calls: premium first, then the oldest, nobody in parts."""
    install_policies(DEFAULTS, by=by)
