"""Makes what is measured: tenants with items, keys, a member, and cases for a deep queue.

Run as a process of its own with the set-up environment; prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import timedelta

import django

django.setup()

from django.db import connection  # noqa: E402 - Django first

from benchmarks.floors.facts import ITEMS, START  # noqa: E402
from benchmarks.floors.receipts import RECEIPTS  # noqa: E402
from connectors.services import add_connector  # noqa: E402
from connectors.simulators.server import secret_of  # noqa: E402
from inventory_control.catalog.models import Channel, Item, Node  # noqa: E402
from inventory_control.core import clock  # noqa: E402
from inventory_control.core.actors import Actor  # noqa: E402
from inventory_control.core.tenancy import TenantRef, in_public, in_tenant  # noqa: E402
from inventory_control.events.permissions import OPEN_STOCK, WRITE  # noqa: E402
from inventory_control.people.services import add_member, issue_key  # noqa: E402
from inventory_control.provisioning import provision  # noqa: E402
from inventory_control.roles import ROLES  # noqa: E402
from inventory_control.stock.services import post_rows  # noqa: E402
from inventory_control.web.tiers import Tier  # noqa: E402
from tenants.services import create_partner, create_tenant  # noqa: E402

PASSWORD = "benchmarks-only-on-this-machine"  # noqa: S105 - a throw-away stack
BY = Actor.system("benchmarks")
IN_STOCK = 10_000_000
"""Units of every item to begin with: a tenant whose whole stock is negative is no measure."""
ITEMS_AT_ONCE = """
    INSERT INTO catalog_item (
        sku, name, unit, item_class, unit_cost, unit_price, pack_size, minimum_order_quantity,
        has_serials
    )
    SELECT 'ITEM-' || lpad(n::text, 5, '0'), 'Item', 'each', 'C', 4, 10, 1, 1, false
      FROM generate_series(0, %(items)s - 1) AS n
"""
CASES = """
    INSERT INTO exceptions_exceptioncase (
        kind, key, item_id, node_id, document, severity, units, at_stake, summary, evidence,
        opened_at, due_at, last_seen_at, seen, version, assignee, resolution, reason, governed_by,
        correlation_id, status
    )
    SELECT 'negative_stock', 'bench:' || n, %(first)s + n %% %(items)s, 1, '', 1 + n %% 4, n %% 90,
           n %% 5000, 'Case ' || n, '{}', %(now)s, %(now)s + n * interval '7 seconds', %(now)s, 1,
           1, '', '', '', '', '', 'open'
      FROM generate_series(1, %(cases)s) AS n
"""


def _open_stock() -> None:
    """Enough of every item that is sold."""
    rows = [
        json.dumps(
            {
                "type": "stock.opened",
                "source_id": f"open-{number}",
                "occurred_at": (START - timedelta(days=1)).isoformat(),
                "item": f"ITEM-{number:05d}",
                "node": "S1",
                "quantity": IN_STOCK,
            }
        ).encode()
        for number in range(ITEMS)
    ]
    for start in range(0, ITEMS, 1_000):
        answers = post_rows(
            rows[start : start + 1_000],
            received_from="bench",
            may_speak_for=lambda _source: True,
            by=replace(BY, permissions=frozenset({WRITE, OPEN_STOCK})),
        )
        if {str(one.outcome) for one in answers} != {"posted"}:
            raise RuntimeError(str(answers[0]))


def _furnish(ref: TenantRef) -> str:
    """Give a tenant what batches of sales need, stock too, and a till; returns the till's key."""
    with in_tenant(ref):
        Node.objects.create(code="S1", name="S1")
        with connection.cursor() as cursor:
            cursor.execute(ITEMS_AT_ONCE, {"items": ITEMS})
            cursor.execute(
                RECEIPTS,
                {
                    "first": Item.objects.order_by("pk").values_list("pk", flat=True)[0],
                    "node": Node.objects.get().pk,
                    "items": ITEMS,
                    "hot": ITEMS + 1,
                    "units": IN_STOCK,
                    "at": START - timedelta(days=100),
                    "start": 0,
                    "end": ITEMS - 1,
                },
            )
        return _till()


def _till() -> str:
    till = add_member(
        username="till", name="Till", password=None, roles=["integrator"], kind="service", by=BY
    )
    return issue_key(
        user=till,
        name="till",
        scopes=ROLES["integrator"][1],
        tiers=tuple(Tier),
        sources=["*"],
        by=BY,
    )


def main(tenants: int, cases: int, simulator: str) -> None:
    """One tenant that works, `tenants` more that are routed to and posted to in turn."""
    with in_public():
        partner = create_partner(
            name="Bench", slug="bench", domain="partner.localhost", seed="#0b5c78"
        )
        rows = [
            create_tenant(
                partner=partner,
                name=f"Bench {number}",
                label=f"bench{number}",
                domain=f"bench{number}.localhost",
                seed="#7a2e2e",
            )
            for number in range(tenants + 1)
        ]
    refs = [provision(row) for row in rows]
    others = [
        {"host": f"bench{number}.localhost", "key": _furnish(ref)}
        for number, ref in enumerate(refs[1:], 1)
    ]
    with in_tenant(refs[0]):
        node = Node.objects.create(code="S1", name="S1")
        for family in ("ITEM", "CASE"):
            made = Item.objects.bulk_create(
                Item(
                    sku=f"{family}-{number:05d}", name=f"Item {number}", unit_cost=4, unit_price=10
                )
                for number in range(ITEMS)
            )
        _open_stock()
        Channel.objects.create(code="WEB", name="Web", is_published=False).nodes.set([node])
        with connection.cursor() as cursor:
            cursor.execute(
                CASES,
                {"first": made[0].pk, "items": ITEMS, "cases": cases, "now": clock.now()},
            )
            cursor.execute(
                "SELECT severity, due_at, id FROM exceptions_exceptioncase"
                " ORDER BY severity, due_at, id OFFSET %s LIMIT 1",
                [999 * 50 - 1],
            )
            severity, due_at, pk = cursor.fetchone()
        add_connector(
            code="WEB",
            name="Web",
            adapter="simulator",
            url=simulator,
            secret=secret_of("bench"),
            options={},
            by=BY,
        )
        key = _till()
        add_member(
            username="ada", name="Ada", password=PASSWORD, roles=["planner"], kind="person", by=BY
        )
    after = f"{severity}~{due_at.isoformat()}~{pk}"
    sys.stdout.write(
        json.dumps(
            {
                "host": "bench0.localhost",
                "schema": refs[0].schema_name,
                "key": key,
                "password": PASSWORD,
                "after": after,
                "hosts": [one["host"] for one in others],
                "others": others,
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
