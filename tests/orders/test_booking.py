"""Booking: each fact becomes one document of the ERP, told once and after the decision."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from exceptions.services import go_live
from inventory_control.core import clock
from inventory_control.core.errors import IllegalMove, NotPermitted, Refused
from inventory_control.core.tenancy import in_tenant
from inventory_control.events.models import EventWork
from inventory_control.events.selectors import ERP, ROUTES
from inventory_control.events.states import BOOKED_TYPES, ORDERING_TYPES
from inventory_control.orders.models import FinancialDocument
from inventory_control.orders.selectors import undecided_goods
from inventory_control.orders.services import (
    acknowledge_documents,
    book_events,
    decide_document,
    refuse_document,
)
from inventory_control.outbox.models import OutboundCommand
from inventory_control.stock.rules import FINANCIALS, MOVES
from inventory_control.stock.selectors import pending_counts
from inventory_control.stock.services import settle_count
from tests.factories import SYSTEM, event, hour, item, node, planner, send
from tests.orders.documents import placed

PLACER = planner("orders.place")


@pytest.fixture
def book() -> Callable[..., int]:
    """Post events in one batch and have them booked; answers how many were."""

    def carry_out(*bodies: dict[str, Any]) -> int:
        assert {str(answer.outcome) for answer in send(*bodies)} <= {"posted", "noted", "duplicate"}
        return book_events(by=SYSTEM)

    return carry_out


def documents() -> list[tuple[str, int, str, str]]:
    """Form, units, value and status of every document, in order."""
    return [
        (one.form, one.quantity, str(one.value), one.status)
        for one in FinancialDocument.objects.order_by("pk")
    ]


def told() -> list[tuple[str, int]]:
    """Form and units of what was queued for the ERP, in order."""
    commands = OutboundCommand.objects.filter(kind="erp.document").order_by("pk")
    return [(one.payload["form"], one.payload["quantity"]) for one in commands]


@pytest.mark.req("LED-31")
def test_every_type_that_moves_stock_says_what_the_erp_expects():
    counted = {"stock.opened", "stock.counted", "stock.reported"}
    expecting = {
        name
        for name, financial in FINANCIALS.items()
        if financial.form != "none" or financial.between
    }

    assert FINANCIALS.keys() == MOVES.keys() | counted
    assert set(BOOKED_TYPES) == expecting - counted
    assert {name for name, routes in ROUTES.items() if ERP in routes} == {
        *BOOKED_TYPES,
        *ORDERING_TYPES,
    }
    assert {FINANCIALS[name].form for name in ("sale.recorded", "order.shipped")} == {"none"}


@pytest.mark.req("LED-31", "LED-17")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (event("receipt.recorded", 7), ("receipt", 7, "28.00")),
        (event("return.received", 2), ("receipt", 2, "8.00")),
        (event("return.inspected", 2, to_state="sellable"), ("return", 2, "8.00")),
        (event("damage.recorded", 3), ("adjustment", -3, "-12.00")),
        (event("disposal.recorded", 3), ("write_off", -3, "-12.00")),
        (event("vendor_return.shipped", 4), ("return", -4, "-16.00")),
        (event("adjustment.recorded", -5, reason="miscount"), ("adjustment", -5, "-20.00")),
        (event("adjustment.recorded", 5, reason="found"), ("adjustment", 5, "20.00")),
        (
            event("transfer.written_off", 2, document="T1", reason="lost"),
            ("write_off", -2, "-8.00"),
        ),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else None,
)
def test_a_move_is_told_in_its_form_at_cost(shop, book, body, expected):
    assert book(body) == 1

    assert documents() == [(*expected, "queued")]
    assert told() == [expected[:2]]


@pytest.mark.req("LED-31")
@pytest.mark.parametrize(
    "body",
    [
        event("sale.recorded", 1),
        event("order.shipped", 1, order="O1", line="1"),
        event("putaway.recorded", 1),
        event("receipt.inspected", 1, to_state="damaged"),
        event("shipment.dispatched", 1),
        event("stock.opened", 40),
    ],
    ids=lambda body: body["type"],
)
def test_a_move_the_erp_knows_or_need_not_know_is_not_told(shop, book, body):
    assert book(body) == 0

    assert (documents(), EventWork.objects.filter(consumer=ERP).count()) == ([], 0)


@pytest.mark.req("LED-31", "LED-17", "EVT-07")
def test_a_receipt_that_comes_again_is_told_once(shop, book):
    order = placed(*shop, 95)
    body = event("receipt.recorded", 95, document=order.number, business_key="R1/1")

    book(body)
    assert book(body) == 0
    assert book({**body, "source_id": "again"}) == 0

    assert told() == [("receipt", 95)]


@pytest.mark.req("LED-20")
def test_goods_nobody_ordered_are_told_after_the_decision_and_dated_with_it(shop, book):
    order = placed(*shop, 100)
    item("HAT")

    book(
        event("receipt.recorded", 95, document=order.number, to_state="received"),
        event(
            "receipt.recorded", 5, document=order.number, item="HAT", to_state="quarantined",
            occurred_at=hour(9),
        ),
    )  # fmt: skip
    before, (held,), asked_at = told(), undecided_goods(), clock.now()
    decided = decide_document(
        number=held.number, is_accepted=True, reason="We keep them", by=PLACER
    )

    assert before == [("receipt", 95)]
    assert told() == [("receipt", 95), ("receipt", 5)]
    assert (decided.status, decided.held_for, decided.decided_by) == ("queued", "", PLACER.id)
    assert decided.occurred_at == hour(9) < asked_at <= decided.booked_at
    with pytest.raises(IllegalMove):
        decide_document(number=held.number, is_accepted=False, reason="No", by=PLACER)
    assert len(told()) == 2


@pytest.mark.req("LED-20")
def test_goods_that_go_back_are_never_told(shop, book):
    book(event("receipt.recorded", 5, document="PO-X", to_state="quarantined", source_id="r"))
    (held,) = undecided_goods()

    with pytest.raises(Refused):
        decide_document(number=held.number, is_accepted=False, reason=" ", by=PLACER)
    decide_document(number=held.number, is_accepted=False, reason="Not ours", by=PLACER)
    book(
        event(
            "event.corrected", 3, item=None, node=None, reason="miscounted",
            corrects={"source": "pos", "source_id": "r"},
        )
    )  # fmt: skip

    assert documents() == [("receipt", 5, "20.00", "waived"), ("receipt", -2, "-8.00", "waived")]
    assert told() == []


@pytest.mark.req("LED-20")
@pytest.mark.parametrize("order_of_arrival", list(itertools.permutations(range(3))))
def test_an_order_announced_late_releases_its_goods_whatever_came_first(
    shop, book, order_of_arrival
):
    bodies = [
        event("purchase_order.created", 5, document="X-1", occurred_at=hour(1)),
        event(
            "receipt.recorded", 5, document="X-1", to_state="received", occurred_at=hour(5),
            source_id="r1",
        ),
        event(
            "event.corrected", 4, item=None, node=None, reason="miscounted",
            corrects={"source": "pos", "source_id": "r1"}, occurred_at=hour(6),
        ),
    ]  # fmt: skip
    for place in order_of_arrival:
        send(bodies[place])
        book_events(by=SYSTEM)

    assert sorted(told()) == [("receipt", -1), ("receipt", 5)]
    assert undecided_goods() == []


@pytest.mark.req("LED-31")
def test_a_correction_is_told_as_a_document_that_reverses_the_first(shop, book):
    book(event("receipt.recorded", 10, source_id="r1"))
    book(
        event(
            "event.corrected", 7, item=None, node=None, reason="miscounted",
            corrects={"source": "pos", "source_id": "r1"},
        )
    )  # fmt: skip

    first, second = FinancialDocument.objects.order_by("pk")
    assert (second.quantity, second.reverses, second.reason) == (-3, first, "miscounted")
    assert OutboundCommand.objects.get(idempotency_key=second.number).payload["reverses"] == (
        first.number
    )


@pytest.mark.req("LED-20")
def test_a_count_in_doubt_is_told_once_it_is_approved_and_only_then(shop, book):
    book(event("stock.opened", 100, occurred_at=hour(1)))
    book(event("stock.counted", 60, occurred_at=hour(5)))
    waiting, (count,) = told(), pending_counts([(shop[0].pk, shop[1].pk)])

    settle_count(
        event_id=count.event_id,
        verdict="approved",
        reason="Counted twice",
        by=planner("stock.adjust"),
    )
    assert book() == 1

    assert (waiting, told()) == ([], [("adjustment", -40)])
    document = FinancialDocument.objects.get()
    assert (document.reason, document.booked_at > hour(5)) == ("Counted twice", True)
    assert book() == 0


@pytest.mark.req("LED-20")
def test_a_count_refused_is_never_told(shop, book):
    book(event("stock.opened", 100, occurred_at=hour(1)))
    book(event("stock.counted", 60, occurred_at=hour(5)))
    (count,) = pending_counts([(shop[0].pk, shop[1].pk)])

    settle_count(
        event_id=count.event_id, verdict="rejected", reason="Wrong", by=planner("stock.adjust")
    )

    assert (book(), told()) == (0, [])


@pytest.mark.req("LED-20", "EVT-13")
def test_a_count_that_earlier_sales_explain_is_put_right_by_the_difference(shop, book):
    book(event("stock.opened", 100, occurred_at=hour(1)))
    book(event("stock.counted", 98, occurred_at=hour(5)))

    book(event("sale.recorded", 2, occurred_at=hour(3)))

    assert told() == [("adjustment", -2), ("adjustment", 2)]
    assert list(FinancialDocument.objects.values_list("part", flat=True).order_by("pk")) == [0, 1]


@pytest.mark.req("LED-16")
def test_a_transfer_between_entities_is_a_sale_of_one_and_a_purchase_of_the_other(shop, book):
    shop[1].legal_entity = "RETAIL-BV"
    shop[1].save()
    node("DC1", legal_entity="LOGISTICS-GMBH")

    book(
        event("transfer.shipped", 20, node="DC1", to_node="S1", document="T1"),
        event("transfer.received", 18, document="T1"),
    )

    found = FinancialDocument.objects.order_by("pk").values_list(
        "form", "quantity", "entity", "counterparty"
    )
    assert list(found) == [
        ("sale", 20, "LOGISTICS-GMBH", "RETAIL-BV"),
        ("purchase", 18, "RETAIL-BV", "LOGISTICS-GMBH"),
    ]
    payloads = OutboundCommand.objects.order_by("pk").values_list("payload", flat=True)
    assert [(one["entity"], one["counterparty"]) for one in payloads] == [
        ("LOGISTICS-GMBH", "RETAIL-BV"),
        ("RETAIL-BV", "LOGISTICS-GMBH"),
    ]


@pytest.mark.req("LED-16", "LED-31")
def test_a_transfer_in_the_house_is_one_document_of_what_arrived(shop, book):
    node("DC1", legal_entity="")

    book(
        event("transfer.shipped", 20, node="DC1", to_node="S1", document="T1"),
        event("transfer.received", 18, document="T1"),
    )

    assert told() == [("transfer", 18)]


@pytest.mark.req("LED-16", "EVT-13")
def test_a_transfer_received_before_it_was_shipped_waits_to_know_whose_goods_they_were(shop, book):
    shop[1].legal_entity = "RETAIL-BV"
    shop[1].save()
    node("DC1", legal_entity="LOGISTICS-GMBH")

    book(event("transfer.received", 18, document="T1"))
    before = documents()
    book(event("transfer.shipped", 20, node="DC1", to_node="S1", document="T1"))

    assert before == [("transfer", 18, "72.00", "pending")]
    assert sorted(told()) == [("purchase", 18), ("sale", 20)]


@pytest.mark.req("LED-16")
def test_what_goes_back_to_its_sender_takes_the_sale_back(shop, book):
    shop[1].legal_entity = "RETAIL-BV"
    shop[1].save()
    node("DC1", legal_entity="LOGISTICS-GMBH")

    book(
        event("transfer.shipped", 20, node="DC1", to_node="S1", document="T1"),
        event("transfer.returned", 2, node="S1", to_node="DC1", document="T1"),
    )

    found = FinancialDocument.objects.order_by("pk").values_list("form", "quantity", "entity")
    assert list(found) == [("sale", 20, "LOGISTICS-GMBH"), ("sale", -2, "LOGISTICS-GMBH")]


@pytest.mark.req("LED-31")
def test_a_document_is_acknowledged_or_refused_and_acknowledged_after_all(shop, book):
    book(event("damage.recorded", 1), event("damage.recorded", 2))
    first, second = FinancialDocument.objects.order_by("pk").values_list("number", flat=True)

    acknowledge_documents({first: {"id": "4711"}}, by=SYSTEM)
    refuse_document(second, error="period closed", by=SYSTEM)
    refused = FinancialDocument.objects.get(number=second)
    acknowledge_documents({first: {"id": "4712"}, second: {"id": "4713"}}, by=SYSTEM)

    assert (refused.status, refused.error) == ("refused", "period closed")
    assert list(
        FinancialDocument.objects.order_by("pk").values_list("status", "external_id", "error")
    ) == [("acknowledged", "4711", ""), ("acknowledged", "4713", "")]


@pytest.mark.req("LED-19")
def test_what_happened_before_going_live_is_in_the_books_of_the_erp_already(shop, book):
    go_live(clock.now() + timedelta(days=1), by=SYSTEM)

    assert book(event("receipt.recorded", 10)) == 1

    assert (documents(), told()) == ([], [])


@pytest.mark.req("OBS-06")
def test_hundreds_of_receipts_cost_as_many_statements_as_one(shop, book):
    send(event("receipt.recorded", 1, document="PO-1"))
    with CaptureQueriesContext(connection) as one:
        book_events(by=SYSTEM)
    send(
        *(
            event("receipt.recorded", 1, document=f"PO-{number % 7}", line=str(number))
            for number in range(300)
        )
    )
    with CaptureQueriesContext(connection) as many:
        assert book_events(by=SYSTEM) == 300

    assert (len(many), len(told())) == (len(one), 301)


@pytest.mark.req("LED-31", "OBS-06")
def test_two_bookers_tell_each_fact_once(committed):
    item(), node()
    send(*(event("receipt.recorded", 1) for _ in range(60)))
    together = threading.Barrier(2, timeout=30)

    def book_in(tenant: Any) -> int:
        try:
            with in_tenant(tenant):
                together.wait()
                return book_events(by=SYSTEM)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=2) as pool:
        counts = [pool.submit(book_in, committed) for _ in range(2)]
        assert sum(one.result() for one in counts) == 60

    assert FinancialDocument.objects.count() == len(told()) == 60


@pytest.mark.req("LED-20")
def test_only_who_may_place_orders_decides(shop, book):
    book(event("receipt.recorded", 5, document="PO-X", to_state="quarantined"))
    (held,) = undecided_goods()

    with pytest.raises(NotPermitted):
        decide_document(
            number=held.number, is_accepted=True, reason="Mine", by=planner("orders.read")
        )

    assert documents() == [("receipt", 5, "20.00", "pending")]
