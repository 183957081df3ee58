"""Subscribers: told of positions and events, signed, the latest position, with the cause's id."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.models import Connector
from connectors.services import deliver_due, pause, resume, subscribe, unsubscribe
from connectors.simulators.server import Told, secret_of, serve
from connectors.simulators.state import World
from inventory_control.audit.selectors import timeline_of
from inventory_control.availability.services import recalculate_due, set_planning
from inventory_control.core.errors import NotPermitted, Refused
from inventory_control.core.telemetry import correlated
from inventory_control.events.models import EventWork, Notice
from inventory_control.events.selectors import next_notices
from inventory_control.events.services import forget_told
from inventory_control.outbox.models import OutboundCommand
from inventory_control.pipeline import run_stage, unsettled
from tests.factories import SYSTEM, event, item, node, outcomes, planner
from tests.http import Api

SECRET = secret_of("subscriber")


@pytest.fixture
def world() -> Iterator[tuple[World, str]]:
    """A subscriber that verifies signatures: its memory and its address."""
    heard = World()
    server = serve(port=0, world=heard, told=Told("", "", SECRET))
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield heard, f"http://127.0.0.1:{server.server_address[1]}/hooks"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def places(tenant) -> None:
    """SOCK and CAP at S1 and S2."""
    item()
    item("CAP")
    node()
    node("S2")


def follow(address: str, *types: str, **chosen: Any) -> None:
    """Subscribe, with the secret the subscriber knows unless another is given."""
    asked = {"code": "crm", "name": "CRM", "url": address, "types": types, "secret": SECRET}
    subscribe(**{**asked, **chosen}, by=SYSTEM)


def run_all() -> None:
    """Let every stage between an event and a subscriber run until nothing is due there."""
    for stage in ("availability", "subscribers", "deliver"):
        run_stage(stage)


@pytest.mark.req("EVT-20")
def test_a_subscriber_receives_the_changed_position_with_the_same_correlation_id(
    world: tuple[World, str],
):
    heard, url = world
    follow(url, "position.changed")
    with correlated("delivery-7"):
        outcomes(event("receipt.recorded", 9))
    run_all()

    (told,) = heard.told
    assert (told["type"], told["item"], told["node"]) == ("position.changed", "SOCK", "S1")
    assert (told["ats"], told["position"]["sellable"], told["position"]["on_hand"]) == (9, 9, 9)
    assert told["correlation_id"] == "delivery-7"
    assert (told["version"] > 0, told["as_of"] is not None, told["is_frozen"]) == (
        True,
        True,
        False,
    )
    assert not Notice.objects.exists()
    assert OutboundCommand.objects.get().status == "sent"


@pytest.mark.req("EVT-20")
def test_the_latest_position_wins_and_is_told_once_with_the_last_cause(world: tuple[World, str]):
    heard, url = world
    follow(url, "position.changed")
    for number in range(5):
        with correlated(f"sale-{number}"):
            outcomes(event("sale.recorded", 1))
        recalculate_due(by=SYSTEM)
    assert (Notice.objects.count(), OutboundCommand.objects.count()) == (1, 1)
    run_all()

    (told,) = heard.told
    assert (told["ats"], told["correlation_id"]) == (-5, "sale-4")


@pytest.mark.req("EVT-20")
def test_a_later_position_has_a_higher_version(world: tuple[World, str]):
    heard, url = world
    follow(url, "position.changed")
    for _ in range(3):
        outcomes(event("receipt.recorded", 1))
        run_all()

    assert [told["ats"] for told in heard.told] == [1, 2, 3]
    versions = [told["version"] for told in heard.told]
    assert versions == sorted(set(versions))


@pytest.mark.req("EVT-20")
def test_a_transfer_and_a_promise_name_their_cause_at_every_place_they_change(
    world: tuple[World, str],
):
    heard, url = world
    outcomes(event("receipt.recorded", 9))
    recalculate_due(by=SYSTEM)
    follow(url, "position.changed")
    with correlated("move"):
        outcomes(event("transfer.shipped", 4, to_node="S2", document="TO-1"))
    with correlated("promise"):
        outcomes(event("order.created", 2, item="CAP", order="O1", line="1"))
    run_all()

    assert {(told["item"], told["node"]): told["correlation_id"] for told in heard.told} == {
        ("SOCK", "S1"): "move",
        ("SOCK", "S2"): "move",
        ("CAP", "S1"): "promise",
    }


def test_a_position_that_changed_without_an_event_is_told_too(world: tuple[World, str]):
    heard, url = world
    outcomes(event("receipt.recorded", 9))
    recalculate_due(by=SYSTEM)
    follow(url, "position.changed")
    set_planning([{"item": "SOCK", "node": "S1", "safety_stock": 4}], by=SYSTEM)
    run_all()

    (told,) = heard.told
    assert (told["ats"], told["event_id"]) == (5, None)


@pytest.mark.req("EVT-20")
def test_a_subscriber_is_told_only_of_its_types_items_and_nodes(world: tuple[World, str]):
    heard, url = world
    follow(url, "sale.recorded", "position.changed", skus=["SOCK"], nodes=["S1"])
    outcomes(
        event("sale.recorded", 1, source_id="mine"),
        event("sale.recorded", 1, item="CAP"),
        event("sale.recorded", 1, node="S2"),
        event("receipt.recorded", 1, item="CAP"),
        event("pick.failed", 1),
    )
    run_all()

    told = [(one["type"], one.get("source_id"), one["item"], one["node"]) for one in heard.told]
    assert sorted(told, key=str) == [
        ("position.changed", None, "SOCK", "S1"),
        ("sale.recorded", "mine", "SOCK", "S1"),
    ]


@pytest.mark.req("EVT-20")
def test_a_canonical_event_is_told_once_in_its_canonical_form(world: tuple[World, str]):
    heard, url = world
    follow(url, "pick.failed")
    body = event("pick.failed", 2, order="O1", line="1", correlation_id="wave-3", reason="empty")
    outcomes(body, body)
    outcomes(body)
    run_all()
    run_all()

    (told,) = heard.told
    assert (told["type"], told["quantity"], told["order"], told["reason"]) == (
        "pick.failed", 2, "O1", "empty",
    )  # fmt: skip
    assert (told["correlation_id"], told["source"]) == ("wave-3", "pos")
    assert "subscribers" not in unsettled()


@pytest.mark.req("EVT-20")
def test_what_a_subscriber_did_not_take_is_told_again_and_only_once(world: tuple[World, str]):
    heard, url = world
    heard.faults.append((1, 503, ""))
    follow(url, "position.changed", "sale.recorded")
    outcomes(event("sale.recorded", 1))
    run_all()
    assert (heard.told, Notice.objects.count()) == ([], 2)

    OutboundCommand.objects.update(not_before="2000-01-01T00:00:00Z")
    outcomes(event("sale.recorded", 1))
    run_all()

    assert sorted(one["type"] for one in heard.told) == [
        "position.changed", "sale.recorded", "sale.recorded",
    ]  # fmt: skip
    assert not Notice.objects.exists()


@pytest.mark.req("EVT-20", "SEC-04")
def test_a_subscriber_with_another_secret_takes_nothing(world: tuple[World, str]):
    heard, url = world
    follow(url, "position.changed", secret=secret_of("another"))
    outcomes(event("receipt.recorded", 1))
    run_all()

    command = OutboundCommand.objects.get()
    assert (heard.told, command.status, "answered 401" in command.error) == ([], "dead", True)


def test_nobody_is_told_what_nobody_asked_for():
    outcomes(event("receipt.recorded", 9), event("pick.failed", 1))
    recalculate_due(by=SYSTEM)

    assert not Notice.objects.exists()
    assert not EventWork.objects.filter(consumer="subscribers").exists()


def test_one_subscriber_that_fails_keeps_nothing_from_the_other(world: tuple[World, str]):
    heard, url = world
    follow("http://127.0.0.1:9/hooks", "position.changed", code="broken")
    follow(url, "position.changed")
    outcomes(event("receipt.recorded", 9))
    run_all()

    assert len(heard.told) == 1
    assert Notice.objects.get().subscription.code == "broken"


def test_a_paused_subscriber_is_told_when_it_is_resumed(world: tuple[World, str]):
    heard, url = world
    follow(url, "position.changed")
    pause(code="crm", by=SYSTEM)
    outcomes(event("receipt.recorded", 9))
    run_all()
    assert heard.told == []

    resume(code="crm", by=SYSTEM)
    deliver_due(by=SYSTEM)

    assert [one["ats"] for one in heard.told] == [9]


def test_who_leaves_is_told_nothing_more(world: tuple[World, str]):
    heard, url = world
    follow(url, "position.changed")
    outcomes(event("receipt.recorded", 9))
    recalculate_due(by=SYSTEM)
    unsubscribe("crm", by=SYSTEM)
    outcomes(event("receipt.recorded", 9))
    run_all()

    assert (heard.told, Notice.objects.count()) == ([], 0)
    assert timeline_of(("subscription", "crm"))[0].data == {"dropped": 1}


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("types", {"types": ["nothing.happened"]}),
        ("types", {"types": []}),
        ("url", {"url": "ftp://example.com"}),
        ("secret", {"secret": "whsec_short"}),
        ("items", {"skus": ["NOPE"]}),
        ("nodes", {"nodes": ["NOPE"]}),
    ],
)
def test_a_subscription_that_does_not_hold_together_is_refused_by_field(
    field: str, wrong: dict[str, Any]
):
    with pytest.raises(Refused) as refused:
        follow("https://example.com", "sale.recorded", **wrong)

    assert refused.value.field == field


def test_the_api_subscribes_shows_and_ends_and_shows_a_secret_once():
    api = Api("connectors.read", "connectors.configure")
    body = {"name": "CRM", "url": "https://example.com/hooks", "types": ["position.changed"]}

    status, made = api.put("subscriptions/crm", {**body, "items": ["SOCK"]})
    again = api.put("subscriptions/crm", body)[1]

    assert (status, made["secret"][:6], again["secret"]) == (200, "whsec_", "")
    assert (made["items"], again["items"], made["waiting"]) == (["SOCK"], [], 0)
    assert "secret" not in api.get("subscriptions/crm")[1]
    assert made["secret"].encode() not in bytes(Connector.objects.get().secret)
    assert api.call("DELETE", "subscriptions/crm")[1]["is_active"] is False
    assert api.get("subscriptions")[1][0]["code"] == "crm"
    assert api.get("subscriptions/nobody")[0] == 404
    with pytest.raises(NotPermitted):
        unsubscribe("crm", by=planner("connectors.read"))


@pytest.mark.req("EVT-20")
def test_a_position_that_changes_while_it_is_told_is_told_again(world: tuple[World, str]):
    _, url = world
    follow(url, "position.changed")
    outcomes(event("receipt.recorded", 9))
    recalculate_due(by=SYSTEM)
    on_its_way = next_notices("crm", 10)
    outcomes(event("sale.recorded", 1))
    recalculate_due(by=SYSTEM)

    forget_told(on_its_way)
    assert Notice.objects.count() == 1
    forget_told(next_notices("crm", 10))

    assert not Notice.objects.exists()
