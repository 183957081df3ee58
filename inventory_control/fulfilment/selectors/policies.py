"""The policies of fulfilment in force, as the rules read them."""

from __future__ import annotations

from inventory_control.fulfilment.rules.policies import QUEUE_ORDER, RANKS
from inventory_control.fulfilment.values import AllocationPolicy, QueuePolicy
from inventory_control.policies.selectors import current_policy

BACKORDERS, ALLOCATION = "backorders", "allocation"


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
