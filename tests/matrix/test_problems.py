"""Every refusal of every door has one shape, a stable code and the correlation id of its answer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from inventory_control.roles import ROLES
from inventory_control.web.views import ApiView
from tests.http import Api
from tests.matrix.doors import Door, doors

EVERYTHING = tuple(sorted({grant for _, grants in ROLES.values() for grant in grants}))
DOORS = list(doors())
NEED_NO_BODY = frozenset(
    {
        "letter-retry", "exception-acknowledge", "request-withdraw", "sandbox-clock",
        "comparison-list", "command-retry",
    }
)  # fmt: skip
READING_BODIES = [door for door in DOORS if door.method != "GET" and door.name not in NEED_NO_BODY]
NEEDED = {"type", "title", "status", "code", "detail", "correlation_id"}


def problem_in(api: Api) -> dict[str, Any]:
    """The problem of the last answer, once it has the shape of one."""
    answer = api.last
    body: dict[str, Any] = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(body) >= NEEDED
    assert body["status"] == answer.status_code
    assert body["type"] == f"/problems/{body['code']}"
    assert re.fullmatch(r"[a-z][a-z_]+", body["code"])
    assert body["detail"]
    assert body["correlation_id"] == answer.headers["X-Correlation-Id"]
    assert isinstance(body.get("field", ""), str)
    return body


def named(door: Door, value: str) -> str:
    """A door's path with every parameter set to one value."""
    return re.sub(r"<[^>]+>", value, door.route)


@pytest.mark.req("INT-13", "INT-12")
@pytest.mark.parametrize("door", DOORS, ids=str)
def test_without_a_key_and_without_the_scope(tenant, door: Door):
    api = Api("nothing.at_all", name="stranger")

    api.call(door.method, named(door, "1"), {})
    assert problem_in(api)["code"] == "not_permitted"
    assert api.last.status_code == 403

    api.key = "nobody.secret"
    api.call(door.method, named(door, "1"), {})
    assert problem_in(api)["code"] == "authentication_failed"
    assert (api.last.status_code, api.last.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.req("INT-13")
@pytest.mark.parametrize("door", READING_BODIES, ids=str)
@pytest.mark.parametrize("raw", [b"{", b"7", b'"text"', b'{"nonsense": 1}'], ids=repr)
def test_a_body_that_makes_no_sense(tenant, door: Door, raw: bytes):
    api = Api(*EVERYTHING, name="fool")

    status, _ = api.call(door.method, named(door, "1"), raw=raw)

    problem_in(api)
    assert 400 <= status < 500


@pytest.mark.req("INT-13")
def test_an_address_there_is_not(tenant):
    api = Api("stock.read")

    status, _ = api.get("nothing/here")

    assert (status, problem_in(api)["code"]) == (404, "not_found")


@pytest.mark.req("INT-13")
def test_a_method_there_is_not(tenant):
    api = Api("stock.read")

    status, _ = api.call("DELETE", "items/SOCK/positions")

    assert (status, problem_in(api)["status"]) in {(405, 405), (403, 403)}


@pytest.mark.req("INT-13")
def test_our_own_fault_says_nothing_of_what_failed(tenant, monkeypatch):
    def broken(_view: ApiView, *_args: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(ApiView, "refuse_large", broken)
    api = Api("stock.read")

    status, _ = api.get("items/SOCK/positions")

    assert (status, problem_in(api)["code"]) == (500, "fault")
    assert b"hunter2" not in api.last.content


@pytest.mark.req("INT-13")
def test_a_host_of_nobody(committed):
    api = Api("stock.read")
    api.host = "nobody.localhost"

    status, _ = api.get("items/SOCK/positions")

    assert (status, problem_in(api)["code"]) == (404, "not_found")


def test_people_get_a_page(tenant):
    answer = Client(HTTP_HOST="alder.localhost").get("/no/such/page/")

    assert answer.status_code == 404
    assert b"There is nothing here" in answer.content
