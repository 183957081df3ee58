"""The facts in the evidence of a case are those of the moment it opened."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exceptions.models import ExceptionCase
from exceptions.selectors.facts import facts_of
from exceptions.values import Finding
from inventory_control.catalog.models import Item, Promotion
from inventory_control.core import clock
from inventory_control.pipeline import run_stage
from tests.factories import at_node, event, item, node, send, supplier
from workflows.console.case import evidence_lines


def looked() -> None:
    for stage in ("orders", "availability", "detect"):
        run_stage(stage)


@pytest.mark.req("EVT-18")
def test_a_low_stock_case_shows_the_facts_captured_when_it_opened(tenant):
    now = clock.now()
    sock, place = item(item_class="A", supplier=supplier(lead_time_sd_days=1.5)), node()
    at_node(sock, place, reorder_point=6)
    Promotion.objects.create(
        code="SAT", item=sock, starts_at=now + timedelta(days=3), ends_at=now + timedelta(days=4),
        uplift=Decimal("1.5"),
    )  # fmt: skip
    node("DC")
    send(
        event(
            "purchase_order.created", 40, document="PO-7", supplier="MILL",
            due_at=now + timedelta(days=5),
        ),
        event("receipt.recorded", 30, node="DC"),
        event("transfer.shipped", 3, node="DC", to_node="S1"),
        event("receipt.recorded", 4),
    )  # fmt: skip
    looked()

    case = ExceptionCase.objects.get(kind="stockout")
    facts = case.evidence["facts"]
    assert facts["at"] == case.opened_at.isoformat()
    assert (facts["item_class"], facts["unit_margin"], facts["margin_share"]) == (
        "A", "6.0000", "0.600",
    )  # fmt: skip
    assert facts["margin_band"] == "high"
    assert facts["supplier"] == {"code": "MILL", "lead_time_days": 7, "lead_time_sd_days": "1.5"}
    assert [one["code"] for one in facts["promotions"]] == ["SAT"]
    assert (facts["on_order"], facts["in_transit"]) == (40, 3)
    assert facts["open_purchase_orders"][0]["document"] == "PO-7"


@pytest.mark.req("EVT-18")
def test_later_changes_do_not_rewrite_the_facts(tenant):
    sock, place = item(item_class="A", supplier=supplier()), node()
    at_node(sock, place, reorder_point=60)
    send(event("receipt.recorded", 40))
    looked()
    Item.objects.update(item_class="C")
    send(event("sale.recorded", 30))
    looked()

    case = ExceptionCase.objects.get(kind="stockout")
    assert (case.version, case.evidence["available"]) == (2, 10)
    assert case.evidence["facts"]["item_class"] == "A"


@pytest.mark.req("EVT-18")
def test_the_facts_of_many_findings_cost_what_those_of_one_cost(tenant):
    findings = []
    for number in range(6):
        sock, place = item(f"I{number}", supplier=supplier(f"M{number}")), node(f"S{number}")
        findings.append(
            Finding(
                "stockout", f"I{number}@S{number}", 3, "", 1, Decimal(0), timedelta(days=1),
                item_id=sock.pk, node_id=place.pk,
            )
        )  # fmt: skip
    with CaptureQueriesContext(connection) as one:
        facts_of(findings[:1], clock.now())
    with CaptureQueriesContext(connection) as many:
        assert len(facts_of(findings, clock.now())) == 6

    assert len(one) == len(many) == 5


@pytest.mark.req("EVT-18")
def test_the_case_page_names_the_facts():
    facts = {"at": "2026-04-26T07:00:00.709336+00:00", "item_class": "A", "promotions": []}

    lines = evidence_lines({"available": 4, "facts": facts})

    assert lines == [
        {"name": "Available", "value": "4"},
        {"name": "At opening: at", "value": "26 Apr 2026 07:00"},
        {"name": "At opening: item class", "value": "A"},
    ]
