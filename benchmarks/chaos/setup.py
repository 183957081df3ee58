"""Makes the tenant drills are played in: items, nodes, channels, a key, a signed connector."""

from __future__ import annotations

import json
import sys

import django

django.setup()

from connectors.services import add_connector, pause  # noqa: E402 - Django first
from connectors.simulators.server import secret_of  # noqa: E402
from inventory_control.catalog.models import Channel, Item, Node  # noqa: E402
from inventory_control.core.actors import Actor  # noqa: E402
from inventory_control.core.tenancy import in_public, in_tenant  # noqa: E402
from inventory_control.people.services import add_member, issue_key  # noqa: E402
from inventory_control.provisioning import provision  # noqa: E402
from inventory_control.roles import ROLES  # noqa: E402
from inventory_control.web.tiers import Tier  # noqa: E402
from tenants.services import create_partner, create_tenant  # noqa: E402

BY = Actor.system("chaos")


def main(label: str, items: int, nodes: int, simulator: str) -> None:
    """One tenant; prints how to reach it."""
    with in_public():
        partner = create_partner(
            name=label, slug=label, domain=f"{label}-partner.localhost", seed="#0b5c78"
        )
        row = create_tenant(
            partner=partner,
            name=label,
            label=label,
            domain=f"{label}.localhost",
            seed="#7a2e2e",
        )
    ref = provision(row)
    secret = secret_of(label)
    with in_tenant(ref):
        Item.objects.bulk_create(Item(sku=f"I{n}", name=f"I{n}") for n in range(items))
        Node.objects.bulk_create(Node(code=f"N{n}", name=f"N{n}") for n in range(nodes))
        Channel.objects.bulk_create(
            Channel(code=code, name=code, is_published=False) for code in ("WEB", "MK1", "MK2")
        )
        till = add_member(
            username="till", name="Till", password=None, roles=["integrator"], kind="service", by=BY
        )
        key = issue_key(
            user=till,
            name="till",
            scopes=ROLES["integrator"][1],
            tiers=tuple(Tier),
            sources=["*"],
            by=BY,
        )
        add_connector(
            code="till", name="Till", adapter="simulator", url="", secret=secret, options={}, by=BY
        )
        add_connector(
            code="WEB",
            name="Web",
            adapter="simulator",
            url=simulator,
            secret=secret,
            options={},
            by=BY,
        )
        # Documents of what moved wait for an ERP nobody listens to in drills.
        add_connector(
            code="erp", name="ERP", adapter="simulator", url="", secret=secret, options={}, by=BY
        )
        pause(code="erp", by=BY)
    sys.stdout.write(
        json.dumps(
            {"host": f"{label}.localhost", "schema": ref.schema_name, "key": key, "secret": secret}
        )
        + "\n"
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
