"""Pages of the event log: search, one event, one object, replays, holds, dead work."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from connectors.models import LegalHold, Replay
from connectors.services import subscribe
from exceptions.models import ExceptionCase
from exceptions.services import detect_due, resolve
from inventory_control.availability.services import recalculate_due
from inventory_control.events.models import EventWork
from inventory_control.pipeline import run_stage
from tests.console.test_pages import sign_in
from tests.factories import SYSTEM, at_node, event, hour, item, node, outcomes, send


@pytest.fixture
def posted(tenant) -> int:
    """A receipt of PO-1 that came late, and a sale; the id of the receipt."""
    at_node(item(), node(), reorder_point=6)
    outcomes(event("sale.recorded", 1, order="O1", line="1"))
    recalculate_due(by=SYSTEM)
    detect_due(by=SYSTEM)
    (receipt,) = send(event("receipt.recorded", 2, document="PO-1", occurred_at=hour(1)))
    assert receipt.event_id is not None
    return int(receipt.event_id)


PAGES = (
    "/events/",
    "/events/{}/",
    "/events/replays/",
    "/events/holds/",
    "/timelines/purchase_order/PO-1/",
    "/timelines/order/O1/",
    "/dead-letters/work/",
)


@pytest.mark.req("EVT-27", "EVT-13")
@pytest.mark.parametrize("path", PAGES)
def test_a_reader_sees_the_page_and_nobody_else_does(posted: int, path: str):
    address = path.format(posted)

    answer = sign_in("auditor").get(address)

    assert answer.status_code == 200
    assert b"<main" in answer.content
    assert b"style=" not in answer.content
    assert b"<script>" not in answer.content
    assert sign_in(name="nobody").get(address).status_code == 403
    assert Client(HTTP_HOST="alder.localhost").get(address).status_code == 302


@pytest.mark.req("EVT-27")
def test_searching_finds_and_says_what_does_not_fit(posted: int):
    client = sign_in("auditor")

    found = client.get("/events/?document=PO-1").content
    nothing = client.get("/events/?document=PO-2")
    refused = client.get("/events/?item=SOCKS&since=yesterday")

    assert f'id="event-{posted}"'.encode() in found
    assert found.count(b'<tr role="row" id="event-') == 1
    assert b"No event matches" in nothing.content
    assert (refused.status_code, b"since is a moment" in refused.content) == (422, True)


@pytest.mark.req("EVT-01")
def test_the_page_of_an_event_leads_to_its_timeline_and_shows_both_forms(posted: int):
    page = sign_in("auditor").get(f"/events/{posted}/").content.decode()

    for words in (
        "As it arrived", "As it is understood", "/timelines/purchase_order/PO-1/", "Causation id",
        "supplier", "What used the wrong number",
    ):  # fmt: skip
        assert words in page
    assert 'name="case"' not in page


@pytest.mark.req("LED-18")
def test_a_planner_opens_touched_cases_again_from_the_page(posted: int):
    case = ExceptionCase.objects.exclude(kind="none").first()
    assert case is not None
    resolve(case, reason="done", by=SYSTEM)
    (late,) = send(event("receipt.recorded", 1, occurred_at=hour(2)))
    client = sign_in("planner")
    where = f"/events/{late.event_id}/"
    assert f'name="case" value="{case.pk}"'.encode() in client.get(where).content

    answer = client.post(f"{where}reopen/", {"case": [case.pk], "reason": "late goods"})

    case.refresh_from_db()
    assert (answer.status_code, answer["Location"], case.status) == (302, where, "open")


@pytest.mark.req("EVT-09")
def test_an_administrator_previews_confirms_and_sees_how_it_ended(posted: int):
    client = sign_in("admin")
    assert b"Preview a replay" not in sign_in("auditor", name="eve").get("/events/replays/").content

    refused = client.post("/events/replays/", {"type": "sale.recorded", "reason": ""})
    client.post("/events/replays/", {"source": "pos", "reason": "outage"})
    replay = Replay.objects.get()
    page = client.get("/events/replays/").content.decode()
    wrong = client.post(f"/events/replays/{replay.pk}/start/", {"confirmed": "1"})
    client.post(f"/events/replays/{replay.pk}/start/", {"confirmed": "2"})
    run_stage("replay")

    assert (refused.status_code, b"Say why" in refused.content) == (422, True)
    assert "Type 2 to confirm" in page
    assert wrong.status_code == 409
    assert "2 of 2" in client.get("/events/replays/").content.decode()


@pytest.mark.req("EVT-09")
def test_a_director_places_and_lifts_a_hold_that_refuses_the_administrator(posted: int):
    director, admin = sign_in("finance_director", name="dir"), sign_in("admin")

    director.post("/events/holds/", {"item": "SOCK", "reason": "dispute"})
    hold = LegalHold.objects.get()
    refused = admin.post("/events/replays/", {"reason": "outage"})
    denied = admin.post(f"/events/holds/{hold.pk}/lift/", {"reason": "x"})
    director.post(f"/events/holds/{hold.pk}/lift/", {"reason": "settled"})

    assert (refused.status_code, f"Legal hold {hold.pk}".encode() in refused.content) == (409, True)
    assert (denied.status_code, Replay.objects.count()) == (403, 0)
    hold.refresh_from_db()
    assert hold.status == "lifted"


@pytest.mark.req("EVT-19")
def test_a_planner_has_dead_work_tried_again(posted: int):
    run_stage("erp")
    work: Any = EventWork.objects.get()
    EventWork.objects.update(attempts=5, error="No such node.")
    client = sign_in("planner")
    assert b"No such node." in client.get("/dead-letters/work/").content

    client.post(f"/dead-letters/work/{work.pk}/retry/")
    run_stage("orders")

    assert not EventWork.objects.exists()


@pytest.mark.req("EVT-20")
def test_an_administrator_sees_who_is_told_and_ends_it(posted: int):
    client = sign_in("admin")
    assert b"Nobody subscribed" in client.get("/events/subscribers/").content
    subscribe(code="crm", name="CRM", url="https://example.com", types=["sale.recorded"], by=SYSTEM)

    page = client.get("/events/subscribers/").content
    ended = client.post("/events/subscribers/crm/end/")

    assert (b"sale.recorded" in page, b"all items" in page) == (True, True)
    assert ended["Location"] == "/events/subscribers/crm/"
    assert b"Ended" in client.get("/events/subscribers/").content
    assert sign_in(name="nobody").get("/events/subscribers/").status_code == 403
