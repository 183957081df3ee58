"""What a new tenant starts with."""

from __future__ import annotations

from inventory_control.core.actors import Actor
from inventory_control.policies.services import install_policies
from inventory_control.reconciliation.rules import DEFAULTS, POLICY


def install_defaults(*, by: Actor) -> None:
    """What provisioning calls: the terms of reconciliation."""
    install_policies({POLICY: DEFAULTS}, by=by)
