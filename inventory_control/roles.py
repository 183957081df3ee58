"""The roles a new tenant starts with; its admins may change them afterwards."""

from __future__ import annotations

from collections.abc import Mapping

from ai_advice import permissions as advice
from connectors import permissions as connectors
from exceptions import permissions as exceptions
from inventory_control.audit import permissions as audit
from inventory_control.availability import permissions as availability
from inventory_control.catalog import permissions as catalog
from inventory_control.core.actors import Actor
from inventory_control.events import permissions as events
from inventory_control.fulfilment import permissions as fulfilment
from inventory_control.notifications import permissions as notifications
from inventory_control.orders import permissions as orders
from inventory_control.outbox import permissions as outbox
from inventory_control.people import permissions as people
from inventory_control.people.models import Role
from inventory_control.people.services import set_role
from inventory_control.policies import permissions as policies
from inventory_control.reconciliation import permissions as reconciliation
from inventory_control.stock import permissions as stock
from workflows import permissions as workflows

SANDBOX_CLOCK = "sandbox.clock"
"""Moves a sandbox's clock; worthless in every other tenant."""

READING = (
    advice.READ,
    audit.READ,
    catalog.READ,
    events.READ,
    exceptions.READ,
    fulfilment.READ,
    notifications.READ,
    orders.READ,
    reconciliation.READ,
    stock.READ,
    workflows.READ,
)
DECIDING = (
    *READING,
    exceptions.HANDLE,
    reconciliation.APPROVE,
    reconciliation.COMPARE,
    reconciliation.RESOLVE,
    reconciliation.SIGN,
    workflows.APPROVE,
)

ROLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "planner": (
        "Planner",
        (
            *DECIDING,
            availability.EXPOSE,
            availability.PLAN,
            catalog.MAP,
            events.RETRY,
            orders.PLACE,
            outbox.RETRY,
            stock.ADJUST,
            workflows.REQUEST,
            stock.HOLD,
            fulfilment.ALLOCATE,
            notifications.REQUEST,
        ),
    ),
    "finance": ("Finance controller", DECIDING),
    "supply_lead": ("Head of supply", DECIDING),
    "finance_director": ("Finance director", (*DECIDING, events.HOLD)),
    "auditor": ("Auditor", READING),
    "admin": (
        "Administrator",
        (
            *READING,
            availability.EXPOSE,
            catalog.MAP,
            connectors.CONFIGURE,
            connectors.READ,
            events.MANAGE_SOURCES,
            events.REPLAY,
            events.RETRY,
            people.MANAGE_PEOPLE,
            policies.CHANGE,
            workflows.CONFIGURE,
        ),
    ),
    "integrator": (
        "Integration",
        (
            *READING,
            catalog.MAP,
            catalog.WRITE,
            connectors.READ,
            events.OPEN_STOCK,
            events.REPLAY,
            events.RETRY,
            events.WRITE,
            fulfilment.ALLOCATE,
            notifications.REQUEST,
            stock.HOLD,
            reconciliation.COMPARE,
            reconciliation.DECLARE,
            stock.RESERVE,
            workflows.REQUEST,
            SANDBOX_CLOCK,
        ),
    ),
    "advisor": ("External advisor", (advice.READ, advice.WRITE, exceptions.READ)),
}
"""Key -> name and what it grants. Approval matrices name roles by these keys."""


def install_roles(*, by: Actor) -> None:
    """Give a new tenant the roles it does not have yet; changed ones stay as they are."""
    known = set(Role.objects.values_list("key", flat=True))
    for key, (name, grants) in ROLES.items():
        if key not in known:
            set_role(key=key, name=name, grants=grants, by=by)
