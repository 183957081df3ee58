"""The policy of notifications a new tenant starts with."""

from __future__ import annotations

from inventory_control.core.actors import Actor
from inventory_control.notifications.values import DEFAULTS
from inventory_control.policies.services import install_policies


def install_defaults(*, by: Actor) -> None:
    """What provisioning calls: nobody is told anything without having agreed."""
    install_policies(DEFAULTS, by=by)
