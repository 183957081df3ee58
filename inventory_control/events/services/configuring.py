"""Configuring: the policies of the inbox a new tenant starts with."""

from __future__ import annotations

from inventory_control.core.actors import Actor
from inventory_control.events.rules import POLICIES
from inventory_control.events.values import DEFAULTS
from inventory_control.policies.services import install_policies


def install_defaults(*, by: Actor) -> None:
    """What provisioning calls: schema versions, the lock of periods, suspected duplicates; how old
    data may be, and how its quality is scored.
    """
    install_policies({**POLICIES, **DEFAULTS}, by=by)
