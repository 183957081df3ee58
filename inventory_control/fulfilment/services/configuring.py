"""The policies of fulfilment, and how a rule reads them."""

from __future__ import annotations

from collections.abc import Mapping

from inventory_control.core.actors import Actor
from inventory_control.fulfilment.rules.policies import QUEUE_ORDER, RANKS
from inventory_control.fulfilment.values import AllocationPolicy, QueuePolicy
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.services import install_policies

BACKORDERS, ALLOCATION = "backorders", "allocation"
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


def queue_policy() -> tuple[QueuePolicy, str, tuple[str, ...]]:
    """How backorders are served now: the policy, its name to cite, and the systems to tell."""
    found = current_policy(BACKORDERS)
    known = [str(one) for one in found.value.get("order_by", ()) if one in QUEUE_ORDER]
    policy = QueuePolicy(
        order_by=tuple(known),
        takes_part=bool(found.value.get("takes_part", False)),
        keeps_remainder=bool(found.value.get("keeps_remainder", True)),
    )
    return policy, found.name, tuple(str(one) for one in found.value.get("tell", ()))


def allocation_policy() -> tuple[AllocationPolicy, str, int]:
    """How stock is allocated now: the policy, its name to cite, and how old figures may be (s)."""
    found = current_policy(ALLOCATION)
    policy = AllocationPolicy(
        order_by=tuple(str(one) for one in found.value.get("order_by", RANKS) if one in RANKS),
        most_nodes=int(found.value.get("most_nodes", 5)),
        takes_part=bool(found.value.get("takes_part", False)),
        remainder=str(found.value.get("remainder", "none")),
    )
    return policy, found.name, int(found.value.get("stale_after_s", 300))
