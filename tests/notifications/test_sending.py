"""Sending: asked again as it leaves, taken once, and told what became of it in any order."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from connectors.services import deliver_due, pause
from connectors.simulators.state import World
from inventory_control.audit.selectors import timeline_of
from inventory_control.core import clock
from inventory_control.events.models import EventWork
from inventory_control.notifications.models import NotificationRequest
from inventory_control.notifications.selectors import request_of
from inventory_control.notifications.services import begin_sending, call_off, note_sent
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.services import retry
from inventory_control.pipeline import run_stage, unsettled
from inventory_control.timelines.selectors import timeline_of_object
from tests.factories import SYSTEM, hour, outcomes, planner
from tests.notifications.conftest import ADA, agreed, asked, became, took_back


def now_of(request: NotificationRequest) -> tuple[str, str]:
    """Its state and what stands in its way, as they are now."""
    found = request_of(request.number)
    return found.status, found.why


def verbs(request: NotificationRequest) -> list[str]:
    """What the audit log has of it, oldest first, without the noun."""
    entries = timeline_of(("notificationrequest", str(request.pk)))
    return [entry.verb.removeprefix("notification.") for entry in entries][::-1]


def due_now() -> None:
    """Let what waits after a failed attempt be due again."""
    OutboundCommand.objects.filter(status="due").update(not_before=clock.real_now())


@pytest.mark.req("INT-08", "CON-11")
def test_a_message_is_sent_once_and_its_arrival_stands_on_the_timeline_of_the_order(
    order: str, crm: World
):
    outcomes(agreed())
    request = asked(parameters={"days": 3})

    run_stage("deliver")
    run_stage("deliver")

    sent = request_of(request.number)
    assert (sent.status, sent.external_id) == ("sent", f"MSG-{request.number}")
    assert sent.sent_at is not None
    assert crm.messages == {request.number: OutboundCommand.objects.get().payload}
    assert crm.messages[request.number]["parameters"] == {"days": 3}

    (told,) = crm.move_clock(clock.now() + timedelta(minutes=30))
    assert outcomes(told) == ["noted"]
    run_stage("notifications")

    assert now_of(request) == ("delivered", "")
    assert not EventWork.objects.exists()
    moments = [one for one in timeline_of_object("order", "W-1").moments if one.kind == "message"]
    assert [one.title for one in moments] == [
        "Message queued", "Message sent", "Message delivered",
    ]  # fmt: skip
    assert moments[0].text == f"Order delayed by mail to {ADA}, {request.number}"
    assert "Customer notify" not in {
        one.title for one in timeline_of_object("order", "W-1").moments
    }


@pytest.mark.req("INT-08")
def test_what_a_customer_took_back_meanwhile_does_not_leave(order: str, crm: World):
    outcomes(agreed())
    request = asked()
    outcomes(took_back())  # and nobody has followed that event yet

    deliver_due(by=SYSTEM)

    assert now_of(request) == ("withheld", "consent_withdrawn")
    command = OutboundCommand.objects.get()
    assert (command.status, command.error) == ("cancelled", "The customer withdrew the consent.")
    assert crm.messages == {}
    assert verbs(request) == ["queued", "withheld"]


@pytest.mark.req("INT-08")
def test_what_waits_is_withheld_as_soon_as_the_withdrawal_is_followed(order: str, crm: World):
    outcomes(agreed(), agreed(medium="sms"))
    by_mail, by_sms = asked(), asked(medium="sms")
    pause(code="crm", by=SYSTEM)
    deliver_due(by=SYSTEM)

    outcomes(took_back(attributes={"medium": "mail"}))
    run_stage("notifications")

    assert (now_of(by_mail)[0], now_of(by_sms)[0]) == ("withheld", "queued")
    statuses = OutboundCommand.objects.order_by("id").values_list("status", flat=True)
    assert list(statuses) == ["cancelled", "due"]
    assert "notifications" not in unsettled()


@pytest.mark.req("INT-08")
def test_consent_is_asked_again_before_every_attempt(order: str, crm: World):
    outcomes(agreed())
    request = asked()
    crm.faults.append((1, 503, ""))
    deliver_due(by=SYSTEM)
    assert now_of(request) == ("queued", "")

    outcomes(took_back())
    due_now()
    deliver_due(by=SYSTEM)

    assert now_of(request) == ("withheld", "consent_withdrawn")
    assert crm.messages == {}


@pytest.mark.req("INT-08")
def test_what_is_no_longer_true_when_the_other_side_is_back_is_not_sent(order: str, crm: World):
    outcomes(agreed())
    request = asked(expires_at=clock.now() + timedelta(minutes=5))
    NotificationRequest.objects.update(expires_at=clock.now())

    deliver_due(by=SYSTEM)

    assert now_of(request) == ("withheld", "expired")
    assert crm.messages == {}


@pytest.mark.req("INT-08")
def test_what_no_system_takes_fails_with_its_words_and_can_be_sent_again(order: str, crm: World):
    outcomes(agreed())
    request = asked()
    crm.faults.append((1, 422, ""))
    deliver_due(by=SYSTEM)

    assert now_of(request) == ("failed", "undeliverable")
    assert "crm answered 422" in request_of(request.number).detail

    retry(OutboundCommand.objects.get(), by=planner("outbox.retry"))
    deliver_due(by=SYSTEM)

    assert now_of(request) == ("sent", "")
    assert list(crm.messages) == [request.number]
    assert verbs(request) == ["queued", "failed", "queued", "sent"]


@pytest.mark.req("INT-08")
def test_sent_again_by_hand_it_asks_for_the_consent_again(order: str, crm: World):
    outcomes(agreed())
    request = asked()
    crm.faults.append((1, 422, ""))
    deliver_due(by=SYSTEM)
    outcomes(took_back())

    retry(OutboundCommand.objects.get(), by=planner("outbox.retry"))
    deliver_due(by=SYSTEM)

    assert now_of(request) == ("withheld", "consent_withdrawn")
    assert crm.messages == {}


@pytest.mark.req("INT-08")
def test_without_a_system_that_sends_it_the_message_fails_and_says_so(order: str):
    outcomes(agreed())
    request = asked()

    deliver_due(by=SYSTEM)

    assert now_of(request) == ("failed", "undeliverable")
    assert request_of(request.number).detail == "No connector serves crm."


@pytest.mark.req("INT-08")
def test_called_off_while_it_waits_for_another_attempt_it_does_not_leave(order: str, crm: World):
    outcomes(agreed())
    request = asked()
    crm.faults.append((1, 503, ""))
    deliver_due(by=SYSTEM)

    call_off(request, reason="It came", by=SYSTEM)
    due_now()
    deliver_due(by=SYSTEM)

    assert now_of(request) == ("called_off", "called_off")
    assert OutboundCommand.objects.get().error == "The message is called off already."
    assert crm.messages == {}


@pytest.mark.req("INT-08")
def test_called_off_while_it_is_being_sent_it_is_told_as_sent(order: str, crm: World):
    outcomes(agreed())
    request = asked()
    assert begin_sending(request.key, by=SYSTEM) == ""
    call_off(request, reason="It came", by=SYSTEM)

    note_sent({request.key: {"id": "M1"}}, by=SYSTEM)

    found = request_of(request.number)
    assert (found.status, found.why, found.external_id) == ("sent", "", "M1")
    assert verbs(request) == ["queued", "called_off", "sent"]


WORDS = {
    "delivered": ("delivered", 3, {}),
    "bounced": ("failed", 4, {"reason": "mailbox full"}),
    "bounced again": ("failed", 5, {"reason": "mailbox gone"}),
}


@pytest.mark.req("INT-08")
@pytest.mark.parametrize("order_of_arrival", list(itertools.permutations(WORDS)), ids=str)
def test_the_latest_word_on_a_message_stands_whatever_order_they_come_in(
    order: str, crm: World, order_of_arrival: tuple[str, ...]
):
    outcomes(agreed())
    request = asked()
    run_stage("deliver")

    for word in order_of_arrival:
        outcome, at, fields = WORDS[word]
        outcomes(became(request.number, outcome, hour(at), **fields))
        run_stage("notifications")

    found = request_of(request.number)
    assert (found.status, found.why, found.detail) == ("failed", "not_received", "mailbox gone")
    assert found.ended_at == hour(5)


@pytest.mark.req("INT-08")
@pytest.mark.parametrize(
    ("outcome", "why", "fields"),
    [("delivered", "", {}), ("failed", "not_received", {"reason": "mailbox full"})],
)
def test_an_outcome_that_overtakes_the_acknowledgement_stands_and_nothing_is_sent_twice(
    order: str, crm: World, outcome: str, why: str, fields: dict[str, str]
):
    outcomes(agreed())
    request = asked()
    outcomes(became(request.number, outcome, hour(3), **fields))
    run_stage("notifications")

    deliver_due(by=SYSTEM)

    assert now_of(request) == (outcome, why)
    assert OutboundCommand.objects.get().status == "cancelled"
    assert crm.messages == {}


@pytest.mark.req("INT-08")
def test_what_is_told_of_messages_that_are_not_ours_changes_nothing(order: str, crm: World):
    outcomes(agreed())
    request = asked()

    outcomes(
        *(became(number, "delivered", hour(3)) for number in ("NR-999999", "M-7", "NR-x", "9"))
    )
    run_stage("notifications")

    assert now_of(request) == ("queued", "")
    assert not EventWork.objects.exists()


@pytest.mark.req("INT-08")
def test_many_outcomes_are_followed_in_a_constant_number_of_queries(
    order: str, crm: World, django_assert_max_num_queries: Any
):
    outcomes(agreed())
    many = [asked() for _ in range(30)]
    run_stage("deliver")
    outcomes(*(became(one.number, "delivered", hour(3)) for one in many))

    with django_assert_max_num_queries(30):
        run_stage("notifications")

    assert {now_of(one) for one in many} == {("delivered", "")}
