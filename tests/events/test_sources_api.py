"""Sources as programs and people see them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from exceptions.services import watch_sources
from inventory_control.core import clock
from inventory_control.events.models import Source
from inventory_control.people.services import add_member, set_role
from tests.factories import SYSTEM, event, item, node, send
from tests.http import Api

MAY = ("events.read", "events.manage_sources", "policies.change")


@pytest.fixture
def heard(tenant):
    """Two sources, one of them delivered by two credentials."""
    item()
    node()
    send(event("receipt.recorded", 5, source="wms", source_id="w1"), source="wms-old")
    send(event("receipt.recorded", 5, source="wms", source_id="w2"), source="wms-new")
    send(event("sale.recorded", 1))
    watch_sources(by=SYSTEM)


@pytest.mark.req("EVT-04")
def test_owner_and_credential_are_shown_and_events_filtered_by_them(heard):
    api = Api(*MAY)
    assert api.put("sources", [{"code": "wms", "owner": "Warehouse team"}]) == (200, {"rows": 1})

    status, listed = api.get("sources")
    assert status == 200
    assert [(one["code"], one["owner"], one["received_from"]) for one in listed] == [
        ("pos", "", "pos"),
        ("wms", "Warehouse team", "wms-new"),
    ]

    _, page = api.get("sources/wms/events")
    assert (page["owner"], [one["source_id"] for one in page["results"]]) == (
        "Warehouse team",
        ["w2", "w1"],
    )
    _, page = api.get("sources/wms/events?received_from=wms-old")
    assert [(one["source_id"], one["received_from"]) for one in page["results"]] == [
        ("w1", "wms-old")
    ]


@pytest.mark.req("EVT-25")
def test_score_and_trend_are_on_the_source(heard):
    _, body = Api(*MAY).get("sources/wms")

    (day,) = body["quality"]
    assert (day["events"], day["completeness"], day["score"]) == (2, 0.0, 0.75)
    assert day["policy"] == "data_quality v1"


def test_what_is_not_there_or_not_allowed_is_said(heard):
    api = Api("events.read")

    assert api.get("sources/nobody")[0] == 404
    assert api.put("sources", [{"code": "wms"}])[0] == 403
    assert api.put("freshness", {"default_minutes": 3})[0] == 403
    status, problem = Api(*MAY, name="other").put("sources", [{"code": "a", "expected_minutes": 0}])
    assert (status, problem["field"]) == (422, "[0].expected_minutes")


@pytest.mark.req("LED-27")
def test_limits_of_age_are_set_and_read(tenant):
    api = Api(*MAY)

    status, _ = api.put("freshness", {"sources": {"pos": 10}})
    assert status == 200
    assert api.get("freshness") == (200, {"sources": {"pos": 10}})
    status, problem = api.put("freshness", {"sources": {"pos": 0}})
    assert (status, problem["field"]) == (422, "sources.pos")


@pytest.mark.req("EVT-25", "EVT-04", "LED-27")
def test_the_page_shows_owner_credential_score_trend_and_silence(heard):
    set_role(key="reader", name="Reader", grants=["events.read"], by=SYSTEM)
    member = add_member(
        username="ada", name="Ada", password=None, roles=["reader"], kind="person", by=SYSTEM
    )
    Api(*MAY).put("sources", [{"code": "wms", "owner": "Warehouse team", "expected_minutes": 10}])
    client = Client()
    client.force_login(member)

    with clock.frozen_at(clock.now() + timedelta(minutes=14, seconds=1)):
        page = client.get("/sources/", headers={"Host": "alder.localhost"}).content.decode()

    assert "Warehouse team" in page
    assert "wms-new" in page
    assert page.count("late, every 10 min") == 1
    assert page.count(">0 h 14<") == 2
    assert page.count("<rect") == 2
    assert "<b>0.75</b>" in page

    wms = Source.objects.get(code="wms")
    page = client.get(
        f"/sources/{wms.pk}/?received_from=wms-old", headers={"Host": "alder.localhost"}
    ).content.decode()
    assert "Warehouse team" in page
    assert page.count('id="event-') == 1
    assert client.get("/sources/0/", headers={"Host": "alder.localhost"}).status_code == 404
