"""A key calls the tiers it names and no other, through every door and at every method."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from inventory_control.core.errors import Refused
from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.people.models import ApiKey
from inventory_control.people.services import issue_key
from inventory_control.roles import ROLES
from inventory_control.stock.models import Reservation
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView
from tests.factories import SYSTEM, event, item, node, outcomes
from tests.http import Api

EVERYTHING = tuple(sorted({grant for _, grants in ROLES.values() for grant in grants}))
SIGNED = "webhook"


def doors(patterns: Any = None, path: str = "") -> Iterator[tuple[str, str, Tier]]:
    """Every (method, path below /api/v1/, tier) of the API that a key opens."""
    for entry in patterns if patterns is not None else get_resolver().url_patterns:
        here = path + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from doors(entry.url_patterns, here)
        elif isinstance(entry, URLPattern):
            view = getattr(entry.callback, "view_class", None)
            if isinstance(view, type) and issubclass(view, ApiView) and entry.name != SIGNED:
                below = re.sub(r"<\w+:(\w+)>|<(\w+)>", "1", here).removeprefix("api/v1/")
                for method in sorted(view.permissions):
                    yield method, below, view.tier


DOORS = list(doors())


@pytest.mark.req("INT-31", "INT-12")
@pytest.mark.parametrize(
    ("method", "path", "tier"), DOORS, ids=[f"{method} {path}" for method, path, _ in DOORS]
)
def test_a_key_of_the_other_tiers_is_refused_and_a_key_of_this_one_is_not(
    tenant, method: str, path: str, tier: Tier
):
    others = Api(*EVERYTHING, name="others", tiers=tuple(set(Tier) - {tier}))
    ours = Api(*EVERYTHING, name="ours", tiers=(tier,))

    status, problem = others.call(method, path, {})
    _, answer = ours.call(method, path, {})

    assert (status, problem["code"], problem["tier"]) == (403, "wrong_tier", tier)
    assert not isinstance(answer, dict) or answer.get("code") != "wrong_tier"


def test_there_are_doors_in_every_tier():
    assert {tier for _, _, tier in DOORS} == set(Tier)
    assert len(DOORS) >= 59


@pytest.fixture
def shop(committed) -> None:
    """Ten socks, for real: the doors that answer at once stay out of a test's transaction."""
    item()
    node()
    outcomes(event("receipt.recorded", 10))


@pytest.mark.req("INT-31")
def test_a_channel_cannot_post_events_where_they_are_posted_together(shop, capsys):
    channel = Api(*EVERYTHING, name="web", tiers=("experience",))
    body = event("receipt.recorded", 5)

    status, problem = channel.post("events", body)
    kept, _ = channel.post("events", body, idempotency_key="k")

    assert (status, kept, problem["code"]) == (403, 403, "wrong_tier")
    assert capsys.readouterr().out.count("key.wrong_tier") == 2
    assert (InventoryEvent.objects.count(), DeadLetter.objects.count()) == (1, 0)


@pytest.mark.req("INT-31")
def test_a_core_application_cannot_reserve_or_look_up_at_once(shop):
    core = Api(*EVERYTHING, name="erp", tiers=("system",))
    line = {"order": "W-1", "line": "1", "item": "SOCK", "node": "S1", "quantity": 1}

    reserved, problem = core.post("reservations", {"lines": [line]})
    looked, same = core.get("availability?item=SOCK")

    assert (reserved, looked) == (403, 403)
    assert (problem["code"], same["code"], Reservation.objects.count()) == (
        "wrong_tier",
        "wrong_tier",
        0,
    )


@pytest.mark.req("INT-31")
def test_a_channel_does_what_channels_do_at_once(shop):
    channel = Api(*EVERYTHING, name="web", tiers=("experience",))
    line = {"order": "W-1", "line": "1", "item": "SOCK", "node": "S1", "quantity": 1}

    assert channel.get("availability?item=SOCK")[0] == 200
    assert channel.post("reservations", {"lines": [line]})[0] == 201


@pytest.mark.req("INT-31")
@pytest.mark.parametrize("tiers", [(), ("everything",), ("system", "admin")])
def test_a_key_names_tiers_there_are(tenant, tiers):
    api = Api("stock.read")

    with pytest.raises(Refused) as refusal:
        issue_key(user=api.user, name="two", scopes=("stock.read",), tiers=tiers, by=SYSTEM)

    assert (refusal.value.field, ApiKey.objects.count()) == ("tiers", 1)
