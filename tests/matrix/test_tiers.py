"""A key calls the tiers it names and no other, through every door and at every method."""

from __future__ import annotations

import re

import pytest

from inventory_control.core.errors import Refused
from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.people.models import ApiKey
from inventory_control.people.services import issue_key
from inventory_control.roles import ROLES
from inventory_control.stock.models import Reservation
from inventory_control.web.tiers import Tier
from tests.factories import SYSTEM, event, item, node, outcomes
from tests.http import Api
from tests.matrix.doors import Door, doors

EVERYTHING = tuple(sorted({grant for _, grants in ROLES.values() for grant in grants}))
DOORS = list(doors())


@pytest.mark.req("INT-31", "INT-12")
@pytest.mark.parametrize("door", DOORS, ids=str)
def test_a_key_of_the_other_tiers_is_refused_and_a_key_of_this_one_is_not(tenant, door: Door):
    others = Api(*EVERYTHING, name="others", tiers=tuple(set(Tier) - {door.tier}))
    ours = Api(*EVERYTHING, name="ours", tiers=(door.tier,))
    path = re.sub(r"<[^>]+>", "1", door.route)

    status, problem = others.call(door.method, path, {})
    _, answer = ours.call(door.method, path, {})

    assert (status, problem["code"], problem["tier"]) == (403, "wrong_tier", door.tier)
    assert not isinstance(answer, dict) or answer.get("code") != "wrong_tier"


def test_there_are_doors_in_every_tier():
    assert {door.tier for door in DOORS} == set(Tier)
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
