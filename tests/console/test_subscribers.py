"""Pages of subscribers: who is told, how that goes, who answers for it, telling it again."""

from __future__ import annotations

import pytest

from connectors.services import subscribe, tell_subscribers
from inventory_control.events.models import Notice, Subscription
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.values import NOTIFY
from tests.console.test_pages import sign_in
from tests.factories import SYSTEM, event, item, node, outcomes

HTMX = {"HX-Request": "true"}
CRM = "/events/subscribers/crm/"


@pytest.fixture
def crm(tenant) -> Subscription:
    """CRM is told of sales; two wait for it, and the one send was given up."""
    item()
    node()
    made, _ = subscribe(
        code="crm", name="Customer care", url="https://crm.example.com/in",
        types=["sale.recorded"], by=SYSTEM,
    )  # fmt: skip
    outcomes(event("sale.recorded", 1), event("sale.recorded", 2))
    tell_subscribers(by=SYSTEM)
    OutboundCommand.objects.filter(kind=NOTIFY).update(
        status="dead", attempts=5, error="ConnectTimeout"
    )
    return made


@pytest.mark.req("EVT-20")
def test_the_page_shows_what_waits_how_telling_went_and_who_changed_it(crm: Subscription):
    page = sign_in("admin").get(CRM).content.decode()

    assert page.count("<b>sale.recorded</b>") == 2
    assert "Gave up after the last attempt" in page
    assert "ConnectTimeout" in page
    assert "nobody yet" in page
    assert ("<td>tests</td><td>Subscribed" in page, "2 wait and are sent at once" in page) == (
        True,
        True,
    )
    assert b"style=" not in page.encode()


@pytest.mark.req("EVT-20")
def test_telling_again_sends_once_for_all_that_waits(crm: Subscription):
    client = sign_in("admin")

    told = client.post(f"{CRM}redeliver/", headers=HTMX)
    client.post(f"{CRM}redeliver/", headers=HTMX)

    assert (told.status_code, told["HX-Redirect"]) == (204, CRM)
    due = OutboundCommand.objects.filter(kind=NOTIFY, target="crm", status="due")
    assert (due.count(), Notice.objects.count()) == (1, 2)
    assert 'Told again: <span class="mut">2 waited' in client.get(CRM).content.decode()


@pytest.mark.req("EVT-20")
def test_an_owner_is_named_and_one_too_long_refused(crm: Subscription):
    client = sign_in("admin")

    client.post(f"{CRM}owner/", {"owner": " Care team "}, headers=HTMX)
    refused = client.post(f"{CRM}owner/", {"owner": "x" * 121}, headers=HTMX)

    crm.refresh_from_db()
    assert crm.owner == "Care team"
    assert (refused.status_code, b"at most 120 characters" in refused.content) == (422, True)
    assert "nobody to Care team" in client.get(CRM).content.decode()
    assert b"Care team" in client.get("/events/subscribers/").content


@pytest.mark.req("EVT-20")
def test_ending_drops_what_waits_and_leaves_nothing_to_tell(crm: Subscription):
    client = sign_in("admin")

    client.post(f"{CRM}end/", headers=HTMX)
    refused = client.post(f"{CRM}redeliver/", headers=HTMX)

    assert (Notice.objects.count(), refused.status_code) == (0, 422)
    assert b"crm has ended" in refused.content
    page = client.get(CRM).content
    assert (b"2 dropped" in page, b'data-open="redeliver"' in page) == (True, False)


@pytest.mark.req("EVT-20")
def test_a_reader_of_connectors_may_look_and_not_act(crm: Subscription):
    client = sign_in("integrator", name="ina")

    assert b'data-open="end"' not in client.get(CRM).content
    for act in ("owner", "redeliver", "end"):
        assert client.post(f"{CRM}{act}/", {"owner": "me"}).status_code == 403
    assert sign_in(name="nobody").get(CRM).status_code == 403
    assert sign_in("admin").post(f"{CRM}burn/").status_code == 404
    assert sign_in("admin", name="eve").get("/events/subscribers/nix/").status_code == 404
