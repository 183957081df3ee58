"""When detection begins: a tenant loads its history before anybody is to be alarmed by it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from exceptions.selectors.detection import POLICY, RECEIVING
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.policies.services import install_policies, set_policy

DEFAULTS: Mapping[str, Mapping[str, object]] = {
    POLICY: {"live_from": ""},
    RECEIVING: {"damage_share": 0.03},
}


def install_defaults(*, by: Actor) -> None:
    """What provisioning calls: detection looks at everything at once, and tolerates 3 % damage."""
    install_policies(DEFAULTS, by=by)


def go_live(at: datetime, *, by: Actor) -> None:
    """Open nothing about what changes before `at`, in product time.

    What stands then is looked at as it changes; reconcile or count to have all of it looked at.
    """
    if at.tzinfo is None:
        raise Refused("Name the moment with its time zone.", field="live_from")
    set_policy(key=POLICY, value={"live_from": at.isoformat()}, by=by)
