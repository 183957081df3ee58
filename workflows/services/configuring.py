"""Configuring: the definitions, the approval matrix and the bounds of autonomy, versioned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date
from pathlib import Path
from typing import Any

import yaml
from django.db import transaction

from inventory_control.availability.rules import (
    check_exposure,
    check_fallbacks,
    check_safety_stock,
)
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.events.rules import (
    LOCK_POLICY,
    check_event_schemas,
    check_period_lock,
    check_suspected_duplicates,
)
from inventory_control.fulfilment.rules import check_allocation, check_backorders
from inventory_control.notifications.rules import check_terms as check_notifications
from inventory_control.notifications.values import POLICY as CUSTOMER_NOTIFICATIONS
from inventory_control.policies.models import Policy
from inventory_control.policies.services import install_policies, set_policy
from inventory_control.policies.values import LEDGER_RETENTION, REASON_CODES
from inventory_control.reconciliation.rules import POLICY as RECONCILIATION
from inventory_control.reconciliation.rules import check_terms
from inventory_control.stock.errors import BeforeHorizonError
from inventory_control.stock.rules import check_reservations, check_retention
from inventory_control.stock.selectors import ledger_horizon
from workflows import definitions, permissions
from workflows.models import Workflow
from workflows.rules import (
    check_autonomy,
    check_drift,
    check_markdown,
    check_matrix,
    check_reasons,
    read_definition,
)

MATRIX, AUTONOMY, DRIFT = "approval_matrix", "autonomy", "request_drift"
MARKDOWN = "markdown"
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    MATRIX: {
        "purchase": [
            {"up_to": "1000", "roles": ["planner"]},
            {"up_to": None, "roles": ["planner", "finance"]},
        ],
        "transfer": [{"up_to": None, "roles": ["planner"]}],
        "adjust": [
            {"up_to": "1000", "roles": ["planner"]},
            {"up_to": None, "roles": ["planner", "finance"]},
        ],
        "correct": [
            {"up_to": "1000", "roles": ["planner"]},
            {"up_to": None, "roles": ["planner", "finance"]},
        ],
        "markdown": [
            {"up_to": "1000", "roles": ["planner"]},
            {"up_to": None, "roles": ["planner", "finance"]},
        ],
        "resume": [{"up_to": None, "roles": ["planner"]}],
        "respond_hours": 8,
        "escalate_to": {"planner": "supply_lead", "finance": "finance_director"},
    },
    AUTONOMY: {"mode": "act", "transfer": {"max_value": "250", "min_confidence": 0.85}},
    DRIFT: {"units": 5, "share": "0.1"},
    MARKDOWN: {"cover_days": 120, "age_days": 180},
}
CHECKS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    MATRIX: check_matrix,
    AUTONOMY: check_autonomy,
    DRIFT: check_drift,
    MARKDOWN: check_markdown,
    REASON_CODES: check_reasons,
    "advice": lambda value: None,
    "event_schemas": check_event_schemas,
    LOCK_POLICY: check_period_lock,
    "suspected_duplicates": check_suspected_duplicates,
    "allocation": check_allocation,
    "backorders": check_backorders,
    CUSTOMER_NOTIFICATIONS: check_notifications,
    "reservations": check_reservations,
    LEDGER_RETENTION: check_retention,
    "exposure": check_exposure,
    "safety_stock": check_safety_stock,
    "stale_feed": check_fallbacks,
    RECONCILIATION: check_terms,
}
"""Policies that may be set through the workflows' door, each with its check."""
_SHIPPED = Path(str(definitions.__file__)).parent


def install_defaults(*, by: Actor) -> None:
    """What provisioning calls: version 1 of every shipped definition and policy."""
    install_policies(DEFAULTS, by=by)
    for file in sorted(_SHIPPED.glob("*.yaml")):
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        definition = read_definition(raw, file.name)
        if not Workflow.objects.filter(key=definition.key).exists():
            Workflow.objects.create(
                key=definition.key, version=1, definition=raw, installed_at=clock.now()
            )


@transaction.atomic
def configure(*, key: str, value: Mapping[str, Any], by: Actor) -> Policy:
    """Put a new version of a governing policy in force, once it holds together.

    Runs that were asked for keep what they were asked under. Raises `InvalidPolicyError` naming
    the field, `BeforeHorizonError` for a lock that would let events into what was retired.
    """
    require(by, permissions.CONFIGURE)
    check = CHECKS.get(key)
    if check is None:
        raise Refused(f"No policy {key} can be set here. Known: {', '.join(CHECKS)}.", field="key")
    check(value)
    policy = set_policy(key=key, value=value, by=by)
    if key == LOCK_POLICY:
        _keep_retired_locked(value["until"])
    return policy


def _keep_retired_locked(until: str | None) -> None:
    """A count of a day whose lines are gone would be judged by moves that are not there.

    Asked once the policy is written: retiring reads the lock and lets nobody write one meanwhile.
    """
    horizon = ledger_horizon()
    if horizon is None:
        return
    day = horizon.at.astimezone(UTC).date()
    if until is None or date.fromisoformat(until) < day:
        raise BeforeHorizonError(
            f"The ledger up to {day} was retired; the lock stays on that day or later.",
            field="until",
            extra={"horizon": horizon.at.isoformat()},
        )
