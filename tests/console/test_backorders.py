"""Pages of those who wait for stock: the list, one line, and giving it units out of turn."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client

from inventory_control.availability.services import recalculate_due
from inventory_control.core import clock
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.services import queue_backorders
from inventory_control.stock.services import freeze
from tests.console.test_pages import sign_in
from tests.factories import SYSTEM, event, item, node, outcomes
from tests.fulfilment.conftest import backordered

HTMX = {"HX-Request": "true"}


@pytest.fixture
def waiting(tenant) -> dict[str, int]:
    """B1 premium wants 2, B2 wants 6, B3 wants 4; three units came: B1 got two, one is kept."""
    item("TENT")
    node("DC1")
    now = clock.now()
    outcomes(
        backordered("B1", 2, service="premium", occurred_at=now - timedelta(days=5)),
        backordered("B2", 6, occurred_at=now - timedelta(days=9, hours=2)),
        backordered("B3", 4, occurred_at=now - timedelta(days=3)),
    )
    queue_backorders(by=SYSTEM)
    outcomes(event("receipt.recorded", 3, item="TENT", node="DC1"))
    recalculate_due(by=SYSTEM)
    return {one.order: one.pk for one in Backorder.objects.all()}


def rows(page: str) -> list[str]:
    """The order lines of the list, from the top."""
    return [part.split("<")[0] for part in page.split('<b class="mono">')[1:]]


@pytest.mark.req("LED-24")
def test_a_reader_sees_who_waits_oldest_first_and_nobody_else_does(waiting: dict[str, int]):
    client = sign_in("auditor")
    page = client.get("/backorders/").content.decode()

    assert rows(page) == ["B2/1", "B3/1"]
    assert ">9 d 2 h<" in page
    assert 'data-l="Still wanted"><b>6</b>' in page
    assert page.count("no date: no supply known") == 2
    assert rows(client.get("/backorders/?status=any&sort=promise").content.decode()) == [
        "B1/1", "B2/1", "B3/1",
    ]  # fmt: skip
    assert b"style=" not in client.get("/backorders/").content
    for address in ("/backorders/", f"/backorders/{waiting['B2']}/"):
        assert sign_in(name=f"nobody{len(address)}").get(address).status_code == 403
        assert Client(HTTP_HOST="alder.localhost").get(address).status_code == 302


@pytest.mark.req("LED-24")
@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("q=b3", ["B3/1"]),
        ("q=tent", ["B2/1", "B3/1"]),
        ("service=premium", []),
        ("service=premium&status=allocated", ["B1/1"]),
        ("status=nonsense&after=never", ["B2/1", "B3/1"]),
    ],
)
def test_the_list_is_narrowed_in_place(waiting: dict[str, int], query: str, shown: list[str]):
    answer = sign_in("planner").get(f"/backorders/?{query}", headers=HTMX)

    assert rows(answer.content.decode()) == shown
    assert b"<main" not in answer.content
    assert (b"No backorder matches" in answer.content) == (not shown)


@pytest.mark.req("LED-24")
def test_pages_follow_each_other_without_a_gap(
    waiting: dict[str, int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("inventory_control.fulfilment.console.queue.PAGE", 1)
    client = sign_in("planner")
    for sort in ("age", "promise"):
        seen, address = [], f"/backorders/?status=any&sort={sort}"
        while address:
            page = client.get(address).content.decode()
            seen += rows(page)
            found = re.search(r'rel="next" href="([^"]+)"', page)
            address = unescape(found[1]) if found else ""
        assert sorted(seen) == ["B1/1", "B2/1", "B3/1"]


@pytest.mark.req("LED-24", "LED-28")
def test_one_line_shows_its_turn_what_can_serve_it_and_who_got_the_last_units(
    waiting: dict[str, int],
):
    page = sign_in("planner").get(f"/backorders/{waiting['B3']}/").content.decode()

    for words in (
        "turn <b>2</b> of 2",
        "Next in turn; 1 of 6 are kept, it is served whole",
        "The one before was ordered earlier",
        "Waited its turn: premium, ordered",
        "B2/1 stands before it in the queue",
        "Premium first, then the oldest, lines are served whole, what is left is kept",
        "Nothing is on its way.",
    ):
        assert words in page
    assert 'data-open="release"' in page
    assert 'data-open="release"' not in (
        sign_in("auditor", name="eve").get(f"/backorders/{waiting['B3']}/").content.decode()
    )


@pytest.mark.req("LED-24")
def test_a_planner_gives_units_out_of_turn_once_and_the_page_says_why(waiting: dict[str, int]):
    client, where = sign_in("planner"), f"/backorders/{waiting['B3']}/"
    wanted = {"units": "1", "had": "0", "reason": "Wedding on Saturday"}

    given = client.post(f"{where}release/", wanted, headers=HTMX)
    again = client.post(f"{where}release/", wanted, headers=HTMX)

    assert (given.status_code, given["HX-Redirect"]) == (204, where)
    assert (again.status_code, b"was given 1 meanwhile" in again.content) == (422, True)
    assert Backorder.objects.get(order="B3").allocated == 1
    page = client.get(where).content.decode()
    assert "Out of turn, by Ada Lovelace: Wedding on Saturday" in page
    assert "before B2/1" in page


@pytest.mark.req("LED-24", "LED-21")
def test_what_cannot_be_given_is_refused_and_what_was_typed_stays(waiting: dict[str, int]):
    client, where = sign_in("planner"), f"/backorders/{waiting['B2']}/release/"
    denied = sign_in("auditor", name="eve").post(where, {"units": "1", "had": "0", "reason": "x"})

    much = client.post(where, {"units": "4", "had": "0", "reason": "Wedding"}, headers=HTMX)
    odd = client.post(where, {"units": "a few", "had": "0", "reason": "Wedding"}, headers=HTMX)
    freeze(sku="TENT", node="DC1", reason="recall", by=SYSTEM)
    frozen = client.post(where, {"units": "1", "had": "0", "reason": "Wedding"}, headers=HTMX)

    assert denied.status_code == 403
    assert (much.status_code, b"Only 1 may be given at DC1" in much.content) == (422, True)
    assert (b'value="4"' in much.content, b'value="Wedding"' in much.content) == (True, True)
    assert (odd.status_code, b"units is a whole number" in odd.content) == (422, True)
    assert (frozen.status_code, b"TENT is frozen at DC1." in frozen.content) == (422, True)
    assert Backorder.objects.get(order="B2").allocated == 0
    assert b"TENT is frozen at DC1." in client.get(where.removesuffix("release/")).content


def test_an_empty_queue_says_so_and_leads_on(tenant):
    page = sign_in("planner").get("/backorders/").content

    assert b"Nobody waits for stock" in page
    assert b"/backorders/?status=any" in page
    assert sign_in("planner", name="eve").get("/backorders/1/").status_code == 404
