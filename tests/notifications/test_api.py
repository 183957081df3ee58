"""The doors of notifications: one request per key, refusals that name the field, what is shown."""

from __future__ import annotations

import pytest

from connectors.services import deliver_due
from connectors.simulators.state import World
from inventory_control.core.clock import now
from inventory_control.notifications.models import NotificationRequest
from inventory_control.outbox.models import OutboundCommand
from tests.factories import SYSTEM, event, item, node, outcomes
from tests.http import Api
from tests.notifications.conftest import ADA, agreed, asked, took_back

GRANTS = ("notifications.read", "notifications.request")
BODY = {"topic": "order_delayed", "medium": "mail", "order": "W-1"}


@pytest.mark.req("INT-08")
def test_a_request_is_followed_from_queued_to_sent(order: str, crm: World):
    api = Api(*GRANTS)
    outcomes(agreed())

    status, queued = api.post("notification-requests", {**BODY, "parameters": {"days": 3}})
    deliver_due(by=SYSTEM)
    _, sent = api.get(f"notification-requests/{queued['number']}")

    assert (status, queued["status"], queued["attempts"]) == (201, "queued", 0)
    assert (queued["customer"], queued["why"], queued["sent_at"]) == (ADA, "", None)
    assert (sent["status"], sent["attempts"], sent["error"]) == ("sent", 1, "")
    assert sent["external_id"] == f"MSG-{queued['number']}"
    assert sent["parameters"] == {"days": 3}


@pytest.mark.req("INT-08", "INT-16")
def test_the_same_key_asks_once_and_another_body_under_it_is_refused(committed):
    item()
    node()
    outcomes(event("stock.opened", 60))
    outcomes(event("order.created", 5, order="W-1", line="1", customer=ADA), agreed())
    api = Api(*GRANTS)

    first = api.post("notification-requests", BODY, idempotency_key="k")
    again = api.post("notification-requests", BODY, idempotency_key="k")
    other, problem = api.post(
        "notification-requests", {**BODY, "medium": "sms"}, idempotency_key="k"
    )

    assert first == again
    assert (other, problem["code"]) == (422, "idempotency_key_reused")
    assert NotificationRequest.objects.count() == OutboundCommand.objects.count() == 1


@pytest.mark.req("INT-08")
def test_a_withheld_request_is_answered_with_its_reason_and_found_again(order: str):
    api = Api(*GRANTS)

    status, withheld = api.post("notification-requests", BODY)
    outcomes(agreed())
    api.post("notification-requests", BODY)

    assert (status, withheld["status"], withheld["why"]) == (201, "withheld", "no_consent")
    for query, numbers in (
        ("status=withheld", [withheld["number"]]),
        ("order=W-1&limit=1", [asked_last()]),
        (f"customer={ADA}", [asked_last(), withheld["number"]]),
        ("topic=order_ready", []),
        ("customer=tok-bob", []),
    ):
        _, page = api.get(f"notification-requests?{query}")
        assert [one["number"] for one in page["results"]] == numbers, query
    _, first = api.get("notification-requests?limit=1")
    _, second = api.get(first["next"].removeprefix("/api/v1/"))
    assert [one["number"] for one in second["results"]] == [withheld["number"]]


def asked_last() -> str:
    """The number of the newest request."""
    return NotificationRequest.objects.latest("pk").number


@pytest.mark.req("INT-08", "INT-13")
@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({**BODY, "topic": "hello"}, 422, "invalid_request", "topic"),
        ({"medium": "mail"}, 422, "invalid_input", "topic"),
        ({**BODY, "order": "W-9"}, 422, "unknown_order", "order"),
        ({**BODY, "customer": "tok-bob"}, 409, "another_customer", "customer"),
        ({**BODY, "customer": "a@b.example"}, 422, "personal_data", "customer"),
        ({**BODY, "expires_at": "2020-01-01T00:00:00Z"}, 422, "invalid_request", "expires_at"),
        ({**BODY, "parameters": {"phone": "1"}}, 422, "personal_data", "parameters.phone"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_field(
    order: str, body: dict[str, object], status: int, code: str, field: str
):
    answered, problem = Api(*GRANTS).post("notification-requests", body)

    assert (answered, problem["code"], problem["field"]) == (status, code, field)
    assert not NotificationRequest.objects.exists()


@pytest.mark.req("INT-08")
def test_calling_off_is_refused_once_it_was_sent(order: str, crm: World):
    api = Api(*GRANTS)
    outcomes(agreed())
    waits, sent = asked(), asked()
    path = f"notification-requests/{waits.number}/call-off"

    status, body = api.post(path, {"reason": "it came"})
    deliver_due(by=SYSTEM)
    late, problem = api.post(f"notification-requests/{sent.number}/call-off", {"reason": "x"})

    assert (status, body["status"], body["detail"]) == (200, "called_off", "it came")
    assert (late, problem["code"]) == (409, "illegal_move")
    assert list(crm.messages) == [sent.number]
    assert api.post("notification-requests/NR-0/call-off", {"reason": "x"})[0] == 404
    assert api.get("notification-requests/W-1")[0] == 404


@pytest.mark.req("INT-08", "INT-12")
def test_a_key_without_the_right_neither_asks_nor_reads(order: str):
    reader, asker = Api("notifications.read"), Api("notifications.request", name="asker")

    assert reader.post("notification-requests", BODY)[0] == 403
    assert asker.get("notification-requests")[0] == 403
    assert asker.get(f"customers/{ADA}/consents")[0] == 403
    assert not NotificationRequest.objects.exists()


@pytest.mark.req("INT-08")
def test_the_consents_of_a_customer_are_read_by_token(order: str):
    outcomes(agreed(occurred_at=now()))
    outcomes(took_back("tok-bob"))

    _, rows = Api(*GRANTS).get(f"customers/{ADA}/consents")
    _, none = Api(*GRANTS, name="two").get("customers/tok-bob/consents")

    allowed = [(row["medium"], row["purpose"]) for row in rows if row["is_allowed"]]
    assert (len(rows), allowed) == (8, [("mail", "service")])
    assert {row["why"] for row in none} == {"consent_withdrawn"}
