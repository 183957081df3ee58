"""Every page of the console: who sees it, that it renders, that acts answer fragments."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils.crypto import get_random_string

from exceptions.models import ExceptionCase
from exceptions.services import detect_due
from exceptions.states import Status
from inventory_control.availability.services import recalculate_due
from inventory_control.orders.models import FinancialDocument
from inventory_control.orders.services import acknowledge_documents
from inventory_control.people.models import User
from inventory_control.people.services import add_member
from inventory_control.pipeline import run_stage
from tests.factories import SYSTEM, at_node, event, item, node, outcomes, supplier
from workflows.models import Approval

PASSWORD = get_random_string(20)
PAGES = (
    "/exceptions/",
    "/approvals/",
    "/items/",
    "/items/SOCK/",
    "/orders/purchase-orders/",
    "/orders/transfers/",
    "/orders/erp-documents/",
    "/reconciliation/",
    "/audit/",
    "/dead-letters/",
    "/sources/",
)


def sign_in(*roles: str, name: str = "ada") -> Client:
    """A member with these roles, signed in through the form."""
    add_member(
        username=name, name="Ada Lovelace", password=PASSWORD, roles=roles, kind="person", by=SYSTEM
    )
    client = Client(HTTP_HOST="alder.localhost")
    answer = client.post("/login/", {"username": name, "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    return client


@pytest.fixture
def shop(tenant) -> ExceptionCase:
    """SOCK runs low at S1: a case with advice and a purchase that waits for the planner."""
    low = item(supplier=supplier())
    at_node(low, node(), reorder_point=6, order_up_to=30)
    outcomes(event("stock.opened", 4), event("sale.recorded", -1))
    recalculate_due(by=SYSTEM)
    detect_due(by=SYSTEM)
    for stage in ("advise", "workflows"):
        run_stage(stage)
    return ExceptionCase.objects.get()


@pytest.mark.req("EXC-01", "APR-01")
@pytest.mark.parametrize("path", PAGES)
def test_a_planner_sees_the_page(shop: ExceptionCase, path: str):
    client = sign_in("planner")

    answer = client.get(path)

    assert answer.status_code == 200
    assert b"<main" in answer.content
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert b"style=" not in answer.content
    assert b"<script>" not in answer.content


@pytest.mark.parametrize("path", [*PAGES, "/exceptions/1/"])
def test_nobody_sees_it_signed_out(shop: ExceptionCase, path: str):
    answer = Client(HTTP_HOST="alder.localhost").get(path)

    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/login/")


@pytest.mark.parametrize("path", PAGES)
def test_a_member_without_the_permission_is_refused(shop: ExceptionCase, path: str):
    client = sign_in(name="nobody")

    assert client.get(path).status_code == 403


@pytest.mark.req("EXC-01")
def test_the_queue_answers_htmx_with_rows(shop: ExceptionCase):
    client = sign_in("planner")

    answer = client.get("/exceptions/", headers={"HX-Request": "true"})

    assert answer.status_code == 200
    assert b"<html" not in answer.content
    assert f'id="case-{shop.pk}"'.encode() in answer.content
    assert b"Order 26" in answer.content


@pytest.mark.req("EXC-01")
def test_the_queue_takes_the_same_queries_for_one_case_and_for_forty(
    shop: ExceptionCase, django_assert_max_num_queries: Any
):
    client = sign_in("planner")
    client.get("/exceptions/")
    with django_assert_max_num_queries(40) as few:
        client.get("/exceptions/")
    for number in range(40):
        case = ExceptionCase.objects.get(pk=shop.pk)
        case.pk, case.key = None, f"stockout:X{number}@S1"
        case._state.adding = True
        case.save()

    with django_assert_max_num_queries(40) as many:
        answer = client.get("/exceptions/")

    assert answer.content.count(b'name="case"') == 41
    assert len(many) == len(few)


@pytest.mark.req("EXC-02")
def test_taking_on_a_case_answers_its_fragment_and_a_second_time_is_a_conflict(
    shop: ExceptionCase,
):
    client = sign_in("planner")

    first = client.post(f"/exceptions/{shop.pk}/acknowledge/", headers={"HX-Request": "true"})
    second = client.post(f"/exceptions/{shop.pk}/acknowledge/", headers={"HX-Request": "true"})

    assert (first.status_code, second.status_code) == (200, 409)
    assert b'id="case-body"' in first.content
    assert b"Taken on" in first.content
    assert b'role="alert"' in second.content
    shop.refresh_from_db()
    assert (shop.status, shop.assignee) == (
        Status.ACKNOWLEDGED,
        str(User.objects.get(username="ada").public_id),
    )


@pytest.mark.req("EXC-02")
def test_many_cases_are_taken_on_at_once(shop: ExceptionCase):
    client = sign_in("planner")

    answer = client.post(
        "/exceptions/bulk/",
        {"act": "acknowledge", "case": [shop.pk]},
        headers={"HX-Request": "true"},
    )

    assert answer.status_code == 200
    assert b"1 taken on." in answer.content
    shop.refresh_from_db()
    assert shop.status == Status.ACKNOWLEDGED


def test_a_bulk_act_without_a_choice_says_so_and_changes_nothing(shop: ExceptionCase):
    client = sign_in("planner")

    answer = client.post("/exceptions/bulk/", {"act": "acknowledge"})

    assert b"Select at least one exception." in answer.content
    shop.refresh_from_db()
    assert shop.status == Status.OPEN


@pytest.mark.req("OBS-01")
def test_the_live_count_is_304_while_nothing_changed(shop: ExceptionCase):
    client = sign_in("planner")

    first = client.get("/exceptions/count/")
    again = client.get("/exceptions/count/", headers={"If-None-Match": first["ETag"]})

    assert (first.status_code, again.status_code) == (200, 304)
    assert b'<b id="queue-counter" hx-swap-oob="outerHTML">1</b>' in first.content


@pytest.mark.req("APR-01")
def test_the_inbox_shows_what_waits_and_takes_the_decision(shop: ExceptionCase):
    client = sign_in("planner")
    waiting = Approval.objects.get()

    page = client.get("/approvals/")
    refused = client.post(f"/approvals/{waiting.pk}/decide/", {"verdict": "refused"})
    agreed = client.post(
        f"/approvals/{waiting.pk}/decide/",
        {"verdict": "approved", "reason": "needed"},
        headers={"HX-Request": "true"},
    )

    assert b"Order 26 SOCK for S1" in page.content
    assert b"Say why you refuse." in refused.content
    assert b"Approved." in agreed.content
    waiting.refresh_from_db()
    assert waiting.status == "approved"
    assert b"PO-" in client.get("/orders/purchase-orders/").content


@pytest.mark.req("APR-02")
def test_the_inbox_of_another_role_is_empty(shop: ExceptionCase):
    client = sign_in("finance", name="ben")

    assert b"Nothing waits for you" in client.get("/approvals/").content


@pytest.mark.req("GOV-02")
def test_the_case_page_shows_evidence_advice_and_what_happened(shop: ExceptionCase):
    client = sign_in("planner")

    page = client.get(f"/exceptions/{shop.pk}/").content.decode()

    for words in ("Order 26 from Mill", "confidence 0.50", "Approval asked", "needs planner"):
        assert words in page


@pytest.mark.req("SEC-09")
def test_ten_wrong_passwords_put_a_name_to_rest(tenant):
    sign_in("planner")
    client = Client(HTTP_HOST="alder.localhost")

    for _ in range(10):
        answer = client.post("/login/", {"username": "ada", "password": "wrong"})
        assert b"do not go together" in answer.content
    rested = client.post("/login/", {"username": "ada", "password": PASSWORD})

    assert b"Too many failed sign-ins" in rested.content


@pytest.mark.req("TEN-03")
def test_each_house_has_its_own_colours(committed):
    client = Client(HTTP_HOST="alder.localhost")

    sheet = client.get("/brand.css")
    again = client.get("/brand.css", headers={"If-None-Match": sheet["ETag"]})

    assert sheet["Content-Type"] == "text/css"
    assert b"--" in sheet.content
    assert again.status_code == 304
    assert client.get("/login/").status_code == 200


def test_an_unknown_host_is_nobodys_house(committed):
    answer = Client(HTTP_HOST="evil.example").get("/login/")

    assert (answer.status_code, answer.content) == (404, b"Not found.")


@pytest.mark.req("LED-31")
@pytest.mark.parametrize(
    ("answer", "shown"),
    [(None, "expects ERP adjustment, pending"), ("ERP-7", "ERP adjustment, acknowledged")],
)
def test_a_damage_shows_what_the_erp_is_to_know_until_it_does(shop, answer, shown):
    client = sign_in("planner")
    outcomes(event("damage.recorded", 1))
    run_stage("erp")
    if answer:
        number = FinancialDocument.objects.get().number
        acknowledge_documents({number: {"id": answer}}, by=SYSTEM)

    page = client.get("/items/SOCK/").content.decode()
    listed = client.get("/orders/erp-documents/").content.decode()

    assert page.count(shown) == 2
    assert ("Adjustment" in listed, "Acknowledged by the ERP" in listed) == (True, bool(answer))
