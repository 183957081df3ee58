"""Which policy is in force."""

from __future__ import annotations

from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.policies.models import Policy
from inventory_control.policies.values import PolicyValue


def current_policy(key: str) -> PolicyValue:
    """The version in force now; raises `Refused` when the tenant has none of that key."""
    found = (
        Policy.objects.filter(key=key, effective_at__lte=clock.now()).order_by("-version").first()
    )
    if found is None:
        raise Refused(f"No policy is called {key}.", field="key")
    return PolicyValue(key=found.key, version=found.version, value=found.value)
