"""Making a place to play: a sandbox tenant of its own for each story."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from connectors.services import add_connector
from inventory_control.core.actors import Actor
from inventory_control.core.tenancy import in_public, in_tenant
from inventory_control.people.services import add_member, issue_key
from inventory_control.provisioning import provision
from inventory_control.roles import ROLES
from inventory_control.stories.values import Story
from inventory_control.web.tiers import Tier
from tenants.models import Partner
from tenants.services import create_tenant

INTEGRATOR = "integrator"
SHOPS = "shops"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a story is played: the tenant's host name and a key for everybody in it."""

    host: str
    keys: dict[str, str]


def set_stage(story: Story, *, partner: Partner, simulator: str = "", by: Actor) -> Stage:
    """Provision a fresh sandbox tenant with the story's people; each holds the roles it names.

    `people` maps a name to roles; an integrator is always there. What the story has simulated
    is served at the address `simulator`: its channels by one connector, each system by its own.
    """
    label = f"story-{story.key.lower()}-{secrets.token_hex(3)}"
    with in_public():
        tenant = create_tenant(
            partner=partner,
            name=f"Story {story.key}",
            label=label,
            domain=f"{label}.localhost",
            seed="#4a5a2e",
            is_sandbox=True,
        )
    ref = provision(tenant)
    keys: dict[str, str] = {}
    with in_tenant(ref):
        _connect(story, simulator, by)
        for name, roles in {INTEGRATOR: [INTEGRATOR], **story.people}.items():
            kind = "person" if name != INTEGRATOR and "advisor" not in roles else "service"
            member = add_member(
                username=name, name=name.title(), password=None, roles=roles, kind=kind, by=by
            )
            scopes = sorted({grant for role in roles for grant in ROLES[role][1]})
            keys[name] = issue_key(
                user=member, name=name, scopes=scopes, tiers=tuple(Tier), sources=["*"], by=by
            )
    return Stage(host=f"{label}.localhost", keys=keys)


def _connect(story: Story, simulator: str, by: Actor) -> None:
    """Have everything that the story has simulated served."""
    sold = {str(channel["code"]) for channel in story.catalog.get("channels", ())}
    channels = [name for name in story.simulated if name in sold]
    served: dict[str, dict[str, Any]] = {SHOPS: {"channels": channels}} if channels else {}
    served |= {name: {} for name in story.simulated if name not in sold}
    tries = {"retry_after": list(story.retry_after)} if story.retry_after else {}
    for code, options in served.items():
        add_connector(
            code=code,
            name=f"Simulated {code}",
            adapter="simulator",
            url=simulator,
            secret=secrets.token_hex(16),
            options=options | tries,
            by=by,
        )
