"""Which policy is in force."""

from __future__ import annotations

import json

from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.core.sql import hot
from inventory_control.policies.values import PolicyValue

_IN_FORCE = """
    SELECT version, value::text FROM policies_policy
     WHERE key = %(key)s::text AND effective_at <= %(now)s::timestamptz
     ORDER BY version DESC LIMIT 1
"""


def policy_in_force(key: str) -> PolicyValue | None:
    """The version in force now, or None when the tenant has none."""
    for version, value in hot(_IN_FORCE, {"key": key, "now": clock.now()}):
        return PolicyValue(key=key, version=version, value=json.loads(value))
    return None


def current_policy(key: str) -> PolicyValue:
    """The version in force now; raises `Refused` when the tenant has none of that key."""
    found = policy_in_force(key)
    if found is None:
        raise Refused(f"No policy is called {key}.", field="key")
    return found
