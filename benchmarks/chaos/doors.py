"""The writing doors of the API, and tenants in which each can be tried with a body that is right.

`python -m benchmarks.chaos.doors` first tells the tenants and the doors, in one line of JSON. Then
every line it reads names a tenant and a door, and the line it answers with is the call to send.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO

import django

django.setup()

import msgspec  # noqa: E402 - Django first
from django.db import transaction  # noqa: E402
from django.urls import URLPattern, URLResolver, get_resolver  # noqa: E402

from inventory_control.core.actors import Actor  # noqa: E402
from inventory_control.core.tenancy import TenantRef, in_public, in_tenant  # noqa: E402
from inventory_control.people.models import Role  # noqa: E402
from inventory_control.provisioning import provision  # noqa: E402
from inventory_control.roles import ROLES  # noqa: E402
from inventory_control.web.views import WRITES, ApiView  # noqa: E402
from tenants.services import create_partner, create_tenant  # noqa: E402
from tests.http import Api  # noqa: E402
from tests.matrix.bodies import CALLS  # noqa: E402
from tests.matrix.doors import SIGNED, Door, doors  # noqa: E402

BY = Actor.system("chaos")
EVERYTHING = tuple(sorted({grant for _, grants in ROLES.values() for grant in grants}))
KNOWN_BY_DELIVERY = "knows repeats by the id of the signed delivery; R2 and R3 repeat it"
NO_CALL = "has no body that is right in tests/matrix/bodies.py"
NO_VIEW = "is no REST view of ours, so it knows no Idempotency-Key"
READING = frozenset({"schema", "api-docs"})
"""Addresses below /api/v1/ that are the library's and only describe the API."""


def main(count: int, answers: TextIO) -> None:
    """Make so many sandboxes and prepare calls in them until nobody asks any more."""
    with in_public():
        partner = create_partner(
            name="Keys", slug="keys", domain="keys-partner.localhost", seed="#0b5c78"
        )
        rows = [
            create_tenant(
                partner=partner,
                name=f"Keys {number}",
                label=f"keys{number}",
                domain=f"keys{number}.localhost",
                seed="#7a2e2e",
                is_sandbox=True,
            )
            for number in range(count)
        ]
    tenants = [provision(row) for row in rows]
    writing = {str(door): door for door in doors() if door.method in WRITES}
    told = {
        "tenants": [
            {"host": f"{one.label}.localhost", "schema": one.schema_name} for one in tenants
        ],
        "doors": sorted(writing.keys() & CALLS.keys()),
        "left_out": dict(left_out()) | dict.fromkeys(writing.keys() - CALLS.keys(), NO_CALL),
    }
    answers.write(json.dumps(told) + "\n")
    answers.flush()
    for line in sys.stdin:
        wanted = json.loads(line)
        prepared = _prepared(tenants[wanted["tenant"]], writing[wanted["door"]])
        answers.write(json.dumps(prepared) + "\n")
        answers.flush()


def left_out() -> Iterator[tuple[str, str]]:
    """What writes below /api/v1/ without knowing Idempotency-Keys, and why that is so."""
    for route, entry in _patterns(get_resolver().url_patterns, ""):
        below = route.removeprefix("api/v1/")
        if below == route or entry.name in READING:
            continue
        view = getattr(entry.callback, "view_class", None)
        if not (isinstance(view, type) and issubclass(view, ApiView)):
            yield below, NO_VIEW
        elif entry.name in SIGNED or not view.keeps_answers:
            yield below, KNOWN_BY_DELIVERY


def _patterns(entries: Any, route: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in entries:
        here = route + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _patterns(entry.url_patterns, here)
        else:
            yield here, entry


def _prepared(tenant: TenantRef, door: Door) -> dict[str, str]:
    """What the door needs to be there, made in an empty tenant; the call, and two who may call."""
    with in_tenant(tenant), transaction.atomic():
        caller, other = _caller("caller"), _caller("other")
        parameters, body = CALLS[str(door)]()
    path = door.route
    for name, value in parameters.items():
        path = re.sub(rf"<\w+:{name}>", str(value), path)
    return {
        "method": door.method,
        "path": f"/api/v1/{path}",
        "body": "" if body is None else msgspec.json.encode(body).decode(),
        "key": caller.key,
        "other_key": other.key,
    }


def _caller(name: str) -> Api:
    """Somebody who may do everything, decide as a planner and speak for the supplier MILL."""
    api = Api(*EVERYTHING, name=name, kind="person", sources=("MILL",))
    api.user.roles.add(Role.objects.get(key="planner"))
    return api


if __name__ == "__main__":
    # The product logs to standard output; the answers keep it to themselves.
    own = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    main(int(sys.argv[1]), own)
