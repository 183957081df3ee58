"""What policy says of events now."""

from __future__ import annotations

from inventory_control.core import clock
from inventory_control.events.rules import POLICIES, gate_of
from inventory_control.events.values import Gate
from inventory_control.policies.models import Policy


def gate_in_force() -> Gate:
    """What policy says of events now."""
    newest = Policy.objects.filter(key__in=POLICIES, effective_at__lte=clock.now())
    return gate_of(dict(newest.order_by("key", "version").values_list("key", "value")))
