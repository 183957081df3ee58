"""Configuring: the policies of the inbox a new tenant starts with."""

from __future__ import annotations

from inventory_control.core.actors import Actor
from inventory_control.events.rules import POLICIES
from inventory_control.policies.services import install_policies


def install_defaults(*, by: Actor) -> None:
    """What provisioning calls: schema versions, the lock of periods, suspected duplicates."""
    install_policies(POLICIES, by=by)
