"""What people ask for: posted at once within limits, else by somebody else's agreement, once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from inventory_control.audit.models import AuditEntry
from inventory_control.catalog.models import Item
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import IllegalMove, NotPermitted, Refused
from inventory_control.events.models import InventoryEvent
from inventory_control.orders.models import PurchaseOrder, TransferOrder
from inventory_control.pipeline import run_stage
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.services import set_policy
from inventory_control.stock.models import LedgerEntry, StockBalance
from inventory_control.stock.services import rebuild_balances
from tests.factories import SYSTEM, event, item, node, send, supplier
from tests.http import Api
from workflows.errors import FactsChangedError, ImpossibleError, SeparationError
from workflows.models import Approval, Request, WorkflowRun
from workflows.services import (
    configure,
    decide,
    decide_one,
    request_adjustment,
    request_correction,
    request_order,
    withdraw_request,
)
from workflows.values import Verdict, WantedAdjustment, WantedCorrection, WantedOrder

YES, NO = Verdict.APPROVED, Verdict.REFUSED
ASKING = ("stock.adjust", "workflows.request", "workflows.read", "orders.read")


@pytest.fixture(autouse=True)
def shop(tenant) -> None:
    """Sixty socks at a store, at a cost of 4."""
    item(supplier=supplier())
    node()
    send(event("stock.opened", 60))


@pytest.fixture
def api() -> Api:
    """A key that may ask."""
    return Api(*ASKING)


@pytest.fixture
def ada(person) -> Actor:
    """A planner who asks."""
    return person("Ada", "planner")


@pytest.fixture
def ben(person) -> Actor:
    """A planner who agrees."""
    return person("Ben", "planner")


def shrink(quantity: int = -40, **fields) -> WantedAdjustment:
    """A sensitive adjustment of socks at the store."""
    return WantedAdjustment(
        **{"item": "SOCK", "node": "S1", "quantity": quantity, "reason_code": "shrink", **fields}
    )


def waiting() -> Approval:
    found: Approval = Approval.objects.get(status="waiting")
    return found


def sellable() -> int:
    return int(StockBalance.objects.get(node__code="S1").sellable)


def nothing_was_written() -> bool:
    return (
        sellable() == 60
        and InventoryEvent.objects.count() == 1
        and WorkflowRun.objects.count() == 0
        and Request.objects.count() == 0
    )


@pytest.mark.req("INT-03", "LED-29")
def test_within_the_limit_of_its_reason_an_adjustment_is_posted_at_once(api):
    status, body = api.post(
        "adjustments", {"item": "SOCK", "node": "S1", "quantity": -25, "reason_code": "missing"}
    )

    made = InventoryEvent.objects.get(type="adjustment.recorded")
    assert (status, body["status"], body["event_id"]) == (201, "done", str(made.pk))
    assert (made.quantity, made.details["reason"], made.source) == (-25, "missing", "decisions")
    assert (sellable(), Approval.objects.count()) == (35, 0)
    assert WorkflowRun.objects.get().trace[1]["says"] == "The value 100.00 is within 100."


@pytest.mark.req("INT-03")
def test_above_the_limit_it_is_202_pending_approval_and_moves_nothing(api):
    status, body = api.post(
        "adjustments", {"item": "SOCK", "node": "S1", "quantity": -26, "reason_code": "missing"}
    )

    assert (status, body["status"], body["waits_for"]) == (202, "pending_approval", "planner")
    assert body["status_url"] == f"/api/v1/requests/{body['request']}"
    assert api.get(body["status_url"].removeprefix("/api/v1/"))[1] == body
    assert (sellable(), waiting().value) == (60, Decimal("104.00"))


@pytest.mark.req("LED-29", "INT-13")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reason_code": None}, "reason_code"),
        ({"reason_code": ""}, "reason_code"),
        ({"reason_code": "because"}, "reason_code"),
        ({"reason_code": "theft"}, "evidence"),
        ({"quantity": 0}, "quantity"),
        ({"state": "in_transit"}, "state"),
        ({"state": "lost"}, "state"),
        ({"item": "GHOST"}, "item"),
        ({"node": "S404"}, "node"),
    ],
)
def test_an_adjustment_without_what_it_needs_is_refused_by_field(api, change, field):
    body = {"item": "SOCK", "node": "S1", "quantity": -40, "reason_code": "shrink", **change}

    status, problem = api.post("adjustments", {k: v for k, v in body.items() if v is not None})

    assert (status, problem["field"]) == (422, field)
    assert nothing_was_written()


@pytest.mark.req("INT-12")
def test_a_reader_may_not_adjust():
    status, problem = Api("stock.read", name="reader").post("adjustments", {})

    assert (status, problem["permission"]) == (403, "stock.adjust")


@pytest.mark.req("LED-29", "INT-03", "APR-04")
def test_shrink_waits_and_what_another_person_agrees_to_is_posted_once(ada, ben):
    run = request_adjustment(shrink(note="Shelf 4 is empty"), by=ada)
    assert (run.status, sellable()) == ("waiting", 60)
    with pytest.raises(SeparationError):
        decide_one(approval=waiting().pk, verdict=YES, reason="", by=ada)
    asked = waiting().pk

    with clock.frozen_at(clock.now()):
        decide_one(approval=asked, verdict=YES, reason="Seen it", by=ben)
        made = InventoryEvent.objects.get(type="adjustment.recorded")
        assert made.occurred_at == clock.now()
    again = decide(approvals=[asked], verdict=YES, reason="", by=ben)

    run.refresh_from_db()
    assert (again[0].code, made.quantity, sellable()) == ("illegal_move", -40, 20)
    assert (run.status, run.document) == ("done", str(made.pk))
    lines = LedgerEntry.objects.filter(event_id=made.pk).values_list("state", "quantity")
    assert sorted(lines) == [("adjustment", 40), ("sellable", -40)]
    assert rebuild_balances(by=SYSTEM).difference == 0
    told = AuditEntry.objects.get(verb="request.made")
    assert (told.actor_id, told.data["value"], told.data["reason"]) == (ada.id, "160.00", "shrink")
    agreed = AuditEntry.objects.get(verb="approval.approved")
    assert (agreed.actor_id, agreed.data["reason"]) == (ben.id, "Seen it")


@pytest.mark.req("LED-29")
def test_what_is_refused_changes_nothing(ada, ben):
    run = request_adjustment(shrink(), by=ada)

    decide_one(approval=waiting().pk, verdict=NO, reason="Look behind the shelf.", by=ben)

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("refused", "Look behind the shelf.")
    assert (sellable(), InventoryEvent.objects.count()) == (60, 1)


@pytest.mark.req("LED-29")
def test_a_large_adjustment_needs_every_level_of_the_matrix(ada, ben, person):
    request_adjustment(shrink(-300), by=ada)

    decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)
    assert (waiting().role, waiting().level, sellable()) == ("finance", 2, 60)
    decide_one(approval=waiting().pk, verdict=YES, reason="", by=person("Flo", "finance"))

    assert sellable() == -240


@pytest.mark.req("LED-29")
def test_an_item_without_a_cost_is_within_no_limit(ada):
    Item.objects.update(unit_cost=0)

    run = request_adjustment(shrink(-1, reason_code="missing"), by=ada)

    assert (run.status, waiting().role) == ("waiting", "planner")


@pytest.mark.req("LED-29")
def test_many_small_adjustments_of_one_person_are_a_large_one(ada, ben):
    small = shrink(-10, reason_code="missing")

    first = [request_adjustment(small, by=ada).status for _ in range(3)]
    others = request_adjustment(small, by=ben)
    with clock.frozen_at(clock.now() + timedelta(days=1)):
        next_day = request_adjustment(small, by=ada)

    assert first == ["done", "done", "waiting"]
    assert waiting().run.trace[1]["says"] == (
        "The value 40.00 and 80.00 within a day before is above 100."
    )
    assert (others.status, next_day.status, sellable()) == ("done", "done", 20)


def test_whoever_asked_takes_it_back_and_nobody_else(ada, ben):
    run = request_adjustment(shrink(), by=ada)

    with pytest.raises(NotPermitted):
        withdraw_request(run.request_id, by=ben)
    withdrawn = withdraw_request(run.request_id, by=ada)
    with pytest.raises(IllegalMove):
        withdraw_request(run.request_id, by=ada)

    assert (withdrawn.status, Approval.objects.get().status) == ("stopped", "withdrawn")
    assert (sellable(), InventoryEvent.objects.count()) == (60, 1)


@pytest.mark.req("LED-18")
def test_an_event_without_a_quantity_has_no_known_value(ada):
    (order,) = send(
        event("purchase_order.created", 5, document="PO-X", supplier="MILL"),
    )
    (cancelled,) = send(event("purchase_order.cancelled", document="PO-X"))

    known = request_correction(WantedCorrection(event_id=order.event_id, reason="x"), by=ada)
    unknown = request_correction(WantedCorrection(event_id=cancelled.event_id, reason="x"), by=ada)

    assert (known.status, unknown.status) == ("done", "waiting")


@pytest.mark.req("LED-29")
def test_a_decision_on_facts_that_changed_is_refused_and_asked_anew(ada, ben):
    first = request_adjustment(shrink(), by=ada)
    asked = waiting().pk
    send(event("sale.recorded", 30))

    with pytest.raises(FactsChangedError, match="60 when it was asked, 30 now"):
        decide_one(approval=asked, verdict=YES, reason="", by=ben)

    first.refresh_from_db()
    assert (first.status, Approval.objects.get(pk=asked).status) == ("stopped", "withdrawn")
    assert (sellable(), waiting().run.request_id, waiting().run.facts["units"]) == (
        30,
        first.request_id,
        30,
    )
    with pytest.raises(SeparationError):
        decide_one(approval=waiting().pk, verdict=YES, reason="", by=ada)
    decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)
    assert (sellable(), InventoryEvent.objects.filter(type="adjustment.recorded").count()) == (
        -10,
        1,
    )


def test_a_few_sales_are_no_change_of_facts(ada, ben):
    request_adjustment(shrink(), by=ada)
    send(event("sale.recorded", 6))

    decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)

    assert sellable() == 14


def test_asked_anew_stays_asked_when_the_decision_came_with_an_idempotency_key(ada):
    approver = Api("workflows.approve", name="planner", kind="person")
    first = request_adjustment(shrink(), by=ada)
    asked = waiting().pk
    send(event("sale.recorded", 30))

    status, problem = approver.post(
        f"approvals/{asked}/decide", {"verdict": "approved"}, idempotency_key="once"
    )

    first.refresh_from_db()
    assert (status, problem["code"], first.status) == (409, "facts_changed", "stopped")
    assert (waiting().run.request_id, sellable()) == (first.request_id, 30)


@pytest.mark.req("APR-01")
def test_many_requests_are_decided_together(ada, ben):
    for number in range(3):
        request_adjustment(shrink(-10, note=f"bin {number}"), by=ada)
    asked = list(Approval.objects.values_list("pk", flat=True))

    answers = decide(approvals=asked, verdict=YES, reason="", by=ben)

    assert [one.is_done for one in answers] == [True, True, True]
    assert sellable() == 30


@pytest.mark.req("INT-03")
def test_the_approver_reads_what_how_many_why_who_and_the_position_of_now(api, ada):
    request_adjustment(shrink(note="Shelf 4", evidence="photo 12"), by=ada)
    send(event("sale.recorded", 3))

    _, page = api.get("approvals")
    status, one = api.get(f"approvals/{waiting().pk}")

    assert status == 200
    assert page["results"][0]["id"] == one["id"]
    assert (one["action"], one["quantity"], one["value"], one["sku"], one["node"]) == (
        "adjust",
        -40,
        "160.00",
        "SOCK",
        "S1",
    )
    assert (one["request"]["reason"], one["request"]["note"], one["request"]["evidence"]) == (
        "shrink",
        "Shelf 4",
        "photo 12",
    )
    assert (one["requester"], one["facts"]["units"], one["facts_now"]["units"]) == (ada.id, 60, 57)


@pytest.mark.req("LED-18")
def test_a_correction_of_little_value_reverses_its_original_and_both_stay(api):
    (sold,) = send(event("sale.recorded", 10))

    status, body = api.post(
        f"events/{sold.event_id}/correct", {"quantity": 7, "reason": "Three were not sold"}
    )

    made = InventoryEvent.objects.get(type="event.corrected")
    assert (status, body["status"], body["corrects"]) == (201, "done", str(sold.event_id))
    assert (body["event_id"], made.corrects) == (str(made.pk), sold.event_id)
    assert InventoryEvent.objects.get(pk=sold.event_id).quantity == 10
    assert sellable() == 53
    rows = LedgerEntry.objects.filter(event_id__in=[sold.event_id, made.pk], state="sellable")
    assert sum(rows.values_list("quantity", flat=True)) == -7


@pytest.mark.req("LED-18")
def test_a_correction_of_much_value_waits_for_somebody_else(ada, ben):
    (sold,) = send(event("sale.recorded", 30))
    wanted = WantedCorrection(event_id=sold.event_id, reason="Rung up twice")

    run = request_correction(wanted, by=ada)
    assert (run.status, run.spend, sellable()) == ("waiting", Decimal("120.00"), 30)
    with pytest.raises(SeparationError):
        decide_one(approval=waiting().pk, verdict=YES, reason="", by=ada)
    decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)

    assert (sellable(), InventoryEvent.objects.filter(corrects=sold.event_id).count()) == (60, 1)


@pytest.mark.req("LED-18")
def test_a_correction_is_worth_the_larger_of_both_quantities(ada):
    (sold,) = send(event("sale.recorded", 1))
    send(event("sale.recorded", 30, source_id="s"))
    (undone,) = send(
        event("event.corrected", 1, item=None, node=None, reason="mistyped",
              corrects={"source": "pos", "source_id": "s"})
    )  # fmt: skip

    up = request_correction(
        WantedCorrection(event_id=sold.event_id, quantity=30, reason="Thirty"), by=ada
    )
    back = request_correction(WantedCorrection(event_id=undone.event_id, reason="Right"), by=ada)

    assert [(run.status, run.spend) for run in (up, back)] == [
        ("waiting", Decimal("120.00")),
        ("waiting", Decimal("116.00")),
    ]
    assert sellable() == 58


@pytest.mark.req("LED-18")
def test_a_count_that_somebody_undoes_is_withdrawn_and_not_counted_as_nothing(ada, ben):
    (count,) = send(event("stock.counted", 59))
    assert sellable() == 59

    request_correction(WantedCorrection(event_id=count.event_id, reason="Wrong"), by=ada)
    decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)

    assert sellable() == 60


@pytest.mark.req("LED-18")
def test_what_was_corrected_meanwhile_is_not_corrected_again(ada, ben):
    (sold,) = send(event("sale.recorded", 30))
    wanted = WantedCorrection(event_id=sold.event_id, reason="Rung up twice")
    request_correction(wanted, by=ada)
    send(
        event(
            "event.corrected",
            reason="void",
            item=None,
            node=None,
            corrects={"source": "pos", "source_id": InventoryEvent.objects.get(
                pk=sold.event_id).source_id},
        )
    )  # fmt: skip

    with pytest.raises(FactsChangedError, match="corrected before"):
        decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)
    with pytest.raises(ImpossibleError):
        request_correction(wanted, by=ada)

    assert (sellable(), Approval.objects.filter(status="waiting").count()) == (60, 0)
    assert WorkflowRun.objects.get().status == "stopped"


@pytest.mark.req("LED-18")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x", "quantity": 10}, "quantity"),
        ({"reason": "x", "quantity": -3}, "quantity"),
    ],
)
def test_a_correction_that_says_nothing_is_refused(api, body, field):
    (sold,) = send(event("sale.recorded", 10))

    status, problem = api.post(f"events/{sold.event_id}/correct", body)

    assert (status, problem["field"], sellable()) == (422, field, 50)


def test_a_count_is_withdrawn_whole(api):
    (counted,) = send(event("stock.counted", 59))

    status, problem = api.post(f"events/{counted.event_id}/correct", {"reason": "x", "quantity": 5})

    assert (status, problem["field"]) == (422, "quantity")


@pytest.mark.req("INT-04")
def test_a_transfer_that_is_asked_for_starts_a_workflow_and_says_where_it_stands(api, ben):
    node("S2")
    status, body = api.post(
        "transfers",
        {"item": "SOCK", "from_node": "S1", "to_node": "S2", "quantity": 20, "reason": "Fair"},
    )

    assert (status, body["status"], body["action"]) == (202, "pending_approval", "transfer")
    assert TransferOrder.objects.count() == 0
    decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)
    made = TransferOrder.objects.get()
    assert (made.quantity, made.from_node.code, made.to_node.code) == (20, "S1", "S2")
    _, later = api.get(body["status_url"].removeprefix("/api/v1/"))
    assert (later["status"], later["document"], later["event_id"]) == ("acting", made.number, None)
    send(
        event("transfer.shipped", 20, to_node="S2", document=made.number),
        event("transfer.received", 20, node="S2", document=made.number),
    )
    run_stage("orders")
    run_stage("workflows")
    assert WorkflowRun.objects.get().status == "done"


@pytest.mark.req("INT-04")
def test_a_donor_that_cannot_spare_it_is_asked_in_vain(api):
    node("S2")
    status, problem = api.post(
        "transfers",
        {"item": "SOCK", "from_node": "S1", "to_node": "S2", "quantity": 61, "reason": "Fair"},
    )

    assert (status, problem["code"], problem["field"]) == (409, "impossible", "quantity")
    assert nothing_was_written()


@pytest.mark.req("INT-05")
def test_a_requisition_becomes_an_order_when_both_levels_agree(api, ben, person):
    status, body = api.post(
        "purchase-requisitions", {"item": "SOCK", "node": "S1", "quantity": 500, "reason": "Fair"}
    )

    assert (status, body["value"], body["waits_for"]) == (202, "2000.00", "planner")
    decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)
    assert PurchaseOrder.objects.count() == 0
    decide_one(approval=waiting().pk, verdict=YES, reason="", by=person("Flo", "finance"))

    order = PurchaseOrder.objects.get()
    assert (order.value, order.supplier.code) == (Decimal("2000.00"), "MILL")
    assert api.get(f"requests/{body['request']}")[1]["document"] == order.number


def test_who_may_not_ask_is_refused(person):
    wanted = WantedOrder(action="purchase", item="SOCK", node="S1", quantity=5, reason="because")

    with pytest.raises(NotPermitted):
        request_order(wanted, by=person("Aud", "auditor"))


def test_requests_are_listed_newest_first(api):
    for quantity in (-1, -2, -3):
        api.post("adjustments", {"item": "SOCK", "node": "S1", "quantity": quantity,
                                 "reason_code": "missing"})  # fmt: skip

    _, page = api.get("requests?limit=2")
    _, rest = api.get(page["next"].removeprefix("/api/v1/"))

    assert [row["quantity"] for row in page["results"] + rest["results"]] == [-3, -2, -1]


@pytest.mark.req("LED-29")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"codes": {}}, "codes"),
        ({"codes": {"lost": {"meaning": ""}}}, "codes.lost.meaning"),
        ({"correction_limit": "much"}, "correction_limit"),
        ({"is_strict": "yes"}, "is_strict"),
    ],
)
def test_reason_codes_that_do_not_hold_together_are_refused(change, field):
    value = {**current_policy("reason_codes").value, **change}

    with pytest.raises(Refused) as refusal:
        configure(key="reason_codes", value=value, by=SYSTEM)

    assert (refusal.value.field, current_policy("reason_codes").version) == (field, 1)


@pytest.mark.req("LED-29")
def test_no_matrix_lets_the_book_change_without_anybody():
    value = {**current_policy("approval_matrix").value, "adjust": [{"up_to": None, "roles": []}]}

    with pytest.raises(Refused) as refusal:
        configure(key="approval_matrix", value=value, by=SYSTEM)

    assert refusal.value.field == "adjust"


@pytest.mark.req("LED-29")
def test_events_must_name_a_known_reason_only_where_the_policy_is_strict():
    loose = send(event("adjustment.recorded", -1, reason="cycle 7"))
    set_policy(
        key="reason_codes",
        value={**current_policy("reason_codes").value, "is_strict": True},
        by=SYSTEM,
    )
    strict = send(
        event("adjustment.recorded", -1, reason="cycle 7"),
        event("adjustment.recorded", -2, reason="missing"),
    )

    assert [one.outcome for one in (*loose, *strict)] == ["posted", "quarantined", "posted"]
    assert (strict[0].code, strict[0].field, sellable()) == ("unknown_reason", "reason", 57)
