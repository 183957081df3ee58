"""The policies of fulfilment, and how a rule reads them."""

from __future__ import annotations

from collections.abc import Mapping

from inventory_control.core.actors import Actor
from inventory_control.fulfilment.values import QueuePolicy
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.services import install_policies

BACKORDERS = "backorders"
DEFAULTS: Mapping[str, Mapping[str, object]] = {
    BACKORDERS: {
        "order_by": ["service", "age"],
        "takes_part": False,
        "keeps_remainder": True,
        "tell": ["oms"],
    },
}


def install_defaults(*, by: Actor) -> None:
    """What provisioning calls: premium first, then the oldest, nobody in parts."""
    install_policies(DEFAULTS, by=by)


def queue_policy() -> tuple[QueuePolicy, str, tuple[str, ...]]:
    """How backorders are served now: the policy, its name to cite, and the systems to tell."""
    found = current_policy(BACKORDERS)
    known = [str(one) for one in found.value.get("order_by", ()) if one in {"service", "age"}]
    policy = QueuePolicy(
        order_by=tuple(known),
        takes_part=bool(found.value.get("takes_part", False)),
        keeps_remainder=bool(found.value.get("keeps_remainder", True)),
    )
    return policy, found.name, tuple(str(one) for one in found.value.get("tell", ()))
