"""A customer takes a consent back while the message is about to leave: it is kept back once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from inventory_control.audit.selectors import timeline_of
from inventory_control.core.tenancy import TenantRef, in_tenant
from inventory_control.notifications.models import NotificationRequest
from inventory_control.notifications.services import begin_sending, follow_notifications
from tests.factories import SYSTEM, event, item, node, outcomes
from tests.notifications.conftest import agreed, asked, took_back

ROUNDS = 30


@pytest.mark.req("INT-08")
def test_thirty_messages_taken_back_as_they_leave_are_withheld_once_each_and_none_leaves(
    committed: TenantRef,
):
    item()
    node()
    outcomes(event("stock.opened", 60))
    outcomes(event("order.created", 5, order="W-1", line="1", customer="tok-0"))
    together = threading.Barrier(2, timeout=30)

    def follow() -> None:
        with in_tenant(committed):
            try:
                together.wait()
                follow_notifications(by=SYSTEM)
            finally:
                connection.close()

    def send(key: str) -> str:
        with in_tenant(committed):
            try:
                together.wait()
                return begin_sending(key, by=SYSTEM)
            finally:
                connection.close()

    answers = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for place in range(ROUNDS):
            outcomes(agreed(f"tok-{place}"))
            request = asked(order="", customer=f"tok-{place}")
            outcomes(took_back(f"tok-{place}"))
            followed, sent = pool.submit(follow), pool.submit(send, request.key)
            followed.result()
            answers.append(sent.result())

    assert set(answers) <= {
        "The customer withdrew the consent.", "The message is withheld already.",
    }  # fmt: skip
    assert set(NotificationRequest.objects.values_list("status", "why")) == {
        ("withheld", "consent_withdrawn")
    }
    requests = [str(pk) for pk in NotificationRequest.objects.values_list("pk", flat=True)]
    entries = timeline_of(*(("notificationrequest", pk) for pk in requests), limit=500)
    verbs = [entry.verb for entry in entries]
    assert (len(requests), verbs.count("notification.withheld")) == (ROUNDS, ROUNDS)
