"""The REST doors of exceptions: shapes, refusals, permissions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from exceptions.models import CaseNote, ExceptionCase
from exceptions.services import dismiss
from inventory_control.core import clock
from inventory_control.people.models import User
from inventory_control.people.services import add_member, issue_key, set_role
from tests.factories import SYSTEM, item, node, planner

URL = "/api/v1/exceptions"
Call = Callable[..., tuple[int, Any]]


def caller(*granted: str) -> tuple[User, Call]:
    """A member with a key that holds some permissions, and a hand that calls with it."""
    set_role(key="role", name="Role", grants=granted, by=SYSTEM)
    user = add_member(
        username="ada", name="Ada", password=None, roles=["role"], kind="person", by=SYSTEM
    )
    secret = issue_key(user=user, name="ada", scopes=granted, tiers=("process",), by=SYSTEM)
    client = Client(HTTP_HOST="alder.localhost", HTTP_AUTHORIZATION=f"Bearer {secret}")

    def call(method: str, path: str, body: object = None, **query: str) -> tuple[int, Any]:
        answer = (
            client.get(path, query)
            if method == "GET"
            else client.post(path, body, content_type="application/json")
        )
        return answer.status_code, answer.json()

    return user, call


@pytest.fixture
def ada(tenant) -> tuple[User, Call]:
    """Somebody who may read and handle."""
    return caller("exceptions.read", "exceptions.handle")


@pytest.fixture
def call(ada) -> Call:
    """Her hand."""
    return ada[1]


@pytest.mark.req("EXC-37", "INT-13")
def test_the_queue_has_the_figures_of_each_case(call, make_case):
    case = make_case(
        kind="stockout",
        key="stockout:SOCK@S5",
        item=item(),
        node=node("S5"),
        severity=2,
        at_stake="12.5",
        evidence={"available": 4},
    )

    status, body = call("GET", URL)

    assert (status, body["next"]) == (200, None)
    (row,) = body["results"]
    assert {
        "id": case.pk,
        "kind": "stockout",
        "status": "open",
        "severity": "high",
        "key": "stockout:SOCK@S5",
        "sku": "SOCK",
        "node": "S5",
        "document": "",
        "summary": "A case",
        "units": 1,
        "at_stake": "12.50",
        "evidence": {"available": 4},
        "seen": 1,
        "version": 1,
        "assignee": "",
        "resolution": "",
        "governed_by": "",
    }.items() <= row.items()
    assert row["due_at"] > row["opened_at"]


@pytest.mark.req("INT-13")
def test_next_leads_through_every_page_with_the_same_filters(call, make_case):
    wanted = {make_case(severity=2).pk for _ in range(5)}
    make_case(severity=1)

    status, body = call("GET", URL, severity="high", limit="2")
    seen = [row["id"] for row in body["results"]]
    while body["next"]:
        status, body = call("GET", body["next"])
        assert status == 200
        seen += [row["id"] for row in body["results"]]

    assert (len(seen), set(seen)) == (5, wanted)


def test_a_script_finds_a_closed_case_by_its_key(call, make_case):
    case = make_case(key="stockout:SOCK@S5")
    dismiss(case, reason="Wrong.", by=planner("exceptions.handle"))

    _, by_key = call("GET", URL, key="stockout:SOCK@S5")
    _, live = call("GET", URL, key="stockout:SOCK@S5", status="live")
    _, dismissed = call("GET", URL, status="dismissed")

    assert [row["id"] for row in by_key["results"]] == [case.pk]
    assert (live["results"], [row["reason"] for row in dismissed["results"]]) == ([], ["Wrong."])


@pytest.mark.parametrize(
    ("field", "value"),
    [("severity", "awful"), ("kind", "ghost"), ("limit", "500"), ("after", "x"), ("order", "x")],
)
def test_an_unknown_filter_value_is_a_problem_that_names_the_field(call, field: str, value: str):
    status, problem = call("GET", URL, **{field: value})

    assert (status, problem["field"]) == (422, field)


@pytest.mark.req("EXC-43")
def test_a_case_goes_through_its_life(ada, make_case):
    user, call = ada
    url = f"{URL}/{make_case().pk}"

    assert call("POST", f"{url}/acknowledge")[1]["assignee"] == str(user.public_id)
    status, problem = call("POST", f"{url}/acknowledge")
    assert (status, problem["code"], problem["state"]) == (409, "illegal_move", "acknowledged")
    assert call("POST", f"{url}/assign", {"assignee": ""})[1]["assignee"] == ""
    status, note = call("POST", f"{url}/notes", {"text": "Looked."})
    assert (status, note["text"], note["author"]) == (201, "Looked.", str(user.public_id))
    status, problem = call("POST", f"{url}/resolve", {})
    assert (status, problem["code"], problem["field"]) == (422, "reason_missing", "reason")
    assert call("POST", f"{url}/resolve", {"reason": "Done."})[1]["resolution"] == "by_hand"
    assert call("POST", f"{url}/assign", {"assignee": ""})[0] == 409
    assert call("POST", f"{url}/reopen", {"reason": "Not done."})[1]["status"] == "open"
    until = (clock.now() + timedelta(days=1)).isoformat()
    dismissed = call("POST", f"{url}/dismiss", {"reason": "Known.", "quiet_until": until})[1]
    assert (dismissed["status"], dismissed["quiet_until"] is None) == ("dismissed", False)
    status, page = call("GET", url)
    assert (status, [note["text"] for note in page["notes"]]) == (200, ["Looked."])


@pytest.mark.req("EXC-50")
def test_bulk_assign_takes_all_or_none(ada, make_case):
    user, call = ada
    ids = [make_case().pk for _ in range(3)]

    status, problem = call(
        "POST",
        f"{URL}/bulk-assign",
        {"ids": [*ids, ids[-1] + 1], "assignee": str(user.public_id)},
    )
    assert (status, problem["code"]) == (404, "unknown_case")
    assert set(ExceptionCase.objects.values_list("assignee", flat=True)) == {""}

    status, body = call("POST", f"{URL}/bulk-assign", {"ids": ids, "assignee": str(user.public_id)})
    assert (status, [row["id"] for row in body["results"]]) == (200, ids)
    assert set(ExceptionCase.objects.values_list("assignee", flat=True)) == {str(user.public_id)}


def test_a_case_that_is_not_there_is_a_404(call, tenant):
    for method, path in (("GET", f"{URL}/7"), ("POST", f"{URL}/7/acknowledge")):
        status, problem = call(method, path)
        assert (status, problem["code"]) == (404, "unknown_case")


@pytest.mark.req("SEC-01")
def test_who_may_only_read_changes_nothing(tenant, make_case):
    _, call = caller("exceptions.read")
    case = make_case()
    bodies = {
        "acknowledge": None,
        "assign": {"assignee": ""},
        "resolve": {"reason": "Why."},
        "dismiss": {"reason": "Why."},
        "reopen": {},
        "notes": {"text": "Hm."},
    }

    for act, body in bodies.items():
        assert call("POST", f"{URL}/{case.pk}/{act}", body)[0] == 403
    assert call("POST", f"{URL}/bulk-assign", {"ids": [case.pk], "assignee": ""})[0] == 403

    case.refresh_from_db()
    assert (case.status, case.assignee, CaseNote.objects.count()) == ("open", "", 0)
    assert call("GET", f"{URL}/{case.pk}")[0] == 200
