"""Every write of the API: once per Idempotency-Key, whoever repeats it, however many at once."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ai_advice.models import Advice
from exceptions.models import ExceptionCase
from exceptions.states import Status
from inventory_control.audit.models import AuditEntry
from inventory_control.catalog.models import (
    Item,
    ItemIdentifier,
    Node,
    NodeIdentifier,
    StateMapping,
)
from inventory_control.core import clock
from inventory_control.core.tenancy import in_tenant
from inventory_control.events.models import DeadLetter
from inventory_control.people.models import Role, User
from inventory_control.people.selectors import actor_of_user
from inventory_control.people.services import add_member
from inventory_control.policies.selectors import current_policy
from inventory_control.roles import ROLES
from inventory_control.web.models import IdempotentAnswer
from inventory_control.web.views import WRITES, ApiView
from tests.conftest import empty
from tests.factories import SYSTEM, event, item, node, send, supplier
from tests.http import Api
from tests.matrix.doors import Door, doors
from tests.orders.documents import placed
from tests.races.test_posting import together
from workflows.models import Approval
from workflows.services import request_adjustment
from workflows.values import WantedAdjustment

EVERYTHING = tuple(sorted({grant for _, grants in ROLES.values() for grant in grants}))
CALLERS = 8
Call = tuple[dict[str, object], Any]
"""The parameters of a route and a body that is right."""


def _shop() -> tuple[Item, Node]:
    sock, store = item(supplier=supplier()), node()
    send(event("stock.opened", 60))
    return sock, store


def _case(**fields: Any) -> ExceptionCase:
    sock, store = _shop()
    now = clock.now()
    made: ExceptionCase = ExceptionCase.objects.create(
        **{
            "kind": "negative_stock",
            "key": "negative_stock:1",
            "item": sock,
            "node": store,
            "severity": 3,
            "units": 1,
            "summary": "A case",
            "opened_at": now,
            "due_at": now + timedelta(days=1),
            "last_seen_at": now,
            **fields,
        }
    )
    return made


def _advice() -> Advice:
    case, now = _case(), clock.now()
    made: Advice = Advice.objects.create(
        case=case, case_version=1, advisor="us", model_version="1", action="nothing",
        proposition="Wait", confidence=0.5, snapshot="0", made_at=now,
        expires_at=now + timedelta(days=1),
    )  # fmt: skip
    return made


def _approval() -> Approval:
    _shop()
    grace: User = add_member(
        username="grace", name="Grace", password=None, roles=["planner"], kind="person", by=SYSTEM
    )
    actor = actor_of_user(grace.pk, at=clock.real_now())
    assert actor is not None
    wanted = WantedAdjustment(item="SOCK", node="S1", quantity=-40, reason_code="shrink")
    request_adjustment(wanted, by=actor)
    made: Approval = Approval.objects.get()
    return made


def _letter() -> int:
    send(event("receipt.recorded", 5))
    _shop()
    return int(DeadLetter.objects.get().pk)


def _held_letter() -> int:
    """A row held because it says what another one said."""
    _shop()
    send(event("receipt.recorded", 5, document="PO-1"))
    send(event("receipt.recorded", 5, document="PO-1"))
    return int(DeadLetter.objects.get().pk)


def _item_name() -> int:
    sock, _ = _shop()
    made: ItemIdentifier = ItemIdentifier.objects.create(item=sock, value="4006381333931")
    return int(made.pk)


def _node_name() -> int:
    _, store = _shop()
    made: NodeIdentifier = NodeIdentifier.objects.create(node=store, value="0042", source="pos")
    return int(made.pk)


def _state_meaning() -> int:
    made: StateMapping = StateMapping.objects.create(source="pos", code="OK", state="sellable")
    return int(made.pk)


def _post_event() -> Call:
    _shop()
    return {}, event("receipt.recorded", 5)


def _post_events() -> Call:
    _shop()
    return {}, [event("receipt.recorded", 5), event("sale.recorded", 1)]


def _reserve() -> Call:
    _shop()
    return {}, {"lines": [{"order": "W", "line": "1", "item": "SOCK", "node": "S1", "quantity": 5}]}


def _release() -> Call:
    _shop()
    send(event("reservation.created", 5, order="W", line="1"))
    return {}, {"order": "W", "line": "1", "quantity": 2}


def _settle_count() -> Call:
    _shop()
    (counted,) = send(event("stock.counted", 20))
    return {"event_id": counted.event_id}, {"verdict": "approved", "reason": "seen"}


def _put_items() -> Call:
    supplier()
    return {}, [{"sku": "HAT", "name": "Hat", "unit_cost": "3", "supplier": "MILL"}]


def _put_channels() -> Call:
    _shop()
    return {}, [{"code": "WEB", "name": "Web", "kind": "web", "nodes": ["S1"]}]


def _put_item_nodes() -> Call:
    _shop()
    return {}, [{"item": "SOCK", "node": "S1", "safety_stock": 3}]


def _give_advice() -> Call:
    case = _case()
    return {}, {
        "case": case.pk,
        "case_version": 1,
        "action": "nothing",
        "proposition": "Wait",
        "confidence": 0.5,
        "model_version": "7",
        "expires_at": (clock.now() + timedelta(days=1)).isoformat(),
    }


def _on_case(body: Any = None, **fields: Any) -> Callable[[], Call]:
    return lambda: ({"pk": _case(**fields).pk}, body)


def _assign() -> Call:
    return {"pk": _case().pk}, {"assignee": str(User.objects.get(username="caller").public_id)}


def _assign_all() -> Call:
    parameters, body = _assign()
    return {}, {**body, "ids": [parameters["pk"]]}


def _correct() -> Call:
    _shop()
    (sold,) = send(event("sale.recorded", 30))
    return {"event_id": sold.event_id}, {"reason": "Rung up twice", "quantity": 15}


def _transfer() -> Call:
    _shop()
    node("S2")
    return {}, {"item": "SOCK", "from_node": "S1", "to_node": "S2", "quantity": 5, "reason": "Fair"}


def _withdraw() -> Call:
    _shop()
    caller = actor_of_user(User.objects.get(username="caller").pk, at=clock.real_now())
    assert caller is not None
    wanted = WantedAdjustment(item="SOCK", node="S1", quantity=-40, reason_code="shrink")
    return {"request_id": request_adjustment(wanted, by=caller).request_id}, None


def _with_shop(body: Any) -> Callable[[], Call]:
    def prepared() -> Call:
        _shop()
        return {}, body

    return prepared


CLOSED = {"status": Status.RESOLVED, "resolution": "by_hand"}
CALLS: dict[str, Callable[[], Call]] = {
    "POST events": _post_event,
    "POST events/bulk": _post_events,
    "POST reservations": _reserve,
    "POST reservations/release": _release,
    "POST counts/<int:event_id>/settle": _settle_count,
    "POST dead-letters/<int:letter_id>/retry": lambda: ({"letter_id": _letter()}, None),
    "POST dead-letters/<int:letter_id>/discard": lambda: (
        {"letter_id": _letter()},
        {"reason": "noise"},
    ),
    "POST dead-letters/<int:letter_id>/release": lambda: (
        {"letter_id": _held_letter()},
        {"reason": "two vans"},
    ),
    "POST dead-letters/retry": lambda: ({}, {"ids": [_letter()]}),
    "PUT catalog/item-identifiers": _with_shop(
        [{"value": "4006381333931", "kind": "gtin", "item": "SOCK"}]
    ),
    "DELETE catalog/item-identifiers/<int:name_id>": lambda: ({"name_id": _item_name()}, None),
    "PUT catalog/node-identifiers": _with_shop([{"value": "0042", "source": "pos", "node": "S1"}]),
    "DELETE catalog/node-identifiers/<int:name_id>": lambda: ({"name_id": _node_name()}, None),
    "PUT catalog/state-mappings": lambda: (
        {},
        [{"source": "pos", "code": "OK", "state": "sellable"}],
    ),
    "DELETE catalog/state-mappings/<int:name_id>": lambda: ({"name_id": _state_meaning()}, None),
    "PUT catalog/suppliers": lambda: ({}, [{"code": "MILL", "name": "Mill"}]),
    "PUT catalog/nodes": lambda: ({}, [{"code": "S9", "name": "S9", "kind": "store"}]),
    "PUT catalog/items": _put_items,
    "PUT catalog/channels": _put_channels,
    "PUT catalog/item-nodes": _put_item_nodes,
    "POST purchase-orders/<str:number>/cancel": lambda: (
        {"number": placed(*_shop()).number},
        {"reason": "twice"},
    ),
    "POST exceptions/bulk-assign": _assign_all,
    "POST exceptions/<int:pk>/acknowledge": _on_case(),
    "POST exceptions/<int:pk>/assign": _assign,
    "POST exceptions/<int:pk>/resolve": _on_case({"reason": "done"}),
    "POST exceptions/<int:pk>/dismiss": _on_case({"reason": "no"}),
    "POST exceptions/<int:pk>/reopen": lambda: (
        {"pk": _case(**CLOSED, closed_at=clock.now()).pk},
        {"reason": "again"},
    ),
    "POST exceptions/<int:pk>/notes": _on_case({"text": "seen"}),
    "POST advice": _give_advice,
    "POST advice/<int:advice_id>/override": lambda: (
        {"advice_id": _advice().pk},
        {"reason": "no"},
    ),
    "POST approvals/decide": lambda: (
        {},
        {"approvals": [_approval().pk], "verdict": "approved"},
    ),
    "POST approvals/<int:approval_id>/decide": lambda: (
        {"approval_id": _approval().pk},
        {"verdict": "approved"},
    ),
    "POST exceptions/<int:case_id>/runs": lambda: (
        {"case_id": _case().pk},
        {"action": "purchase", "quantity": 5, "reason": "short"},
    ),
    "POST adjustments": _with_shop(
        {"item": "SOCK", "node": "S1", "quantity": -3, "reason_code": "missing"}
    ),
    "POST events/<int:event_id>/correct": _correct,
    "POST requests/<int:request_id>/withdraw": _withdraw,
    "POST transfers": _transfer,
    "POST purchase-requisitions": _with_shop(
        {"item": "SOCK", "node": "S1", "quantity": 5, "reason": "Fair"}
    ),
    "POST change-requests": _with_shop(
        {"kind": "item", "code": "SOCK", "changes": {"unit_cost": "5"}, "reason": "dearer"}
    ),
    "PUT policies/<slug:key>": lambda: (
        {"key": "autonomy"},
        dict(current_policy("autonomy").value),
    ),
    "POST sandbox/clock": lambda: ({}, {}),
}
"""A right body for every writing door, and what it needs to be there first."""
WRITING = [door for door in doors() if door.method in WRITES]


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


def _caller(host: str = "alder.localhost") -> Api:
    """Somebody who may do everything, and decide as a planner."""
    api = Api(*EVERYTHING, name="caller", host=host, kind="person")
    api.user.roles.add(Role.objects.get(key="planner"))
    return api


def _call(api: Api, door: Door, path: str, body: Any) -> tuple[int, str | None, bytes]:
    mine = copy.copy(api)
    status, _ = mine.call(door.method, path, body, idempotency_key="the same")
    return status, mine.last.headers.get("Idempotent-Replay"), mine.last.content


def _filled(path: str, name: str, value: object) -> str:
    before, _, rest = path.partition(f":{name}>")
    return f"{before.rpartition('<')[0]}{value}{rest}"


def _other(body: Any) -> Any:
    return [*body, {"other": 1}] if isinstance(body, list) else {**(body or {}), "other": 1}
