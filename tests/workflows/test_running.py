"""What runs by itself, what waits for a person, and what advice without a proposal leads to."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from ai_advice.models import Advice
from exceptions.models import ExceptionCase
from exceptions.services import go_live, watch_sources
from exceptions.states import Status
from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.events.services import set_freshness
from inventory_control.orders.models import PurchaseOrder
from inventory_control.orders.services import acknowledged, cancel_purchase
from tests.factories import SYSTEM, at_node, event, hour, item, node, send, supplier
from tests.workflows.conftest import look
from workflows.models import Approval, WorkflowRun
from workflows.rules import may_run_alone
from workflows.services import decide_one
from workflows.values import Spend, Verdict


@pytest.mark.req("AI-01")
def test_advice_without_a_proposal_leaves_the_case_to_a_person_for_a_review_period(tenant):
    item(supplier=supplier())
    node()
    send(event("receipt.recorded", 2, occurred_at=hour(9)))
    send(event("sale.recorded", 2, occurred_at=hour(10)))

    look()

    case, advice = ExceptionCase.objects.get(), Advice.objects.get()
    assert (advice.action, advice.confidence) == ("nothing", 0.0)
    assert advice.expires_at - advice.made_at == timedelta(days=7)
    assert (case.status, case.governed_by) == (Status.OPEN, "")
    assert WorkflowRun.objects.get().outcome == "No proposal: a person must decide."
    look()
    assert (Advice.objects.count(), WorkflowRun.objects.count()) == (1, 1)


@pytest.mark.req("EXC-01")
def test_nothing_is_opened_about_what_changed_before_the_tenant_went_live(tenant):
    live = clock.now() + timedelta(days=1)
    go_live(live, by=SYSTEM)
    item(supplier=supplier())
    node()
    send(event("receipt.recorded", 3, occurred_at=hour(9)))
    send(event("sale.recorded", 3, occurred_at=hour(10)))
    look()
    assert ExceptionCase.objects.count() == 0

    with clock.frozen_at(live):
        send(event("sale.recorded", 1, occurred_at=hour(11)))
        look()

    kinds = ExceptionCase.objects.order_by("kind").values_list("kind", flat=True)
    assert list(kinds) == ["negative_stock", "out_of_stock"]


def test_going_live_names_a_moment_with_its_zone(tenant):
    with pytest.raises(Refused) as refusal:
        go_live(clock.now().replace(tzinfo=None), by=SYSTEM)

    assert refusal.value.field == "live_from"


@pytest.mark.req("WFL-01")
def test_a_case_closed_by_hand_withdraws_what_was_asked(tenant, short_of_socks):
    short_of_socks()
    case = ExceptionCase.objects.get()
    ExceptionCase.objects.filter(pk=case.pk).update(
        status=Status.DISMISSED, resolution="by_hand", closed_at=clock.now()
    )

    look()

    assert Approval.objects.get().status == "withdrawn"
    assert WorkflowRun.objects.get().status == "stopped"


@pytest.mark.req("LED-27")
def test_what_policy_would_let_run_alone_waits_for_a_person_on_old_numbers():
    autonomy = {"mode": "act", "transfer": {"max_value": "500", "min_confidence": 0.8}}
    spend = Spend("transfer", Decimal(100))

    assert may_run_alone(spend, 0.9, autonomy).is_free is True
    freedom = may_run_alone(spend, 0.9, autonomy, stale="S1: pos spoke of it 14 min ago")
    assert (freedom.is_free, freedom.reason) == (
        False,
        "The numbers are old: S1: pos spoke of it 14 min ago.",
    )


@pytest.mark.req("LED-27")
def test_a_run_at_a_node_nobody_spoke_of_lately_asks_a_person_and_says_why(tenant):
    at = clock.now()
    sock, dc = item(supplier=supplier()), node("DC", kind="dc")
    at_node(sock, dc, reorder_point=6, order_up_to=504)
    set_freshness({"nodes": {"DC": 10}}, by=SYSTEM)
    send(event("stock.opened", 4, node="DC", occurred_at=at - timedelta(minutes=14)))
    watch_sources(by=SYSTEM)

    look()

    (decided,) = [one for one in WorkflowRun.objects.get().trace if one["step"] == "decide"]
    assert decided["says"] == "The numbers are old: DC: pos spoke of it 14 min ago."
    assert Approval.objects.get().status == "waiting"


@pytest.fixture
def ordered(tenant, short_of_socks, person) -> PurchaseOrder:
    """The 500 socks two people agreed to, on an order the ERP has not heard of yet."""
    short_of_socks()
    for name, role in (("Ada", "planner"), ("Ben", "finance")):
        approval = Approval.objects.get(status="waiting").pk
        decide_one(approval=approval, verdict=Verdict.APPROVED, reason="", by=person(name, role))
    order: PurchaseOrder = PurchaseOrder.objects.get()
    return order


def standing() -> tuple[str, str, str, str]:
    """How the first run stands, and the case it is about."""
    run = WorkflowRun.objects.select_related("case").order_by("pk").first()
    return run.status, run.outcome, run.case.status, run.case.resolution


@pytest.mark.req("WFL-01", "WFL-10")
def test_a_case_keeps_its_run_while_the_order_is_under_way_and_closes_when_all_of_it_came(ordered):
    under_way = ("acting", "", "open", "")
    acknowledged(kind="purchase_order.create", answers={ordered.number: {"id": "4711"}}, by=SYSTEM)
    look()
    ordered.refresh_from_db()
    assert (ordered.status, standing()) == ("sent", under_way)

    send(event("receipt.recorded", 200, node="DC", document=ordered.number))
    look()
    ordered.refresh_from_db()
    assert (ordered.status, standing()) == ("part_received", under_way)

    send(event("receipt.recorded", 300, node="DC", document=ordered.number))
    look()
    ordered.refresh_from_db()
    assert ordered.status == "received"
    assert standing() == ("done", "Effect confirmed.", "resolved", "effect_confirmed")


@pytest.mark.req("WFL-01")
def test_a_run_whose_order_was_cancelled_lets_go_of_its_case(ordered):
    cancel_purchase(number=ordered.number, reason="ordered twice", by=SYSTEM)

    look()

    stopped = WorkflowRun.objects.order_by("pk").first()
    assert (stopped.status, stopped.outcome) == ("stopped", "The order was cancelled.")
    assert ExceptionCase.objects.get().resolution == ""
