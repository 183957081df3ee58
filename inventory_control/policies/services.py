"""Commands on policies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from inventory_control.audit.services import record
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.permissions import require
from inventory_control.policies import permissions
from inventory_control.policies.models import Policy
from inventory_control.policies.values import DEFAULTS

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""When a tenant's first versions take effect: before anything that happened."""


@transaction.atomic
def set_policy(*, key: str, value: Mapping[str, Any], by: Actor) -> Policy:
    """Put a new version in force from now on; the one before stays readable."""
    require(by, permissions.CHANGE)
    last = Policy.objects.select_for_update().filter(key=key).order_by("-version").first()
    policy = Policy.objects.create(
        key=key,
        version=1 if last is None else last.version + 1,
        value=dict(value),
        effective_at=clock.now(),
        set_by=by.id,
    )
    record(
        "policy.set",
        subject=("policy", key),
        by=by,
        data={
            "version": policy.version,
            "value": _exact(value),
            "was": None if last is None else _exact(last.value),
        },
    )
    return policy


@transaction.atomic
def install_policies(defaults: Mapping[str, Mapping[str, Any]], *, by: Actor) -> None:
    """Give a new tenant version 1 of policies it does not have yet."""
    require(by, permissions.CHANGE)
    known = set(
        Policy.objects.filter(key__in=defaults)
        .values("key")
        .annotate(last=Max("version"))
        .values_list("key", flat=True)
    )
    Policy.objects.bulk_create(
        Policy(key=key, version=1, value=dict(value), effective_at=ALWAYS, set_by=by.id)
        for key, value in defaults.items()
        if key not in known
    )


def install_defaults(*, by: Actor) -> None:
    """What provisioning calls: the policies of the core."""
    install_policies(DEFAULTS, by=by)


def _exact(value: Mapping[str, Any]) -> dict[str, object]:
    """A value as the audit log keeps it: floats as text, so that the canonical form is exact."""
    return {key: str(one) if isinstance(one, float) else one for key, one in value.items()}
