"""Giving up: what can never be delivered is a case, and a channel nobody reached is in doubt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.errors import InvalidConnectorError
from connectors.services import add_connector, deliver_due
from connectors.simulators.server import running
from connectors.simulators.state import World
from exceptions.models import ExceptionCase
from exceptions.selectors.detection import is_detection_due
from exceptions.services import detect_due, resolve
from inventory_control.audit.models import AuditEntry
from inventory_control.availability.selectors import Figures, LookUp
from inventory_control.availability.services import recalculate_due
from inventory_control.core import clock
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.services import queue_command
from tests.factories import SYSTEM, channel, event, item, node, send
from tests.http import Api

WAITS = [0.001, 0.002, 0.004]


@pytest.fixture
def world(tenant) -> Iterator[World]:
    """50 socks at S1 that MK shows; its connector is tried four times."""
    world = World()
    with running(world) as address:
        add_connector(
            code="mk-link", name="Marketplace", adapter="simulator", url=address, secret="s",
            options={"channels": ["MK"], "retry_after": WAITS}, by=SYSTEM,
        )  # fmt: skip
        item()
        channel("MK", node(), buffer=10)
        work(event("stock.opened", 50))
        yield world


def work(*bodies, tries: int = 1) -> None:
    """Post, work out, deliver as often as asked, detect."""
    send(*bodies)
    recalculate_due(by=SYSTEM)
    for _ in range(tries):
        OutboundCommand.objects.filter(status="due").update(not_before=clock.real_now())
        deliver_due(by=SYSTEM)
    detect_due(by=SYSTEM)


def live() -> dict[str, ExceptionCase]:
    """The live cases by key."""
    return {case.key: case for case in ExceptionCase.objects.filter(status="open")}


def doubt() -> tuple[int, int, bool]:
    """What MK should show, shows as far as anybody knows, and whether that is in doubt."""
    (found,) = Figures([LookUp("SOCK")]).found()
    (mk,) = found.channels
    return mk.quantity, mk.published or 0, mk.unconfirmed_since is not None


@pytest.mark.req("EXC-18", "EXC-13", "INT-25")
def test_a_channel_that_is_never_reached_is_a_case_and_what_it_shows_is_in_doubt(world):
    world.faults.append((1_000, 500, "MK"))

    work(event("damage.recorded", 15), tries=3)
    assert (live(), doubt()) == ({}, (25, 40, False))
    work(tries=1)

    _, told = Api("stock.read").get("availability?item=SOCK")
    assert told["channels"][0]["unconfirmed_since"] is not None
    command = OutboundCommand.objects.get(status="dead")
    assert (command.attempts, command.served_by) == (4, "mk-link")
    assert doubt() == (25, 40, True)
    found = live()
    assert set(found) == {"integration_failure:MK", "oversell_risk:MK"}
    failed, risk = found["integration_failure:MK"], found["oversell_risk:MK"]
    assert (failed.units, failed.evidence["connector"]) == (1, "mk-link")
    assert failed.evidence["commands"] == [command.pk]
    assert "answered 500" in failed.evidence["error"]
    assert (risk.units, risk.severity, risk.at_stake) == (15, 1, 90)
    assert risk.evidence["listings"] == [{"sku": "SOCK", "shown": 40, "should": 25}]
    assert is_detection_due() is False


@pytest.mark.req("EXC-18")
def test_sent_again_by_hand_it_is_told_once_and_both_cases_close(world):
    world.faults.append((4, 500, "MK"))
    work(event("damage.recorded", 15), tries=4)
    dead = OutboundCommand.objects.get(status="dead")
    api = Api("outbox.retry", "connectors.read")

    status, answer = api.post(f"commands/{dead.pk}/retry")
    work()

    assert (status, answer["status"]) == (200, "due")
    assert world.listings["MK"]["SOCK"][0] == 25
    assert (live(), doubt()) == ({}, (25, 25, False))
    assert api.post(f"commands/{dead.pk}/retry")[0] == 409
    assert api.get("commands?target=MK&status=sent")[1]["results"][0]["id"] == dead.pk
    closed = ExceptionCase.objects.filter(resolution="cleared").values_list("kind", flat=True)
    assert sorted(closed) == ["integration_failure", "oversell_risk"]


@pytest.mark.req("EXC-18", "EXC-13")
def test_detection_that_looked_between_retry_and_delivery_looks_again(world):
    world.faults.append((4, 500, "MK"))
    work(event("damage.recorded", 15), tries=4)
    Api("outbox.retry").post(f"commands/{OutboundCommand.objects.get(status='dead').pk}/retry")
    detect_due(by=SYSTEM)
    assert (set(live()), is_detection_due()) == ({"oversell_risk:MK"}, False)

    deliver_due(by=SYSTEM)

    assert is_detection_due() is True
    detect_due(by=SYSTEM)
    assert live() == {}


@pytest.mark.req("EXC-18")
def test_a_later_figure_that_arrives_makes_up_for_the_one_that_gave_up(world):
    world.faults.append((4, 500, "MK"))
    work(event("damage.recorded", 15), tries=4)

    work(event("damage.recorded", 5))

    assert world.listings["MK"]["SOCK"][0] == 20
    assert (live(), doubt()) == ({}, (20, 20, False))
    assert OutboundCommand.objects.filter(status="cancelled").count() == 1
    assert AuditEntry.objects.filter(verb="command.superseded").count() == 1


@pytest.mark.req("EXC-18", "EXC-13")
def test_a_channel_that_shows_too_little_is_in_doubt_but_no_risk(world):
    world.faults.append((4, 500, "MK"))

    work(event("receipt.recorded", 15), tries=4)

    assert (set(live()), doubt()) == ({"integration_failure:MK"}, (55, 40, True))


@pytest.mark.req("EXC-18")
def test_one_case_per_target_counts_what_gave_up_and_a_person_may_settle_it(world):
    for number in range(3):
        queue_command(
            kind="transfer.create", target="wms", idempotency_key=f"t{number}", payload={},
            by=SYSTEM,
        )  # fmt: skip
    work()
    case = live()["integration_failure:wms"]
    assert (case.units, case.evidence["connector"]) == (3, "")

    resolve(case, reason="No warehouse is connected yet.", by=SYSTEM)
    detect_due(by=SYSTEM)
    assert live() == {}
    queue_command(kind="transfer.create", target="wms", idempotency_key="t9", payload={}, by=SYSTEM)
    work()

    assert live()["integration_failure:wms"].units == 4


@pytest.mark.req("INT-25")
def test_what_the_list_of_instructions_cannot_mean_is_refused(tenant):
    api = Api("connectors.read", "outbox.retry")

    status, problem = api.get("commands?status=ghost")
    assert (status, problem["field"]) == (422, "status")
    assert api.get("commands?target=a%00b")[1]["field"] == "target"
    assert api.post("commands/7/retry")[0] == 404


@pytest.mark.req("INT-25")
@pytest.mark.parametrize("waits", [[], [2, 1], [0], ["1"], [True], 5, [1] * 21, [90_000]])
def test_waits_that_do_not_grow_are_refused(tenant, waits):
    with pytest.raises(InvalidConnectorError) as refused:
        add_connector(
            code="x", name="X", adapter="simulator", url="http://127.0.0.1:1", secret="s",
            options={"retry_after": waits}, by=SYSTEM,
        )  # fmt: skip

    assert refused.value.field == "retry_after"
