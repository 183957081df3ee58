"""The pages of reconciliation, signed in as the people who use them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils.crypto import get_random_string

from exceptions.models import ExceptionCase
from inventory_control.core import clock
from inventory_control.people.services import add_member
from inventory_control.policies.services import set_policy
from inventory_control.reconciliation.models import Comparison, Discrepancy, Remedy, SignOff
from tests.factories import SYSTEM, hour
from tests.reconciliation.reports import about, says

PASSWORD = get_random_string(20)


def sign_in(*roles: str, name: str = "ada") -> Client:
    """A member with these roles, signed in through the form."""
    add_member(
        username=name, name=name.title(), password=PASSWORD, roles=roles, kind="person", by=SYSTEM
    )
    client = Client(HTTP_HOST="alder.localhost")
    assert client.post("/login/", {"username": name, "password": PASSWORD}).status_code == 302
    return client


@pytest.fixture
def off(lamp, arrive, run) -> Discrepancy:
    """WMS shows seven lamps more than the ledger."""
    arrive(about("stock.opened", 112, hour(8)), says("wms", 119, hour(9)))
    run()
    return Discrepancy.objects.get()


@pytest.mark.req("REC-01", "REC-05")
def test_the_overview_shows_runs_differences_and_drift(off):
    page = sign_in("planner").get("/reconciliation/").content.decode()

    for words in ("Open differences", f'id="discrepancy-{off.pk}"', "wms", "280.00", "<polyline"):
        assert words in page
    assert "style=" not in page


@pytest.mark.req("REC-01")
def test_compare_now_runs_a_comparison(off):
    answer = sign_in("planner").post("/reconciliation/run/")

    assert (answer.status_code, Comparison.objects.count()) == (302, 2)


@pytest.mark.req("REC-04", "REC-08")
def test_a_difference_is_settled_on_its_page(off):
    client = sign_in("planner")
    address = f"/reconciliation/discrepancies/{off.pk}/"

    answer = client.post(
        f"{address}settle/", {"path": "correct_source", "reason": "ours is right", "minutes": "9"}
    )
    page = client.get(address).content.decode()

    assert (answer.status_code, answer["Location"]) == (302, address)
    for words in ("ours is right", "position.correct to wms", "Carried out", "<b>9</b> minutes"):
        assert words in page


@pytest.mark.req("REC-04")
def test_a_second_person_sees_the_decision_and_the_first_does_not(off):
    set_policy(key="reconciliation", value={"approval_above": "0"}, by=SYSTEM)
    first, second = sign_in("planner"), sign_in("finance", name="ben")
    address = f"/reconciliation/discrepancies/{off.pk}/"
    first.post(f"{address}settle/", {"path": "accept", "reason": "known"})
    remedy = Remedy.objects.get()
    decide = f"/reconciliation/remedies/{remedy.pk}/decide/"

    assert decide not in first.get(address).content.decode()
    assert decide in second.get(address).content.decode()
    second.post(decide, {"verdict": "approved", "reason": "fine"})

    off.refresh_from_db()
    assert off.status == "accepted"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("discrepancies/0/", None, 404),
        ("items/NONE/", None, 404),
        ("discrepancies/0/settle/", {"path": "accept", "reason": "x", "minutes": "many"}, 422),
        ("sign-off/", {"day": "someday"}, 422),
    ],
)
def test_bad_input_gets_a_plain_refusal(off, path, body, status):
    client = sign_in("planner")
    address = f"/reconciliation/{path}"

    answer = client.get(address) if body is None else client.post(address, body)

    assert answer.status_code == status


@pytest.mark.req("REC-07")
def test_the_day_is_signed_off_on_the_page(off):
    client = sign_in("finance")
    today = clock.now().date().isoformat()

    client.post("/reconciliation/sign-off/", {"day": today, "note": "WMS is told"})
    page = client.get("/reconciliation/").content.decode()

    assert SignOff.objects.get().note == "WMS is told"
    assert ("WMS is told" in page, "/reconciliation/sign-off/" in page) == (True, False)


@pytest.mark.req("LED-30")
def test_the_item_page_loads_what_every_system_says(off):
    client = sign_in("planner")

    page = client.get("/items/LAMP/").content.decode()
    panel = client.get("/reconciliation/items/LAMP/", headers={"HX-Request": "true"})

    assert 'hx-get="/reconciliation/items/LAMP/"' in page
    assert panel.content.decode().count("Odd one out") == 1
    assert "<html" not in panel.content.decode()


@pytest.mark.req("REC-02")
def test_the_case_page_loads_it_too(off):
    case = ExceptionCase.objects.get(kind="position_mismatch")

    page = sign_in("planner").get(f"/exceptions/{case.pk}/").content.decode()

    assert 'hx-get="/reconciliation/items/LAMP/"' in page
    assert "Systems disagree" in page
