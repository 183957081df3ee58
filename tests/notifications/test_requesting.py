"""Asking that a customer is told something: what is queued, what is withheld, what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory_control.audit.selectors import timeline_of
from inventory_control.core import clock
from inventory_control.core.errors import DomainError, IllegalMove, NotPermitted
from inventory_control.events.models import DeadLetter
from inventory_control.fulfilment.selectors import sales_order
from inventory_control.notifications.models import NotificationRequest
from inventory_control.notifications.selectors import consents, request_of
from inventory_control.notifications.services import call_off, request_notification
from inventory_control.notifications.values import NotificationDraft
from inventory_control.outbox.models import OutboundCommand
from tests.factories import event, item, outcomes, planner
from tests.notifications.conftest import ADA, agreed, asked, took_back
from workflows.services import configure


def told(request: NotificationRequest) -> list[str]:
    """What the audit log has of a request, oldest first."""
    entries = timeline_of(("notificationrequest", str(request.pk)))
    return [entry.verb for entry in entries][::-1]


@pytest.mark.req("INT-08")
def test_a_message_its_customer_agreed_to_is_queued_with_the_ground_it_rests_on(order: str):
    outcomes(agreed())

    request = asked(sku="SOCK", parameters={"days": 3})

    command = OutboundCommand.objects.get()
    assert (request.status, request.customer, request.purpose) == ("queued", ADA, "service")
    assert request.policy == "customer_notifications v1"
    assert consents(ADA)[0].event_id == request.consent_event_id
    assert (command.kind, command.target, command.status) == ("customer.notify", "crm", "due")
    assert command.idempotency_key == request.key
    assert command.payload == {
        "number": request.number,
        "topic": "order_delayed",
        "purpose": "service",
        "medium": "mail",
        "customer": ADA,
        "order": "W-1",
        "item": "SOCK",
        "parameters": {"days": 3},
        "requested_at": request.requested_at.isoformat(),
        "expires_at": None,
    }
    assert told(request) == ["notification.queued"]
    (message,) = sales_order("W-1").messages
    assert (message.kind, message.status) == ("customer.notify", "due")


@pytest.mark.req("INT-08")
@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "no_consent"),
        ([agreed(medium="sms")], "no_consent"),
        ([agreed(purpose="marketing")], "no_consent"),
        ([agreed("tok-other")], "no_consent"),
        ([agreed(), took_back()], "consent_withdrawn"),
    ],
    ids=["never", "another medium", "another purpose", "another customer", "taken back"],
)
def test_without_consent_it_is_kept_with_the_reason_and_nothing_leaves(
    order: str, words: list[dict[str, Any]], why: str
):
    for place, word in enumerate(words):
        at = clock.now() - timedelta(hours=9 - place)
        assert outcomes({**word, "occurred_at": at}) == ["noted"]

    request = asked()

    assert (request.status, request.why) == ("withheld", why)
    assert request.ended_at == request.requested_at
    assert told(request) == ["notification.withheld"]
    assert not OutboundCommand.objects.exists()


@pytest.mark.req("INT-08")
def test_a_tenant_may_decide_that_service_needs_no_consent_but_a_withdrawal_still_counts(
    order: str,
):
    terms = {
        "topics": {"order_delayed": "service", "back_in_stock": "marketing"},
        "bases": {"service": "opt_out", "marketing": "opt_in"},
        "targets": {"mail": "mailer"},
    }
    configure(
        key="customer_notifications",
        value=terms,
        by=planner("workflows.configure", "policies.change"),
    )

    first, advert = asked(), asked("back_in_stock")
    outcomes(took_back())
    second = asked()

    assert (first.status, first.target, first.policy) == (
        "queued", "mailer", "customer_notifications v2",
    )  # fmt: skip
    assert (advert.status, advert.why) == ("withheld", "no_consent")
    assert (second.status, second.why) == ("withheld", "consent_withdrawn")


@pytest.mark.req("INT-08")
def test_a_consent_that_was_corrected_no_longer_counts(order: str):
    outcomes(agreed(source_id="typo"))
    assert asked().status == "queued"

    corrected = event(
        "event.corrected", item=None, node=None, reason="another customer",
        corrects={"source": "pos", "source_id": "typo"},
    )  # fmt: skip
    assert outcomes(corrected) == ["noted"]

    assert asked().why == "no_consent"


@pytest.mark.req("INT-08")
def test_a_clock_that_ran_ahead_does_not_outlive_a_withdrawal(order: str):
    outcomes(agreed(occurred_at=clock.now() + timedelta(hours=10)))
    outcomes(took_back(occurred_at=clock.now() + timedelta(minutes=1)))

    assert asked().why == "consent_withdrawn"


@pytest.mark.req("INT-08")
@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"topic": "hello"}, "invalid_request", "topic"),
        ({"medium": "pigeon"}, "invalid_request", "medium"),
        ({"order": ""}, "invalid_request", "customer"),
        ({"order": "W-9"}, "unknown_order", "order"),
        ({"customer": "tok-bob"}, "another_customer", "customer"),
        ({"customer": "ada@example.com"}, "personal_data", "customer"),
        ({"sku": "HAT"}, "invalid_request", "item"),
        ({"parameters": {"firstName": "Ada"}}, "personal_data", "parameters.firstName"),
        ({"parameters": {"to": "ada@example.com"}}, "personal_data", "parameters.to"),
        ({"parameters": {"a b": "c"}}, "invalid_request", "parameters.a b"),
        ({"parameters": {"a": [1]}}, "invalid_request", "parameters.a"),
        ({"parameters": {"a": None}}, "invalid_request", "parameters.a"),
        ({"parameters": {"a": "x" * 501}}, "invalid_request", "parameters.a"),
        ({"parameters": {"a": "x\0"}}, "invalid_request", "parameters.a"),
        ({"parameters": {f"p{n}": n for n in range(21)}}, "invalid_request", "parameters"),
    ],
)
def test_a_request_that_cannot_be_meant_names_its_field_and_keeps_nothing(
    order: str, change: dict[str, Any], code: str, field: str
):
    outcomes(agreed())

    with pytest.raises(DomainError) as refused:
        asked(**change)

    assert (refused.value.code, refused.value.field) == (code, field)
    assert not NotificationRequest.objects.exists()
    assert not OutboundCommand.objects.exists()


@pytest.mark.req("INT-08")
def test_a_message_is_not_asked_for_after_it_stopped_being_true(order: str):
    outcomes(agreed())

    with pytest.raises(DomainError) as refused:
        asked(expires_at=clock.now())

    assert refused.value.field == "expires_at"


@pytest.mark.req("INT-08")
def test_an_order_without_a_customer_needs_the_token_named(order: str):
    item("HAT")
    outcomes(event("order.created", 1, item="HAT", order="W-2", line="1"), agreed())

    with pytest.raises(DomainError) as refused:
        asked(order="W-2")
    named = asked(order="W-2", customer=ADA)

    assert (refused.value.code, refused.value.field) == ("invalid_request", "customer")
    assert (named.status, named.customer) == ("queued", ADA)


@pytest.mark.req("INT-08")
def test_only_whoever_may_ask_asks_and_calls_off(order: str):
    outcomes(agreed())
    draft = NotificationDraft("order_delayed", "mail", order="W-1")
    reader = planner("notifications.read")

    with pytest.raises(NotPermitted):
        request_notification(draft, by=reader)
    assert not NotificationRequest.objects.exists()

    request = asked()
    with pytest.raises(NotPermitted):
        call_off(request, reason="it came", by=reader)
    assert request_of(request.number).status == "queued"


@pytest.mark.req("INT-08")
def test_what_waits_can_be_called_off_once_for_a_reason(order: str):
    outcomes(agreed())
    request, ada = asked(), planner("notifications.request")

    with pytest.raises(DomainError) as silent:
        call_off(request, reason=" ", by=ada)
    moved = call_off(request, reason="It came after all", by=ada)

    assert silent.value.field == "reason"
    assert (moved.status, moved.why, moved.detail) == (
        "called_off", "called_off", "It came after all",
    )  # fmt: skip
    assert OutboundCommand.objects.get().status == "cancelled"
    assert told(moved) == ["notification.queued", "notification.called_off"]
    with pytest.raises(IllegalMove):
        call_off(request, reason="again", by=ada)


@pytest.mark.req("INT-08")
def test_no_word_of_the_message_is_in_the_audit_log(order: str):
    outcomes(agreed())

    request = asked(parameters={"hint": "a surprise for the birthday"})

    (entry,) = timeline_of(("notificationrequest", str(request.pk)))
    assert entry.data == {
        "number": request.number,
        "topic": "order_delayed",
        "medium": "mail",
        "customer": ADA,
        "order": "W-1",
        "purpose": "service",
        "policy": "customer_notifications v1",
        "consent_event": request.consent_event_id,
    }


@pytest.mark.req("INT-08")
def test_what_a_customer_agreed_to_is_told_for_every_medium_and_purpose(order: str):
    outcomes(agreed(medium="sms", purpose="marketing"))
    outcomes(took_back("tok-ada", attributes={"medium": "chat"}))

    found = {(one.medium, one.purpose): (one.is_allowed, one.why) for one in consents(ADA)}

    assert len(found) == 8
    assert found["sms", "marketing"] == (True, "")
    assert found["chat", "service"] == found["chat", "marketing"] == (False, "consent_withdrawn")
    assert {found[one] for one in found if one[0] in ("mail", "push")} == {(False, "no_consent")}


@pytest.mark.req("INT-08")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (agreed(medium="pigeon"), "attributes.medium"),
        (agreed(purpose="fun"), "attributes.purpose"),
        (agreed(attributes={"medium": "mail"}), "attributes.purpose"),
        (agreed(customer="ada@example.com"), "customer"),
        (took_back(attributes={"medium": "fax"}), "attributes.medium"),
        (took_back(attributes={"name": "Ada"}), "attributes.name"),
        (took_back(note="wrote from ada@example.com"), "note"),
        (
            event("notification.failed", item=None, node=None, document="NR-1", reason="no ada@x.com"),
            "reason",
        ),
    ],
)  # fmt: skip
def test_a_word_that_says_nothing_or_too_much_is_refused_without_what_is_personal(
    tenant, body: dict[str, Any], field: str
):
    assert outcomes(body) == ["quarantined"]

    letter = DeadLetter.objects.get()
    assert letter.field == field
    assert b"@" not in bytes(letter.body)
    assert b"Ada" not in bytes(letter.body)
