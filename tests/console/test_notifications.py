"""Pages of what customers were told: the list, one message, and calling it off."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from connectors.services import deliver_due
from connectors.simulators.state import World
from inventory_control.notifications.models import NotificationRequest
from inventory_control.notifications.selectors import request_of
from tests.console.test_pages import sign_in
from tests.factories import SYSTEM, outcomes
from tests.notifications.conftest import ADA, agreed, asked, crm, order, took_back

__all__ = ["crm", "order"]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def messages(order: str, crm: World) -> list[NotificationRequest]:
    """One sent, one withheld, one that waits; newest last."""
    outcomes(agreed())
    sent = asked("order_ready")
    deliver_due(by=SYSTEM)
    return [sent, asked("back_in_stock", order="", customer="tok-bob"), asked()]


def shown(page: str) -> list[str]:
    """The numbers in the list, from the top."""
    return re.findall(r'<span class="sub mono">(NR-\d+)<', page)


@pytest.mark.req("INT-08")
def test_a_reader_sees_every_message_with_its_state_and_nobody_else_does(
    messages: list[NotificationRequest],
):
    page = sign_in("auditor").get("/notifications/").content.decode()

    assert shown(page) == [one.number for one in messages][::-1]
    for words in ("Queued", "Withheld", "Sent", "The customer never agreed to it"):
        assert words in page
    assert b"style=" not in page.encode()
    for address in ("/notifications/", f"/notifications/{messages[0].number}/"):
        assert sign_in(name=f"nobody{len(address)}").get(address).status_code == 403
        assert Client(HTTP_HOST="alder.localhost").get(address).status_code == 302


@pytest.mark.req("INT-08")
@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("q=W-1", [2, 0]),
        ("q=tok-bob", [1]),
        ("q=nr-{0}", [0]),
        ("status=withheld", [1]),
        ("topic=order_ready", [0]),
        ("status=delivered", []),
        ("status=nonsense&after=never", [2, 1, 0]),
    ],
)
def test_the_list_is_narrowed_in_place(
    messages: list[NotificationRequest], query: str, places: list[int]
):
    address = f"/notifications/?{query.format(messages[0].pk)}"
    answer = sign_in("planner").get(address, headers=HTMX)

    page = answer.content.decode()
    assert shown(page) == [messages[place].number for place in places]
    assert "<main" not in page
    assert ("No message matches" in page) == (not places)


@pytest.mark.req("INT-08")
def test_pages_follow_each_other_without_a_gap(
    messages: list[NotificationRequest], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("inventory_control.notifications.console.views.PAGE", 1)
    client, seen, address = sign_in("planner"), [], "/notifications/"
    while address:
        page = client.get(address).content.decode()
        seen += shown(page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        address = found[1] if found else ""

    assert seen == [one.number for one in messages][::-1]


@pytest.mark.req("INT-08")
def test_one_message_shows_what_it_rests_on_how_sending_went_and_what_happened(
    messages: list[NotificationRequest],
):
    client = sign_in("planner")
    sent = client.get(f"/notifications/{messages[0].number}/").content.decode()
    withheld = client.get(f"/notifications/{messages[1].number}/").content.decode()

    for words in (
        "Taken by the system that sends it",
        f"Known there as MSG-{messages[0].number}",
        f">event {messages[0].consent_event_id}</a>, customer_notifications v1",
        '<dt>Attempts</dt><dd class="n">1</dd>',
        ADA,
    ):
        assert words in sent
    assert "Call off" not in sent
    assert "<b>It was not sent.</b> The customer never agreed to it." in withheld
    assert "none: it never left" in withheld
    assert client.get("/notifications/NR-0/").status_code == 404


@pytest.mark.req("INT-08")
def test_a_planner_calls_off_what_waits_and_is_told_when_it_no_longer_does(
    messages: list[NotificationRequest],
):
    client, number = sign_in("planner"), messages[2].number
    page = f"/notifications/{number}/"
    act = f"{page}call-off/"
    assert "Call off" in client.get(page).content.decode()
    auditor = sign_in("auditor", name="ann")
    assert "Call off" not in auditor.get(page).content.decode()

    silent = client.post(act, {"reason": " "}, headers=HTMX)
    done = client.post(act, {"reason": "It came"}, headers=HTMX)
    again = client.post(act, {"reason": "It came"}, headers=HTMX)

    assert (silent.status_code, "Say why" in silent.content.decode()) == (422, True)
    assert (done.status_code, done.headers["HX-Redirect"]) == (204, page)
    assert (again.status_code, "cannot become called_off" in again.content.decode()) == (422, True)
    found = request_of(number)
    assert (found.status, found.detail) == ("called_off", "It came")
    assert auditor.post(act, {"reason": "x"}).status_code == 403


@pytest.mark.req("INT-08")
def test_the_timeline_of_the_order_shows_what_its_customer_was_told_and_was_not(
    messages: list[NotificationRequest],
):
    outcomes(took_back())
    deliver_due(by=SYSTEM)
    client = sign_in("planner")
    message = client.get(f"/notifications/{messages[0].number}/").content.decode()
    address = re.search(r'href="([^"]*/W-1/?)"', message)
    assert address is not None

    page = client.get(address[1]).content.decode()

    for words in ("Message queued", "Message sent", "Message withheld", "withdrew the consent"):
        assert words in page
    assert f'href="/notifications/{messages[0].number}/"' in page
