"""Receipts: what a channel was told, why, what it acknowledged, and what it really shows."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.test import Client

from connectors.services import deliver_due
from exceptions.models import ExceptionCase
from exceptions.services import detect_due
from inventory_control.availability.models import Availability, ExposureHold, Push
from inventory_control.availability.services import recalculate_due, set_channels, set_rule
from inventory_control.availability.values import RuleTerms
from inventory_control.core import clock
from inventory_control.core.telemetry import registry
from inventory_control.outbox.models import OutboundCommand
from inventory_control.people.services import add_member, set_role
from inventory_control.policies.services import set_policy
from tests.availability.conftest import reserved
from tests.factories import SYSTEM, at_node, channel, event, item, node
from tests.http import Api


def push() -> int:
    """Let every retry be due, deliver, detect; answers how many commands were acknowledged."""
    OutboundCommand.objects.update(not_before=clock.real_now() - timedelta(seconds=1))
    count = deliver_due(by=SYSTEM)
    detect_due(by=SYSTEM)
    return count


def receipts(channel: str = "MK") -> list[dict]:
    """The trail of CONS on a channel, as the API tells it."""
    status, body = Api("stock.read", name=f"reader-{time.monotonic_ns()}").get(
        f"receipts?item=CONS&channel={channel}"
    )
    assert status == 200
    return body["results"]


def reading() -> Client:
    """The browser of a planner who may read stock."""
    set_role(key="reader", name="Reader", grants=["stock.read"], by=SYSTEM)
    member = add_member(
        username="ada", name="Ada", password=None, roles=["reader"], kind="person", by=SYSTEM
    )
    browser = Client(headers={"Host": "alder.localhost"})
    browser.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return browser


@pytest.mark.req("LED-06", "LED-07", "REC-11")
def test_a_receipt_holds_the_terms_the_acknowledgement_and_what_is_shown(cons, connected):
    world = connected("MK", "WEB")

    assert push() == 2

    (one,) = receipts()
    assert {term["name"]: term["quantity"] for term in one["terms"]} == {
        "sellable": 45, "reserved": -20, "allocated": 0, "safety stock": -5, "frozen": 0,
        "channel buffer": -5,
    }  # fmt: skip
    assert (one["quantity"], one["shown"], one["is_listed"], one["error"]) == (15, 15, True, "")
    assert one["changed_at"] <= one["sent_at"] <= one["acknowledged_at"] <= one["read_back_at"]
    assert 0 <= one["latency_seconds"] < 60
    assert world.listings["MK"]["CONS"][0] == 15


@pytest.mark.req("LED-07")
def test_the_latency_of_a_push_is_counted(cons, connected):
    connected("MK")
    labels = {"tenant": "alder", "channel": "MK"}
    before = registry.get_sample_value("ic_push_seconds_count", labels) or 0

    push()

    assert registry.get_sample_value("ic_push_seconds_count", labels) == before + 1


@pytest.mark.req("LED-07")
def test_the_trail_goes_back_push_by_push_and_items_do_not_mix(cons, connected, happen):
    at_node(item("ELSE"), node("DC2"))
    connected("MK", "WEB")
    push()
    for units in (1, 2, 3):
        happen(reserved(units))
        push()

    assert [one["quantity"] for one in receipts()] == [9, 12, 14, 15]
    assert [one["quantity"] for one in receipts("WEB")] == [14, 17, 19, 20]
    assert [sum(term["quantity"] for term in one["terms"]) for one in receipts()] == [9, 12, 14, 15]


@pytest.mark.req("LED-07")
def test_an_attempt_that_failed_stays_on_the_trail_without_acknowledgement(cons, connected):
    world = connected("MK", "WEB")
    world.add_fault({"next": 2, "status": 500, "channel": "MK"})

    push()
    push()
    push()

    found = receipts()
    assert [one["acknowledged_at"] is not None for one in found] == [True, False, False]
    assert [one["error"][:15] for one in found] == ["", "mk answered 500", "mk answered 500"]
    assert OutboundCommand.objects.get(target="MK").attempts == 3
    assert world.listings["MK"]["CONS"][0] == 15


@pytest.mark.req("LED-07", "REC-11")
def test_a_figure_that_comes_back_is_told_again_when_another_may_have_arrived(
    cons, connected, happen
):
    world = connected("MK", "WEB")
    push()
    happen(reserved(3))
    world.add_fault({"next": 1, "status": 500, "channel": "MK"})
    push()
    version = Availability.objects.get(channel__code="MK").version
    world.listings["MK"]["CONS"] = [12, version]  # it arrived, and only its answer was lost

    happen(event("receipt.recorded", 3, item="CONS", node="DC1"))

    assert "not known" in reading().get("/items/CONS/").content.decode()
    push()
    assert world.listings["MK"]["CONS"][0] == 15
    assert receipts()[0]["acknowledged_at"] is not None


@pytest.mark.req("REC-11")
def test_a_disagreement_is_told_again_once_and_then_settled(cons, connected, happen):
    world = connected("MK", "WEB")
    push()
    happen(reserved(2))
    world.add_fault({"channel": "MK", "sku": "CONS", "shows_once": 40})

    push()

    found = receipts()
    assert [(one["quantity"], one["shown"]) for one in found] == [(13, 13), (13, 40), (15, 15)]
    assert Availability.objects.get(channel__code="MK").disagreements == 0
    assert not ExceptionCase.objects.filter(kind="channel_disagreement").exists()


@pytest.mark.req("REC-11")
def test_a_channel_that_does_not_listen_is_a_case_until_it_agrees(cons, connected, happen):
    world = connected("MK", "WEB")
    world.spoil_listing({"channel": "MK", "sku": "CONS", "quantity": 40, "is_stuck": True})

    push()

    case = ExceptionCase.objects.get(kind="channel_disagreement")
    assert (case.key, case.severity, case.units) == ("channel_disagreement:CONS@MK", 1, 25)
    assert case.evidence["told"] == 15
    assert case.evidence["shown"] == 40
    assert [(one["quantity"], one["shown"]) for one in receipts()] == [(15, 40), (15, 40)]
    assert push() == 0, "telling it a third time would not help"
    world.spoil_listing({"channel": "MK", "sku": "CONS", "quantity": 40})
    happen(reserved(1))
    push()

    case.refresh_from_db()
    assert (case.status, world.listings["MK"]["CONS"][0]) == ("resolved", 14)


@pytest.mark.req("REC-11")
def test_policy_says_how_many_figures_are_read_back(cons, connected):
    connected("MK", "WEB")
    set_policy(
        key="exposure",
        value={"read_back_share": 0.0, "read_back_most": 200, "receipts_kept_days": 30},
        by=SYSTEM,
    )

    push()

    assert [(one["shown"], one["is_listed"], one["read_back_at"]) for one in receipts()] == [
        (None, None, None)
    ]


@pytest.mark.req("LED-07")
def test_old_receipts_go_except_the_latest_of_an_item(cons, connected, happen):
    other, dc = item("OTHER"), node("DC9")
    channel("SOLO", dc)
    connected("MK", "WEB", "SOLO")
    happen(event("stock.opened", 3, item="OTHER", node="DC9"))
    push()
    happen(reserved(1))
    push()
    Push.objects.update(sent_at=clock.now() - timedelta(days=31))
    happen(reserved(1))
    push()

    kept = Push.objects.order_by("pk").values_list("channel__code", "latest_for")
    assert sorted(kept) == [("MK", 1), ("SOLO", 1), ("WEB", 1)]
    assert [one["quantity"] for one in receipts()] == [13]
    assert Availability.objects.get(item=other).push_id == Push.objects.get(channel__code="SOLO").pk


@pytest.mark.req("LED-12", "LED-07")
def test_a_hold_keeps_its_acknowledgement_and_tells_orders_in_flight(cons, connected, happen):
    connected("MK", "WEB")
    push()
    set_rule(
        RuleTerms("mk-low", 10, 25, 15, "Keep the last.", node="DC1", channels=("MK",)), by=SYSTEM
    )
    happen(reserved(12))
    assert ExposureHold.objects.get().acknowledged_at is None

    push()
    hold = ExposureHold.objects.get()
    before = hold.acknowledged_at - timedelta(minutes=1)
    happen(
        event("order.created", 2, item="CONS", node="DC1", channel="MK", order="M-1", line="1",
              occurred_at=before),
        event("order.created", 1, item="CONS", node="DC1", channel="MK", order="M-2", line="1"),
        event("order.created", 1, item="CONS", node="DC1", channel="WEB", order="W-9", line="1"),
    )  # fmt: skip

    status, told = Api("stock.read").get(f"exposure/holds/{hold.pk}")
    assert (status, told["policy"], told["status"]) == (200, "mk-low v1", "held")
    assert 0 <= told["seconds_to_action"] < 60
    assert [(one["order"], one["quantity"], one["is_in_flight"]) for one in told["orders"]] == [
        ("M-1", 2, True),
        ("M-2", 1, False),
    ]


@pytest.mark.req("LED-07")
def test_a_channel_that_answers_slowly_delays_no_other(cons, connected, happen):
    world = connected("MK", "WEB")
    push()
    happen(reserved(1))
    world.add_fault({"channel": "MK", "delay_s": 2.0})
    started = time.monotonic()

    deliver_due(by=SYSTEM)

    by_channel = {
        one.channel.code: (one.acknowledged_at - one.sent_at).total_seconds()
        for one in Push.objects.select_related("channel").order_by("pk")
    }
    assert time.monotonic() - started >= 2
    assert by_channel["MK"] >= 2
    assert by_channel["WEB"] < 1


def test_receipts_of_what_does_not_exist_are_not_found(cons):
    api = Api("stock.read")

    assert api.get("receipts?item=NOPE&channel=MK")[0] == 404
    assert api.get("receipts?item=CONS&channel=NOPE")[0] == 404
    assert api.get("receipts?item=CONS")[0] == 422
    assert api.get("receipts?item=CONS&channel=MK")[1]["results"] == []


@pytest.mark.req("LED-06", "LED-07")
def test_a_page_shows_how_the_number_is_made_and_what_the_channel_was_told(cons, connected):
    connected("MK", "WEB")
    push()
    browser = reading()

    page = browser.get("/items/CONS/channels/MK/").content.decode()

    assert "How the 15 is made" in page
    assert "Channel buffer" in page
    assert "<b>15</b>" in page
    assert "style=" not in page
    assert b"/items/CONS/channels/MK/" in browser.get("/items/CONS/").content
    assert browser.get("/items/CONS/channels/NOPE/").status_code == 404


@pytest.mark.req("LED-12")
def test_a_channel_that_shows_nothing_already_has_acknowledged_the_hold(cons, connected, happen):
    connected("MK", "WEB")
    happen(reserved(16))
    push()
    set_rule(
        RuleTerms("mk-low", 10, 25, 15, "Keep the last.", node="DC1", channels=("MK",)), by=SYSTEM
    )

    happen(reserved(1))

    hold = ExposureHold.objects.get()
    assert hold.acknowledged_at == hold.held_at
    assert [one["quantity"] for one in receipts()] == [0]


@pytest.mark.req("LED-07")
def test_a_channel_that_is_switched_on_is_told_what_was_worked_out_before(cons, connected):
    world = connected("MK", "WEB")
    set_channels([{"code": "MK", "name": "MK", "is_published": False}], by=SYSTEM)
    recalculate_due(by=SYSTEM)
    OutboundCommand.objects.all().delete()

    set_channels([{"code": "MK", "name": "MK", "is_published": True}], by=SYSTEM)
    recalculate_due(by=SYSTEM)
    push()

    assert world.listings["MK"]["CONS"][0] == 15
