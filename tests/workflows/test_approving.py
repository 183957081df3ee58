"""Who may agree to what: roles, levels, two persons, deadlines, expiry, and refusals with a reason."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from ai_advice.models import Advice
from exceptions.models import ExceptionCase
from exceptions.states import Resolution, Status
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import IllegalMove, NotPermitted, Refused
from inventory_control.orders.models import PurchaseOrder
from inventory_control.outbox.models import OutboundCommand
from tests.http import Api
from tests.workflows.conftest import look
from workflows.errors import AdviceExpiredError, NotYourRoleError, SeparationError
from workflows.models import Approval, WorkflowRun
from workflows.services import decide_one, escalate_approval
from workflows.values import Verdict

YES, NO = Verdict.APPROVED, Verdict.REFUSED


@pytest.fixture(autouse=True)
def shortage(tenant, short_of_socks) -> None:
    short_of_socks()


def waiting() -> Approval:
    """The one approval that waits."""
    found: Approval = Approval.objects.get(status="waiting")
    return found


def agree(by: Actor, verdict: Verdict = YES, reason: str = "") -> None:
    decide_one(approval=waiting().pk, verdict=verdict, reason=reason, by=by)


@pytest.mark.req("APR-01", "WFL-01")
def test_a_spend_above_the_limit_needs_both_levels_and_then_leaves_once(person):
    assert (waiting().role, waiting().level, waiting().value) == ("planner", 1, Decimal("2000.00"))

    agree(person("Ada", "planner"))
    assert (waiting().role, waiting().level) == ("finance", 2)
    assert PurchaseOrder.objects.count() == 0
    agree(person("Ben", "finance"))

    order = PurchaseOrder.objects.get()
    assert (order.value, order.lines.get().quantity, order.status) == (
        Decimal("2000.00"),
        500,
        "approved",
    )
    command = OutboundCommand.objects.get(kind="purchase_order.create")
    assert (command.target, command.idempotency_key) == ("erp", order.number)
    assert WorkflowRun.objects.get().status == "acting"


@pytest.mark.req("APR-04")
def test_one_person_with_two_accounts_cannot_give_both_levels(person):
    ada = person("Ada", "planner")
    agree(ada)

    with pytest.raises(SeparationError):
        agree(person("Ada2", "finance", same_as=ada))

    assert (waiting().level, PurchaseOrder.objects.count()) == (2, 0)


@pytest.mark.req("APR-01")
def test_another_role_is_refused(person):
    with pytest.raises(NotYourRoleError):
        agree(person("Ben", "finance"))


@pytest.mark.req("AI-01")
@pytest.mark.parametrize("machine", [Actor.system("workflows"), Actor.advisor("forecast")])
def test_no_machine_approves(machine):
    with pytest.raises(NotPermitted):
        agree(machine)


@pytest.mark.req("EXC-43")
def test_what_was_decided_is_not_decided_again(person):
    first = waiting().pk
    agree(person("Ada", "planner"))

    with pytest.raises(IllegalMove):
        decide_one(approval=first, verdict=NO, reason="late", by=person("Zoe", "planner"))


def test_a_refusal_says_why_and_closes_the_case_for_a_while(person):
    ada = person("Ada", "planner")
    with pytest.raises(Refused) as refusal:
        agree(ada, NO, "  ")
    assert refusal.value.field == "reason"

    with clock.frozen_at(clock.now()):
        agree(ada, NO, "The season is over.")

    case = ExceptionCase.objects.get()
    assert (case.status, case.resolution, case.reason) == (
        Status.RESOLVED,
        Resolution.REFUSED,
        "The season is over.",
    )
    assert case.quiet_until is not None
    assert case.quiet_until - case.closed_at == timedelta(days=3)


@pytest.mark.req("SLA-01")
def test_past_its_deadline_the_next_role_may_decide_too_and_not_before(person):
    zoe = person("Zoe", "supply_lead")
    with pytest.raises(NotYourRoleError):
        agree(zoe)
    assert waiting().due_at - waiting().asked_at == timedelta(hours=8)

    escalate_approval(str(waiting().pk))

    assert waiting().escalated_role == "supply_lead"
    agree(zoe)
    assert waiting().level == 2


@pytest.mark.req("WFL-01")
def test_a_decision_on_expired_advice_is_refused_and_asked_anew_with_the_numbers_of_now(person):
    ada = person("Ada", "planner")
    asked = waiting()
    later = Advice.objects.get().expires_at

    with clock.frozen_at(later):
        with pytest.raises(AdviceExpiredError):
            agree(ada)
        look()
        look()

        asked.refresh_from_db()
        assert asked.status == "withdrawn"
        assert sorted(WorkflowRun.objects.values_list("status", flat=True)) == [
            "stopped",
            "waiting",
        ]
        anew = waiting()
        assert (anew.pk > asked.pk, anew.asked_at) == (True, later)
        agree(ada)


def test_what_advice_asks_for_is_read_over_http_with_its_evidence():
    api = Api("workflows.read")

    _, page = api.get("approvals")
    status, one = api.get(f"approvals/{waiting().pk}")

    assert (status, page["results"]) == (200, [one])
    assert (one["action"], one["sku"], one["request"], one["facts"], one["facts_now"]) == (
        "purchase",
        "SOCK",
        None,
        None,
        None,
    )
