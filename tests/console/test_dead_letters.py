"""The page of dead letters: filtered, mapped, tried again, released, given up."""

from __future__ import annotations

import pytest
from django.test import Client

from exceptions.models import ExceptionCase
from inventory_control.events.models import DeadLetter
from inventory_control.pipeline import run_stage
from inventory_control.stock.models import StockBalance
from tests.console.test_pages import sign_in
from tests.factories import event, hour, item, node, outcomes


@pytest.fixture
def client(tenant) -> Client:
    """A planner, and SOCK at S1."""
    item()
    node()
    return sign_in("planner")


def letter(code: str) -> DeadLetter:
    """The one letter of a code."""
    return DeadLetter.objects.get(code=code)


@pytest.mark.req("EVT-11", "EVT-15", "EVT-16")
def test_a_name_and_a_status_are_mapped_where_they_are_missed(client: Client):
    outcomes(
        event("receipt.recorded", 3, item="X<b>"),
        event("receipt.recorded", 2, to_state="QI"),
        event("receipt.recorded", 4, node="0017"),
    )
    page = client.get("/dead-letters/").content.decode()
    assert "X&lt;b&gt;</span> is the item" in page
    assert "X<b>" not in page

    for code, means in (("unknown_item", "SOCK"), ("unmapped_state", "quarantined"),
                        ("unknown_node", "S1")):  # fmt: skip
        answer = client.post(f"/dead-letters/{letter(code).pk}/map/", {"means": means})
        assert (answer.status_code, answer["Location"]) == (302, "/dead-letters/")
    run_stage("names")

    balance = StockBalance.objects.get()
    assert (balance.sellable, balance.quarantined) == (7, 2)
    assert b"No dead letters" in client.get("/dead-letters/").content


@pytest.mark.req("EVT-11")
def test_a_filter_narrows_and_all_it_finds_is_tried_again(client: Client):
    outcomes(*[event("receipt.recorded", 1, item="NEW") for _ in range(3)])
    outcomes(event("sale.recorded", -1))
    found = client.get("/dead-letters/?code=unknown_item").content
    assert (found.count(b'id="letter-'), b"Try all again" in found) == (3, True)
    assert client.post("/dead-letters/retry/", {}).status_code == 422
    item("NEW")

    answer = client.post("/dead-letters/retry/", {"code": "unknown_item"})

    assert answer["Location"] == "/dead-letters/?code=unknown_item&tried=3&taken=3"
    assert b"3 of 3 accepted." in client.get(answer["Location"]).content
    assert DeadLetter.objects.filter(status="open").count() == 1
    again = client.post(f"/dead-letters/{letter('not_positive').pk}/retry/")
    assert again["Location"] == "/dead-letters/?tried=1&taken=0"


@pytest.mark.req("EVT-08")
def test_a_held_repeat_is_released_or_rejected_for_a_reason(client: Client):
    said = {"document": "GRN-1", "line": "1", "occurred_at": hour(1)}
    outcomes(*[event("receipt.recorded", 10, **said) for _ in range(3)])
    first, second = DeadLetter.objects.order_by("id")
    page = client.get("/dead-letters/?code=suspected_duplicate").content
    assert (page.count(b">Release<"), page.count(b">Reject<")) == (2, 2)

    assert client.post(f"/dead-letters/{first.pk}/release/", {"reason": ""}).status_code == 422
    client.post(f"/dead-letters/{first.pk}/release/", {"reason": "two pallets"})
    client.post(f"/dead-letters/{second.pk}/discard/", {"reason": "sent twice"})

    told = DeadLetter.objects.order_by("id").values_list("status", "decided_reason")
    assert list(told) == [("retried", "two pallets"), ("discarded", "sent twice")]
    assert StockBalance.objects.get().sellable == 20


@pytest.mark.req("EVT-11")
def test_an_auditor_reads_and_does_nothing(client: Client):
    outcomes(event("receipt.recorded", 1, item="X"))
    reader = sign_in("auditor", name="eve")
    page = reader.get("/dead-letters/").content
    pk = letter("unknown_item").pk

    assert (b"Unknown item" in page, b'action="/dead-letters/' in page) == (True, True)
    assert page.count(b'method="post" action="/dead-letters/') == 0
    for path in (f"{pk}/retry/", f"{pk}/release/", f"{pk}/map/", f"{pk}/discard/", "retry/"):
        assert reader.post(f"/dead-letters/{path}", {"means": "SOCK"}).status_code == 403


@pytest.mark.req("EVT-15")
def test_the_case_of_an_unknown_name_leads_to_where_it_is_mapped(client: Client):
    outcomes(event("receipt.recorded", 1, item="L&4711"))
    run_stage("detect")

    page = client.get(f"/exceptions/{ExceptionCase.objects.get().pk}/").content.decode()

    assert "/dead-letters/?source=pos&amp;name=L%264711" in page
    assert b"L&amp;4711" in client.get("/dead-letters/?source=pos&name=L%264711").content
