"""The synchronous look-up: figures that add up, for whoever may read them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client

from exceptions.services import watch_sources
from inventory_control.availability.services import recalculate_due
from inventory_control.core import clock
from inventory_control.events.models import Source
from inventory_control.events.services import set_freshness
from inventory_control.people.services import add_member, set_role
from tests.factories import SYSTEM, at_node, channel, event, item, node, send
from tests.http import Api


def stocked() -> None:
    """40 of SOCK at S1, 6 of them kept as safety stock and 3 promised; 5 at S2; WEB sells both."""
    sock, first, second = item(), node(), node("S2")
    at_node(sock, first, safety_stock=6)
    channel("WEB", first, second, buffer=4)
    send(
        event("receipt.recorded", 40),
        event("receipt.recorded", 5, node="S2"),
        event("reservation.created", 3, order="O1", line="1"),
    )
    recalculate_due(by=SYSTEM)


@pytest.mark.req("LED-14", "INT-01")
def test_the_terms_of_a_figure_sum_to_it(tenant):
    stocked()

    status, body = Api("stock.read").get("availability?item=SOCK")

    assert status == 200
    first, second = body["nodes"]
    assert (first["node"], first["ats"]) == ("S1", 31)
    assert {term["name"]: term["quantity"] for term in first["terms"]} == {
        "sellable": 40, "reserved": -3, "allocated": 0, "safety stock": -6,
    }  # fmt: skip
    assert (second["node"], second["ats"], second["is_frozen"]) == ("S2", 5, False)
    assert [(one["channel"], one["ats"], one["quantity"]) for one in body["channels"]] == [
        ("WEB", 32, 32)
    ]
    assert body["channels"][0]["published"] is None


def test_one_node_can_be_asked_for(tenant):
    stocked()

    _, body = Api("stock.read").get("availability?item=SOCK&node=S2")

    assert [one["node"] for one in body["nodes"]] == ["S2"]


def test_a_session_and_a_key_are_told_the_same(tenant):
    stocked()
    _, told = Api("stock.read").get("availability?item=SOCK")
    set_role(key="reader", name="Reader", grants=["stock.read"], by=SYSTEM)
    member = add_member(
        username="ada", name="Ada", password=None, roles=["reader"], kind="person", by=SYSTEM
    )
    browser = Client(headers={"Host": "alder.localhost"})
    browser.force_login(member, backend="django.contrib.auth.backends.ModelBackend")

    answer = browser.get("/api/v1/availability?item=SOCK")

    found = answer.json()
    assert found.pop("as_of") >= told.pop("as_of")
    assert (answer.status_code, found) == (200, told)


@pytest.mark.req("INT-01")
def test_a_figure_says_what_lies_there_and_as_of_when(tenant):
    stocked()
    node("S4")
    send(
        event("damage.recorded", 2),
        event("transfer.shipped", 5, to_node="S4", document="T1"),
    )
    before = clock.now()

    _, body = Api("stock.read").get("availability?item=SOCK")

    figures = {one["node"]: one for one in body["nodes"]}
    assert (figures["S1"]["on_hand"], figures["S1"]["sellable"]) == (35, 33)
    assert (figures["S1"]["reserved"], figures["S1"]["ats"]) == (3, 24)
    assert (figures["S4"]["on_hand"], figures["S4"]["in_transit"]) == (0, 5)
    assert datetime.fromisoformat(body["as_of"]) >= before


@pytest.mark.parametrize(
    ("query", "status", "code", "field"),
    [
        ("?item=NOWHERE", 404, "not_found", "item"),
        ("", 422, "refused", "item"),
        ("?item=", 422, "refused", "item"),
        ("?item=a%00b", 422, "refused", "item"),
        ("?item=SOCK&node=%00", 422, "refused", "node"),
    ],
)
def test_what_cannot_be_answered_says_why(tenant, query, status, code, field):
    stocked()

    found, body = Api("stock.read").get(f"availability{query}")

    assert (found, body["code"], body["field"]) == (status, code, field)


def test_a_node_that_never_held_the_item_is_an_empty_list(tenant):
    stocked()
    node("S3")

    status, body = Api("stock.read").get("availability?item=SOCK&node=S3")

    assert (status, body["nodes"]) == (200, [])


@pytest.mark.req("SEC-02")
def test_without_the_right_or_a_key_nothing_is_told(tenant):
    stocked()
    bare = Api("events.write")

    assert bare.get("availability?item=SOCK")[0] == 403
    bare.key = "not-a-key.at-all"
    status, body = bare.get("availability?item=SOCK")
    assert (status, body["code"]) == (401, "authentication_failed")
    assert bare.last.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.req("LED-27")
def test_the_look_up_says_how_old_the_word_on_each_node_is(tenant):
    stocked()
    set_freshness({"nodes": {"S1": 10}}, by=SYSTEM)
    at = clock.now()
    with clock.frozen_at(at):
        send(event("sale.recorded", 1))
        watch_sources(by=SYSTEM)
    api = Api("stock.read")

    with clock.frozen_at(at + timedelta(minutes=14)):
        _, body = api.get("availability?item=SOCK")

    first, second = (one["freshness"] for one in body["nodes"])
    assert (first["source"], first["age_minutes"], first["limit_minutes"], first["is_stale"]) == (
        "pos", 14, 10, True,
    )  # fmt: skip
    assert (second["limit_minutes"], second["is_stale"]) == (None, False)


@pytest.mark.req("LED-27")
def test_the_items_page_says_stale_14_min(tenant):
    stocked()
    set_freshness({"nodes": {"S1": 10}}, by=SYSTEM)
    watch_sources(by=SYSTEM)
    set_role(key="reader", name="Reader", grants=["stock.read"], by=SYSTEM)
    member = add_member(
        username="ada", name="Ada", password=None, roles=["reader"], kind="person", by=SYSTEM
    )
    client = Client()
    client.force_login(member)
    heard = Source.objects.get().last_occurred_at

    with clock.frozen_at(heard + timedelta(minutes=14, seconds=1)):
        page = client.get("/items/SOCK/", headers={"Host": "alder.localhost"}).content.decode()

    assert page.count("stale 14 min") == 1
