"""The right body of every writing door of the API, and what must be there first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ai_advice.models import Advice
from connectors.services import (
    deliver_due,
    place_hold,
    preview_replay,
    start_replay,
    subscribe,
)
from connectors.values import ReplayScope
from exceptions.models import ExceptionCase
from exceptions.states import Status
from inventory_control.availability.services import pause_listing, recalculate_due
from inventory_control.catalog.models import (
    Item,
    ItemIdentifier,
    Node,
    NodeIdentifier,
    StateMapping,
    Substitute,
)
from inventory_control.core import clock
from inventory_control.events.models import DeadLetter, EventWork
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.services import queue_backorders
from inventory_control.notifications.services import request_notification
from inventory_control.notifications.values import NotificationDraft
from inventory_control.orders.models import FinancialDocument
from inventory_control.orders.services import book_events, place_transfers
from inventory_control.outbox.services import queue_command
from inventory_control.people.models import User
from inventory_control.people.selectors import actor_of_user
from inventory_control.people.services import add_member
from inventory_control.policies.selectors import current_policy
from inventory_control.reconciliation.models import Discrepancy
from inventory_control.reconciliation.services import compare, settle, take_reports
from inventory_control.stock.services import freeze
from tests.factories import SYSTEM, channel, event, item, node, planner, send, supplier
from tests.orders.documents import placed, wanted_transfer
from workflows.models import Approval
from workflows.services import request_adjustment
from workflows.values import WantedAdjustment

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


def _mark_down() -> Call:
    item()
    node()
    old = clock.now() - timedelta(days=200)
    send(event("receipt.recorded", 60, occurred_at=old))
    return {}, {"item": "SOCK", "price": "7", "reason": "last season"}


def _with_shop(body: Any) -> Callable[[], Call]:
    def prepared() -> Call:
        _shop()
        return {}, body

    return prepared


def _with_web(body: Any, **parameters: object) -> Callable[[], Call]:
    def prepared() -> Call:
        _, store = _shop()
        channel("WEB", store)
        return parameters, body

    return prepared


def _confirm() -> Call:
    _, body = _release()
    return {}, body


def _lift() -> Call:
    _shop()
    hold = freeze(sku="SOCK", node="S1", reason="recall", by=SYSTEM)
    return {"hold_id": hold.pk}, {"reason": "cleared"}


def _gave_up() -> Call:
    _shop()
    command = queue_command(
        kind="transfer.create", target="wms", idempotency_key="t", payload={}, by=SYSTEM
    )
    deliver_due(by=SYSTEM)
    return {"command_id": command.pk}, None


def _put_substitutes() -> Call:
    _shop()
    item("WOOL")
    return {}, [{"item": "SOCK", "substitute": "WOOL", "is_approved": True}]


def _resume() -> Call:
    _, body = _with_web({"item": "SOCK", "channel": "WEB", "reason": "no recall"})()
    pause_listing(item="SOCK", channel="WEB", reason="recall", by=SYSTEM)
    return {}, body


def _ship_date() -> Call:
    now = clock.now()
    return {"number": placed(*_shop()).number}, {
        "reference": "D-1",
        "occurred_at": now,
        "due_at": now + timedelta(days=9),
    }


def _settle_transfer() -> Call:
    sock, store = _shop()
    wanted = wanted_transfer(sock, store, node("S2"), 20)
    (number,) = place_transfers([wanted], by=SYSTEM).values()
    send(
        event("transfer.shipped", 20, to_node="S2", document=number),
        event("transfer.received", 18, node="S2", document=number),
    )
    return {"number": number}, {"settlement": "written_off", "quantity": 2, "reason": "lost"}


def _inspect() -> Call:
    _shop()
    send(event("return.received", 3))
    return {}, {
        "reference": "I-1",
        "occurred_at": clock.now(),
        "subject": "return",
        "item": "SOCK",
        "node": "S1",
        "quantity": 2,
        "to_state": "sellable",
    }


def _ship() -> Call:
    _shop()
    send(event("order.created", 5, order="W", line="1"))
    return {}, {
        "reference": "S-1",
        "occurred_at": clock.now(),
        "order": "W",
        "line": "1",
        "item": "SOCK",
        "node": "S1",
        "quantity": 2,
    }


def _decide_on_goods() -> Call:
    _shop()
    send(event("receipt.recorded", 5, document="PO-X", to_state="quarantined"))
    book_events(by=SYSTEM)
    held = FinancialDocument.objects.get()
    return {"number": held.number}, {"verdict": "accepted", "reason": "we keep them"}


def _substitute() -> Call:
    sock, _ = _shop()
    wool = item("WOOL")
    Substitute.objects.create(item=sock, substitute=wool, is_approved=True)
    send(
        event("stock.opened", 9, item="WOOL"),
        event("reservation.created", 5, order="W", line="1"),
    )
    return {}, {"order": "W", "line": "1", "substitute": "WOOL", "quantity": 3, "node": "S1"}


def _discrepancy(reported: int = 80) -> Discrepancy:
    _shop()
    send(event("position.reported", reported, system="wms"))
    take_reports(by=SYSTEM)
    compare(by=SYSTEM)
    found: Discrepancy = Discrepancy.objects.get()
    return found


def _on_discrepancy(body: Any) -> Callable[[], Call]:
    return lambda: ({"pk": _discrepancy().pk}, body)


def _compare() -> Call:
    _discrepancy()
    return {}, None


def _decide_remedy() -> Call:
    remedy = settle(
        discrepancy_id=_discrepancy(reported=600).pk,
        path="accept",
        reason="seen",
        by=planner("reconciliation.resolve"),
    )
    return {"pk": remedy.pk}, {"verdict": "approved", "reason": "seen too"}


def _sign_off() -> Call:
    _discrepancy()
    return {}, {"day": clock.now().date(), "note": "WMS is told"}


def _declare() -> Call:
    now = clock.now()
    return {}, {
        "source": "caller",
        "since": now - timedelta(days=1),
        "until": now,
        "expected": 4,
    }


def _import() -> Call:
    item()
    node()
    return {}, {
        "snapshot": "go-live",
        "source": "caller",
        "as_of": clock.now(),
        "rows": [{"item": "SOCK", "node": "S1", "quantity": 40}],
    }


def _preview() -> dict[str, object]:
    _shop()
    return {"replay_id": preview_replay(ReplayScope(), reason="lost", by=SYSTEM).pk}


def _started() -> dict[str, object]:
    parameters = _preview()
    start_replay(int(str(parameters["replay_id"])), confirmed=1, by=SYSTEM)
    return parameters


def _legal_hold() -> dict[str, object]:
    return {"hold_id": place_hold(reason="lawsuit", by=SYSTEM).pk}


def _subscribed() -> dict[str, object]:
    subscribe(**SUBSCRIBER, code="crm", by=SYSTEM)
    return {"code": "crm"}


def _dead_work() -> Call:
    _shop()
    (posted,) = send(event("receipt.recorded", 5))
    work = EventWork.objects.create(
        consumer="orders", event_id=posted.event_id, noted_at=clock.now(), attempts=5
    )
    return {}, {"work": [work.pk]}


def _waiting() -> Call:
    """One of two who wait is given a unit that is kept for the other."""
    _shop()
    item("TENT")
    send(
        *(
            event("order.backordered", 4, item="TENT", order=order, line="1")
            for order in ("B1", "B2")
        )
    )
    queue_backorders(by=SYSTEM)
    send(event("receipt.recorded", 3, item="TENT"))
    recalculate_due(by=SYSTEM)
    waits = Backorder.objects.get(order="B2")
    return {"backorder_id": waits.pk}, {"units": 1, "had": 0, "reason": "wedding"}


def _consent(order: str = "W") -> Call:
    _shop()
    send(
        event("order.created", 5, order=order, line="1", customer="tok-1"),
        event(
            "consent.given", item=None, node=None, customer="tok-1",
            attributes={"medium": "mail", "purpose": "service"},
        ),
    )  # fmt: skip
    return {}, {"topic": "order_delayed", "medium": "mail", "order": order}


def _queued_message() -> dict[str, object]:
    _consent()
    draft = NotificationDraft(topic="order_delayed", medium="mail", order="W")
    return {"number": request_notification(draft, by=SYSTEM).number}


def _touched() -> Call:
    case = _case(**CLOSED, closed_at=clock.now())
    long_ago = (clock.now() - timedelta(days=1)).isoformat()
    (late,) = send(event("receipt.recorded", 1, occurred_at=long_ago))
    return {"event_id": late.event_id}, {"cases": [case.pk], "reason": "late goods"}


SUBSCRIBER: dict[str, Any] = {
    "name": "CRM",
    "url": "https://crm.example/hooks",
    "types": ["position.changed"],
}
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
    "POST markdowns": _mark_down,
    "POST change-requests": _with_shop(
        {"kind": "item", "code": "SOCK", "changes": {"unit_cost": "5"}, "reason": "dearer"}
    ),
    "PUT policies/<slug:key>": lambda: (
        {"key": "autonomy"},
        dict(current_policy("autonomy").value),
    ),
    "POST sandbox/clock": lambda: ({}, {}),
    "PUT sources": lambda: ({}, [{"code": "wms", "owner": "Warehouse team"}]),
    "PUT freshness": lambda: ({}, {"sources": {"pos": 10}}),
    "POST reservations/check": _reserve,
    "POST reservations/confirm": _confirm,
    "POST holds": _with_shop({"item": "SOCK", "node": "S1", "reason": "recall"}),
    "POST holds/<int:hold_id>/lift": _lift,
    "PUT catalog/substitutes": _put_substitutes,
    "POST availability/safety-stock": _with_shop(
        {"item": "SOCK", "node": "S1", "safety_stock": 2, "reason": "demand rose"}
    ),
    "PUT exposure/rules/<slug:key>": _with_web(
        {
            "node": "S1",
            "hold_below": 10,
            "resume_from": 25,
            "resume_after": 15,
            "channels": ["WEB"],
            "reason": "few left",
        },
        key="web-low",
    ),
    "PUT exposure/listings": _with_web([{"item": "SOCK", "channel": "WEB", "buffer": 2}]),
    "POST exposure/pause": _with_web({"item": "SOCK", "channel": "WEB", "reason": "recall"}),
    "POST exposure/resume": _resume,
    "POST purchase-orders/<str:number>/ship-date": _ship_date,
    "POST transfers/<str:number>/settle": _settle_transfer,
    "POST inspections": _inspect,
    "POST shipments": _ship,
    "POST erp-documents/<str:number>/decide": _decide_on_goods,
    "POST allocations": _with_web(
        {
            "order": "W",
            "channel": "WEB",
            "commit": True,
            "lines": [{"line": "1", "item": "SOCK", "quantity": 5}],
        }
    ),
    "POST allocations/substitute": _substitute,
    "POST reconciliation/runs": _compare,
    "POST reconciliation/discrepancies/<int:pk>/remedies": _on_discrepancy(
        {"path": "correct_ledger", "reason": "counted", "minutes": 3}
    ),
    "POST reconciliation/discrepancies/<int:pk>/efforts": _on_discrepancy({"minutes": 3}),
    "POST reconciliation/remedies/<int:pk>/decide": _decide_remedy,
    "POST reconciliation/sign-offs": _sign_off,
    "POST reconciliation/control-totals": _declare,
    "POST reconciliation/snapshots": _import,
    "POST commands/<int:command_id>/retry": _gave_up,
    "POST replays": _with_shop({"reason": "lost"}),
    "POST replays/<int:replay_id>/start": lambda: (_preview(), {"confirmed": 1}),
    "POST replays/<int:replay_id>/stop": lambda: (_started(), {"reason": "enough"}),
    "POST legal-holds": _with_shop({"item": "SOCK", "reason": "lawsuit"}),
    "POST legal-holds/<int:hold_id>/lift": lambda: (_legal_hold(), {"reason": "settled"}),
    "PUT subscriptions/<slug:code>": lambda: ({"code": "crm"}, SUBSCRIBER),
    "DELETE subscriptions/<slug:code>": lambda: (_subscribed(), None),
    "POST event-work/retry": _dead_work,
    "POST backorders/<int:backorder_id>/release": _waiting,
    "POST notification-requests": _consent,
    "POST notification-requests/<str:number>/call-off": lambda: (
        _queued_message(),
        {"reason": "it came"},
    ),
    "POST events/<int:event_id>/consequences/reopen": _touched,
}
"""A right body for every writing door, and what it needs to be there first."""
