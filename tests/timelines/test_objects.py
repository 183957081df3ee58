"""Timelines of business objects: several systems, one order of what was true, both times."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exceptions.services import detect_due
from inventory_control.availability.services import recalculate_due
from inventory_control.core.errors import Refused
from inventory_control.orders.models import PurchaseOrder
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.services import mark_delivered
from inventory_control.pipeline import run_stage
from inventory_control.stock.services import freeze, unfreeze
from inventory_control.timelines.errors import UnknownObjectError
from inventory_control.timelines.selectors import timeline_of_object
from inventory_control.timelines.values import Timeline
from tests.console.test_pages import sign_in
from tests.factories import SYSTEM, at_node, event, hour, item, node, outcomes, send, supplier
from tests.http import Api
from workflows.models import Approval


@pytest.fixture
def places(tenant) -> None:
    """SOCK at S1 and S2."""
    item()
    node()
    node("S2")


def told(timeline: Timeline, *kinds: str) -> list[str]:
    """The titles of some kinds of moments, in order."""
    return [moment.title for moment in timeline.moments if moment.kind in kinds]


@pytest.mark.req("EVT-13", "EVT-10")
def test_an_order_tells_what_shop_warehouse_and_carrier_said_in_true_order(places: None):
    outcomes(event("receipt.recorded", 5, occurred_at=hour(0)))
    send(event("order.shipped", 1, order="O1", line="1", occurred_at=hour(5)), source="wms")
    send(event("pick.failed", 1, order="O1", line="1", occurred_at=hour(2)), source="wms")
    send(
        event("order.created", 2, order="O1", line="1", occurred_at=hour(1)),
        event("reservation.released", 1, order="O1", line="1", occurred_at=hour(3)),
        event("order.created", 2, order="O10", line="1", occurred_at=hour(1)),
        source="shop",
    )
    send(event("customer.signalled", order="O1", occurred_at=hour(4)), source="mail")

    timeline = timeline_of_object("order", "O1")

    assert told(timeline, "event") == [
        "Order created", "Pick failed", "Reservation released", "Customer signalled",
        "Order shipped",
    ]  # fmt: skip
    events = [moment for moment in timeline.moments if moment.kind == "event"]
    assert [moment.source for moment in events] == ["shop", "wms", "shop", "mail", "wms"]
    assert [moment.at for moment in events] == [hour(n) for n in (1, 2, 3, 4, 5)]
    assert all(moment.learnt_at > moment.at for moment in events)
    assert told(timeline, "ledger") == ["-1 sellable", "+1 customer"]
    (claim,) = [moment for moment in timeline.moments if moment.kind == "claim"]
    assert (claim.title, "2 committed" in claim.text) == ("0 promised", True)


@pytest.mark.req("EVT-13")
def test_a_purchase_order_tells_its_case_advice_approval_sending_and_receipt(tenant: Any):
    low = item(supplier=supplier())
    at_node(low, node(), reorder_point=6, order_up_to=30)
    outcomes(event("stock.opened", 4))
    recalculate_due(by=SYSTEM)
    detect_due(by=SYSTEM)
    for stage in ("advise", "workflows"):
        run_stage(stage)
    sign_in("planner").post(
        f"/approvals/{Approval.objects.get().pk}/decide/", {"verdict": "approved", "reason": "ok"}
    )
    order, command = (
        PurchaseOrder.objects.get(),
        OutboundCommand.objects.get(subject_kind="purchaseorder"),
    )
    mark_delivered({command.pk: {"id": "ERP-1"}}, by=SYSTEM)
    outcomes(
        event("receipt.recorded", 26, document=order.number, business_key=f"{order.number}/1/r")
    )
    run_stage("orders")

    timeline = timeline_of_object("purchase_order", order.number)

    assert told(timeline, "event") == ["Receipt recorded"]
    assert told(timeline, "ledger") == ["-26 supplier", "+26 sellable"]
    assert told(timeline, "command") == ["Purchase order create"]
    assert told(timeline, "answer") == [f"{command.target} acknowledged"]
    assert told(timeline, "case")[0] == "Case opened"
    assert told(timeline, "approval") == ["Approval asked", "Approval approved"]
    assert "Run started" in told(timeline, "run")
    assert told(timeline, "audit")[-1] == "Purchase order received"
    status, answer = Api("events.read").get(f"timelines/purchase_order/{order.number}")
    assert (status, len(answer["moments"])) == (200, len(timeline.moments))


@pytest.mark.req("EVT-13")
@pytest.mark.parametrize(
    ("kind", "bodies", "titles"),
    [
        (
            "transfer",
            [
                event("transfer.received", 3, node="S2", document="D1", occurred_at=hour(9)),
                event("transfer.shipped", 3, to_node="S2", document="D1", occurred_at=hour(4)),
            ],
            ["Transfer shipped", "Transfer received"],
        ),
        (
            "return",
            [
                event(
                    "return.inspected", 1, to_state="sellable", document="D1", occurred_at=hour(9)
                ),
                event("return.authorised", 1, document="D1", occurred_at=hour(2)),
                event("return.received", 1, document="D1", occurred_at=hour(4)),
            ],
            ["Return authorised", "Return received", "Return inspected"],
        ),
        ("count", [event("stock.counted", 3, document="D1")], ["Stock counted"]),
    ],
)
def test_every_kind_of_object_has_a_timeline(
    places: None, kind: str, bodies: list[dict[str, Any]], titles: list[str]
):
    outcomes(*bodies)

    timeline = timeline_of_object(kind, "D1")

    assert told(timeline, "event") == titles
    if kind == "count":
        assert told(timeline, "count") == ["Count judged"]


@pytest.mark.req("EVT-13", "LED-18")
def test_a_correction_stands_on_the_timeline_of_what_it_corrects(places: None):
    wrong = event("receipt.recorded", 12, document="PO-9", occurred_at=hour(1))
    outcomes(wrong)
    outcomes(
        event(
            "event.corrected",
            10,
            item=None,
            node=None,
            reason="two short",
            occurred_at=hour(2),
            corrects={"source": "pos", "source_id": wrong["source_id"]},
        )
    )

    timeline = timeline_of_object("purchase_order", "PO-9")

    assert told(timeline, "event") == ["Receipt recorded", "Event corrected"]
    assert len(told(timeline, "ledger")) == 6


@pytest.mark.req("EVT-13")
def test_a_long_timeline_takes_the_queries_of_a_short_one(places: None):
    def queries() -> int:
        with CaptureQueriesContext(connection) as ran:
            timeline_of_object("order", "O1")
        return len(ran)

    outcomes(event("order.created", 1, order="O1", line="1"))
    few = queries()
    outcomes(*[event("order.created", 1, order="O1", line=f"{n}") for n in range(2, 60)])

    assert queries() == few <= 12


def test_what_nobody_told_of_has_no_timeline(places: None):
    with pytest.raises(UnknownObjectError):
        timeline_of_object("order", "O1")
    with pytest.raises(Refused, match="has no timeline"):
        timeline_of_object("invoice", "1")


@pytest.mark.req("EVT-13")
def test_an_order_tells_of_the_holds_that_lay_on_what_it_claims(places: None):
    before = freeze(sku="SOCK", node="S1", reason="before", by=SYSTEM)
    unfreeze(before, reason="over", by=SYSTEM)
    freeze(sku="SOCK", node="S2", reason="elsewhere", by=SYSTEM)
    outcomes(event("reservation.created", 2, order="O1", line="1"))
    recall = freeze(sku="SOCK", node="S1", reason="recall", by=SYSTEM)
    unfreeze(recall, reason="cleared", by=SYSTEM)
    outcomes(event("reservation.released", 2, order="O1", line="1"))
    freeze(sku="SOCK", node="S1", reason="after", by=SYSTEM)

    held = [one for one in timeline_of_object("order", "O1").moments if one.kind == "hold"]

    assert [(one.title, one.subject) for one in held] == [
        ("Hold placed", ("hold", str(recall.pk))),
        ("Hold lifted", ("hold", str(recall.pk))),
    ]
    assert "recall" in held[0].text
