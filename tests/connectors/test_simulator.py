"""The simulated world: nothing is told before it happened, and once a day where that is wanted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from connectors.simulators.server import Memory, Told, secret_of
from connectors.simulators.state import World

ORDERED = datetime(2026, 3, 2, 0, 0, 2, tzinfo=UTC)
LOST_OF_100 = 4
"""What the seed loses of a hundred messages."""
ORDER = {
    "number": "PO-1",
    "ordered_at": ORDERED.isoformat(),
    "expected_at": (ORDERED + timedelta(days=5)).isoformat(),
    "node": "DC",
    "lines": [{"sku": "SOCK", "quantity": 12}],
}


def tell_all(world: World) -> list[dict[str, object]]:
    """Everything that will ever happen, moment by moment."""
    told: list[dict[str, object]] = []
    while (at := world.next_due()) is not None:
        told += world.move_clock(at)
    return told


def test_an_order_is_confirmed_for_an_evening_and_received_once():
    world = World()
    world.take_purchase(ORDER)

    told = tell_all(world)

    assert [event["type"] for event in told if event["type"] != "asn.updated"] == [
        "purchase_order.confirmed",
        "receipt.recorded",
    ]
    assert told[0]["due_at"] == "2026-03-07T18:00:00+00:00"
    assert (told[-1]["quantity"], world.purchase_orders["PO-1"]["status"]) == (12, "received")


@pytest.mark.parametrize("number", range(20))
def test_with_an_hour_everything_is_told_at_that_hour_and_never_before_it_happened(number: int):
    exact, daily = World(), World(told_at=7)
    for world in (exact, daily):
        world.take_purchase({**ORDER, "number": f"PO-{number}"})

    happened, told = tell_all(exact), tell_all(daily)

    assert [event["source_id"] for event in told] == [event["source_id"] for event in happened]
    for before, after in zip(happened, told, strict=True):
        at = datetime.fromisoformat(str(after["occurred_at"]))
        late = at - datetime.fromisoformat(str(before["occurred_at"]))
        assert (at.hour, at.minute, at.second) == (7, 0, 0)
        assert timedelta() <= late < timedelta(days=1)


def test_an_instruction_repeated_under_its_key_is_carried_out_once():
    world = World()
    first = world.once("k", lambda: world.take_purchase(ORDER))

    assert world.once("k", lambda: world.take_purchase(ORDER)) == first
    told = [event["source_id"] for event in tell_all(world)]
    assert len(told) == len(set(told)) >= 2


def test_a_world_remembers_what_it_was_instructed_and_told(tmp_path):
    memory, first = Memory(tmp_path / "w"), World(told_at=7)
    for number in ("PO-1", "PO-2"):
        order = {**ORDER, "number": number}
        first.once(number, lambda order=order: first.take_purchase(order))
        memory.keep("/purchase-orders", number, order)
    confirmed = first.next_due()
    assert confirmed is not None
    first.move_clock(confirmed)
    memory.keep("/clock", "", {"to": confirmed.isoformat()})
    with (tmp_path / "w").open("ab") as file:
        file.write(b'\n{"path": "/purch')

    again = World(told_at=7)
    memory.relive(again)

    assert again.summary() == first.summary()
    assert tell_all(again) == tell_all(first)


def test_an_order_line_remembers_what_it_was_told_once_per_key():
    world = World()
    body = {"order": "B1", "line": "1", "quantity": 2}

    for _ in range(2):
        world.once("k1", lambda: world.note_order("ready", body))
    world.once("k2", lambda: world.note_order("promise", {**body, "promise_at": "later"}))

    assert [one["said"] for one in world.summary()["orders"]["B1/1"]] == ["ready", "promise"]


def test_a_message_is_sent_and_what_became_of_it_is_told_once_within_minutes():
    world, asked = World(), ORDERED.isoformat()
    for number in range(100):
        body = {"number": f"NR-{number}", "customer": "c-1", "requested_at": asked}
        world.once(str(number), lambda body=body: world.take_message(body))

    told = tell_all(world)

    assert sorted(event["document"] for event in told) == sorted(world.messages)
    assert {event["source"] for event in told} == {"crm"}
    lost = [event for event in told if event["type"] == "notification.failed"]
    assert {event["reason"] for event in lost} == {"mailbox full"}
    assert (len(told), len(lost)) == (100, LOST_OF_100)
    latest = max(datetime.fromisoformat(str(event["occurred_at"])) for event in told)
    assert timedelta() < latest - ORDERED < timedelta(minutes=10)


def test_each_system_tells_at_its_own_webhook():
    heard: list[tuple[str, list[str]]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        events = json.loads(request.content)["events"]
        heard.append((request.url.path, [event["source_id"] for event in events]))
        return httpx.Response(202)

    told = Told("http://x/api/v1/webhooks/erp", "x", secret_of("x"))
    told._client = httpx.Client(transport=httpx.MockTransport(answer))
    told.tell([{"source_id": "1"}, {"source_id": "2", "source": "crm"}, {"source_id": "3"}])

    assert heard == [("/api/v1/webhooks/erp", ["1", "3"]), ("/api/v1/webhooks/crm", ["2"])]
