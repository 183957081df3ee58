"""Selling against an exposure rule: asked with a reason, agreed to by somebody else, once."""

from __future__ import annotations

import pytest

from exceptions.models import ExceptionCase
from exceptions.services import detect_due
from inventory_control.audit.models import AuditEntry
from inventory_control.availability.models import Availability, ExposureHold
from inventory_control.availability.services import recalculate_due, set_rule
from inventory_control.availability.values import RuleTerms
from inventory_control.core.actors import Actor
from inventory_control.core.errors import NotPermitted
from inventory_control.policies.selectors import current_policy
from tests.factories import SYSTEM, channel, event, item, node, planner, send
from tests.http import Api
from workflows.errors import (
    AlreadyRunningError,
    FactsChangedError,
    ImpossibleError,
    InvalidPolicyError,
    SeparationError,
)
from workflows.models import Approval, WorkflowRun
from workflows.services import configure, decide_one, request_resumption, withdraw_request
from workflows.values import Verdict, WantedResumption

YES = Verdict.APPROVED
WANTED = WantedResumption(item="SOCK", channel="MK", reason="They promised a banner.")


@pytest.fixture(autouse=True)
def held(tenant) -> None:
    """8 socks at S1, which a rule holds on MK below 10, until 25 stayed for 15 minutes."""
    item()
    channel("MK", node(), buffer=5)
    channel("WEB", node("S2"))
    rule()
    happen(event("stock.opened", 8))


@pytest.fixture
def ada(person) -> Actor:
    """A planner who asks."""
    return person("Ada", "planner")


@pytest.fixture
def ben(person) -> Actor:
    """A planner who agrees."""
    return person("Ben", "planner")


def rule(**terms) -> None:
    set_rule(
        RuleTerms(**{
            "key": "low", "hold_below": 10, "resume_from": 25, "resume_after": 15,
            "node": "S1", "channels": ("MK",), "reason": "Keep the last.", **terms,
        }), by=SYSTEM,
    )  # fmt: skip


def happen(*bodies) -> None:
    """Post, work out, detect."""
    send(*bodies)
    recalculate_due(by=SYSTEM)
    detect_due(by=SYSTEM)


def shown() -> int:
    return int(Availability.objects.get(channel__code="MK").quantity)


def waiting() -> Approval:
    found: Approval = Approval.objects.get(status="waiting")
    return found


@pytest.mark.req("LED-12", "APR-04", "APR-05")
def test_what_a_rule_holds_is_shown_again_when_somebody_else_agrees(ada, ben):
    run = request_resumption(WANTED, by=ada)
    assert (run.status, run.quantity, str(run.spend), shown()) == ("waiting", 3, "12.00", 0)

    with pytest.raises(SeparationError):
        decide_one(approval=waiting().pk, verdict=YES, reason="mine", by=ada)
    assert (ExposureHold.objects.get().status, shown()) == ("held", 0)
    decide_one(approval=waiting().pk, verdict=YES, reason="fine", by=ben)
    happen()

    assert shown() == 3
    hold = ExposureHold.objects.get()
    assert (hold.status, hold.why_waived) == ("waived", "They promised a banner.")
    assert ExceptionCase.objects.get(kind="exposure_hold").status == "resolved"
    verbs = set(AuditEntry.objects.values_list("verb", flat=True))
    assert {"request.made", "approval.approved", "hold.waived", "run.done"} <= verbs


@pytest.mark.req("LED-12")
def test_a_waived_rule_holds_again_only_after_its_figure_recovered(ada, ben):
    request_resumption(WANTED, by=ada)
    decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)
    happen(event("sale.recorded", 1))
    assert shown() == 2
    rule(resume_after=0)

    happen(event("receipt.recorded", 20))
    assert (shown(), ExposureHold.objects.get().status) == (22, "released")
    happen(event("sale.recorded", 20))

    assert shown() == 0
    assert list(ExposureHold.objects.order_by("pk").values_list("status", flat=True)) == [
        "released", "held",
    ]  # fmt: skip


@pytest.mark.req("APR-05")
def test_it_is_asked_once_at_a_time_and_only_of_what_a_rule_holds(ada):
    first = request_resumption(WANTED, by=ada)
    with pytest.raises(AlreadyRunningError):
        request_resumption(WANTED, by=ada)
    withdraw_request(first.request_id, by=ada)
    request_resumption(WANTED, by=ada)

    with pytest.raises(ImpossibleError):
        request_resumption(WantedResumption(item="SOCK", channel="WEB", reason="?"), by=ada)

    assert WorkflowRun.objects.count() == 2
    with pytest.raises(NotPermitted):
        request_resumption(WANTED, by=planner("stock.read", "workflows.request"))


@pytest.mark.req("APR-07")
def test_other_figures_than_those_it_was_asked_on_are_asked_anew(ada, ben):
    request_resumption(WANTED, by=ada)
    rule(resume_from=60)
    happen(event("receipt.recorded", 30))
    assert shown() == 0

    with pytest.raises(FactsChangedError, match="Units MK would show: 3 when it was asked, 33 now"):
        decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)

    assert (waiting().run.quantity, str(waiting().value)) == (33, "132.00")
    decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)
    happen()
    assert shown() == 33


@pytest.mark.req("APR-05")
def test_what_resumed_by_itself_meanwhile_needs_nobody(ada, ben):
    request_resumption(WANTED, by=ada)
    rule(is_active=False)
    happen()

    with pytest.raises(FactsChangedError, match="No rule holds SOCK there any more"):
        decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)

    assert WorkflowRun.objects.get().status == "stopped"
    assert shown() == 3


@pytest.mark.req("LED-12", "APR-05")
def test_one_door_shows_again_what_is_paused_and_asks_for_what_is_held():
    api = Api("availability.expose", "workflows.read")
    body = {"item": "SOCK", "channel": "MK", "reason": "They promised a banner."}

    assert api.post("exposure/resume", {**body, "reason": " "})[1]["code"] == "reason_missing"
    status, asked = api.post("exposure/resume", body)
    assert (status, asked["status"], asked["waits_for"]) == (202, "pending_approval", "planner")
    assert (asked["action"], asked["channel"], asked["quantity"]) == ("resume", "MK", 3)
    assert api.post("exposure/resume", body)[1]["code"] == "already_running"
    assert api.post("exposure/resume", {**body, "channel": "WEB"})[1]["code"] == "not_paused"
    assert api.post("exposure/pause", {**body, "channel": "WEB"})[0] == 200
    status, resumed = api.post("exposure/resume", {**body, "channel": "WEB"})
    assert (status, resumed["is_paused"]) == (200, False)


@pytest.mark.req("APR-05")
def test_a_matrix_that_lets_anybody_sell_against_a_rule_is_refused(tenant):
    value = {**current_policy("approval_matrix").value, "resume": [{"up_to": None, "roles": []}]}

    with pytest.raises(InvalidPolicyError) as refused:
        configure(key="approval_matrix", value=value, by=SYSTEM)

    assert refused.value.field == "resume"
