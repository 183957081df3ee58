"""The inbox shows what somebody asked for: what, how many, why, who, and the position of now."""

from __future__ import annotations

import pytest
from django.test import Client

from inventory_control.core import clock
from inventory_control.people.models import User
from inventory_control.people.selectors import actor_of_user
from inventory_control.people.services import add_member
from inventory_control.stock.models import StockBalance
from tests.console.test_pages import sign_in
from tests.factories import SYSTEM, event, item, node, send
from workflows.models import Approval
from workflows.services import request_adjustment
from workflows.values import WantedAdjustment


@pytest.fixture
def approver(tenant) -> Client:
    """A planner at the inbox, where Grace's shrink waits."""
    item()
    node()
    send(event("stock.opened", 60))
    grace: User = add_member(
        username="grace", name="Grace", password=None, roles=["planner"], kind="person", by=SYSTEM
    )
    actor = actor_of_user(grace.pk, at=clock.real_now())
    assert actor is not None
    wanted = WantedAdjustment(
        item="SOCK", node="S1", quantity=-40, reason_code="shrink", note="Shelf 4", evidence="P-12"
    )
    request_adjustment(wanted, by=actor)
    send(event("sale.recorded", 3))
    return sign_in("planner")


@pytest.mark.req("INT-03", "APR-01")
def test_the_inbox_shows_all_an_approver_needs(approver: Client):
    text = approver.get("/approvals/").content.decode()

    for said in (
        "Adjust SOCK at S1 by -40 sellable",
        "€160",
        "shrink: Shelf 4",
        "P-12",
        "Grace",
        "57 now, 60 when it was asked",
    ):
        assert said in text
    assert "confidence" not in text


@pytest.mark.req("INT-03")
def test_facts_that_changed_are_said_and_asked_anew_in_place(approver: Client):
    asked = Approval.objects.get().pk
    send(event("sale.recorded", 30))

    answer = approver.post(
        f"/approvals/{asked}/decide/", {"verdict": "approved"}, headers={"HX-Request": "true"}
    )

    text = answer.content.decode()
    assert (answer.status_code, StockBalance.objects.get().sellable) == (409, 27)
    assert "It is asked anew." in text
    assert "27 now, 27 when it was asked" in text
    assert Approval.objects.get(status="waiting").pk != asked
