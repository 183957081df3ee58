"""Every write of the API: once per Idempotency-Key, whoever repeats it, however many at once."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from inventory_control.audit.models import AuditEntry
from inventory_control.core.errors import DomainError
from inventory_control.core.tenancy import in_tenant
from inventory_control.people.models import Role
from inventory_control.roles import ROLES
from inventory_control.stock.api.views import EventView
from inventory_control.web.models import IdempotentAnswer
from inventory_control.web.problems import problem_response
from inventory_control.web.views import WRITES, ApiView
from tests.conftest import empty
from tests.http import Api
from tests.matrix.bodies import CALLS
from tests.matrix.doors import Door, doors
from tests.matrix.test_problems import NEED_NO_BODY
from tests.races.test_posting import together

EVERYTHING = tuple(sorted({grant for _, grants in ROLES.values() for grant in grants}))
CALLERS = 8
WRITING = [door for door in doors() if door.method in WRITES]
READING = [door for door in WRITING if door.method != "DELETE" and door.name not in NEED_NO_BODY]


@pytest.mark.req("INT-16")
def test_every_writing_door_is_in_the_table():
    assert sorted(map(str, WRITING)) == sorted(CALLS)


@pytest.fixture
def runs(monkeypatch) -> list[str]:
    """What was truly done: the answers that handlers came to, replays left out."""
    done: list[str] = []
    plain = ApiView._rendered

    def counted(view: ApiView, response: Any) -> Any:
        answer = plain(view, response)
        done.append(view.request.path)
        return answer

    monkeypatch.setattr(ApiView, "_rendered", counted)
    return done


@pytest.mark.req("INT-16")
@pytest.mark.parametrize("door", WRITING, ids=str)
def test_a_repeated_write_is_done_once(committed, tenant_b, door: Door, runs: list[str]):
    caller = _caller()
    parameters, body = CALLS[str(door)]()
    path = door.route
    for name, value in parameters.items():
        path = _filled(path, name, value)

    answers = together(
        committed, *[lambda: _call(caller, door, path, body) for _ in range(CALLERS)]
    )

    first = [one for one in answers if one[1] is None and one[0] < 300]
    assert len(first) == 1, answers
    assert len(runs) == 1
    (status, _, content) = first[0]
    for one in answers:
        is_replay = one == (status, "true", content)
        assert (
            one == first[0] or is_replay or (one[0] == 409 and b"idempotency_key_running" in one[2])
        )

    told = AuditEntry.objects.count()
    assert _call(caller, door, path, body) == (status, "true", content)
    other, _, refusal = _call(caller, door, path, _other(body))
    assert (other, b"idempotency_key_reused" in refusal) == (422, True)
    assert (AuditEntry.objects.count(), len(runs)) == (told, 1)

    with in_tenant(tenant_b):
        neighbour = _caller(host="birch.localhost")
    there, replay, text = _call(neighbour, door, path, body)
    assert (replay, b"idempotency_key" in text) == (None, False), there
    with in_tenant(tenant_b):
        assert IdempotentAnswer.objects.filter(status=0).count() == 0
    empty(tenant_b)


@pytest.mark.req("INT-16")
@pytest.mark.parametrize("door", READING, ids=str)
def test_a_body_that_could_not_be_read_leaves_the_key_to_the_mended_one(committed, door: Door):
    caller = _caller()
    parameters, body = CALLS[str(door)]()
    path = door.route
    for name, value in parameters.items():
        path = _filled(path, name, value)

    refused, _, refusal = _call(caller, door, path, raw=b"{")
    left = IdempotentAnswer.objects.count()
    done, replay, content = _call(caller, door, path, body)

    assert (400 <= refused < 500, refused != 409, left) == (True, True, 0), refusal
    assert (done < 300, replay) == (True, None), content


@pytest.mark.req("INT-16")
@pytest.mark.parametrize("is_raised", [True, False], ids=["raised", "returned"])
@pytest.mark.parametrize("status", [200, 201, 202, 204, 400, 403, 404, 409, 413, 422, 503])
def test_one_rule_says_which_answers_are_kept(tenant, monkeypatch, status: int, is_raised: bool):
    class ThisError(DomainError):
        """Refused."""

    ThisError.status = status
    told: list[int] = []

    def answering(_view: ApiView, _request: Any) -> Any:
        told.append(status)
        if is_raised and status >= 400:
            raise ThisError
        return problem_response(ThisError())

    monkeypatch.setattr(EventView, "post", answering)
    caller = Api("events.write")

    first = caller.post("events", {}, idempotency_key="k")
    again = caller.post("events", {}, idempotency_key="k")
    is_replay = "Idempotent-Replay" in caller.last.headers
    other, _ = caller.post("events", {"other": 1}, idempotency_key="k")

    is_kept = status < 400 or status == 409
    assert (first[0], again[0], is_replay) == (status, status, is_kept)
    assert (len(told), other) == ((1, 422) if is_kept else (3, status))


def _caller(host: str = "alder.localhost") -> Api:
    """Somebody who may do everything, decide as a planner and speak for the supplier MILL."""
    api = Api(*EVERYTHING, name="caller", host=host, kind="person", sources=("MILL",))
    api.user.roles.add(Role.objects.get(key="planner"))
    return api


def _call(
    api: Api, door: Door, path: str, body: Any = None, raw: bytes | None = None
) -> tuple[int, str | None, bytes]:
    mine = copy.copy(api)
    status, _ = mine.call(door.method, path, body, raw=raw, idempotency_key="the same")
    return status, mine.last.headers.get("Idempotent-Replay"), mine.last.content


def _filled(path: str, name: str, value: object) -> str:
    before, _, rest = path.partition(f":{name}>")
    return f"{before.rpartition('<')[0]}{value}{rest}"


def _other(body: Any) -> Any:
    return [*body, {"other": 1}] if isinstance(body, list) else {**(body or {}), "other": 1}
