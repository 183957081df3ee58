"""What must not work: the exact refusal over HTTP, and nothing changed by it.

What comes in during maintenance is in `test_postponed`, numbers at their limits in
`tests/matrix/test_numbers.py`.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.models import Replay
from exceptions.models import ExceptionCase
from inventory_control.core import clock
from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.orders.services import place_transfers
from inventory_control.pipeline import STAGES, run_stage
from inventory_control.stock.models import LedgerEntry, Reservation, StockBalance
from inventory_control.stock.services import freeze
from tests.factories import SYSTEM, at_node, channel, event, item, node, send, supplier
from tests.http import Api
from tests.orders.documents import wanted_transfer
from workflows.models import WorkflowRun
from workflows.services import configure

LINE = {"order": "W", "line": "1", "item": "SOCK", "node": "S1", "quantity": 6}
HELD = {"order": "W", "line": "1"}


@pytest.fixture
def api(tenant) -> Api:
    """Somebody who may do all of this, with 10 of SOCK at S1."""
    item(supplier=supplier())
    node()
    send(event("receipt.recorded", 10))
    return Api(
        "events.write", "events.replay", "events.hold", "stock.read", "stock.reserve",
        "stock.adjust", "stock.freeze", "workflows.request", "workflows.read", "exceptions.read",
    )  # fmt: skip


def books() -> tuple[Any, ...]:
    """Everything a bad call could have changed."""
    balances = StockBalance.objects.order_by("node__code").values_list(
        "node__code", "sellable", "in_transit", "reserved", "allocated"
    )
    return (
        list(balances),
        LedgerEntry.objects.count(),
        InventoryEvent.objects.count(),
        Reservation.objects.order_by("pk").count(),
    )


def refusal(answer: tuple[int, Any], *more: str) -> tuple[Any, ...]:
    """Status, code, field and sentence of a problem, and what else it names."""
    status, problem = answer
    named = (problem["code"], problem.get("field"), problem["detail"])
    return (status, *named, *(problem[key] for key in more))


@pytest.mark.req("INT-02", "LED-08")
def test_more_than_is_available_is_refused_with_what_is(api: Api):
    before = books()

    answer = api.post("reservations", {"lines": [{**LINE, "quantity": 11}]})

    assert refusal(answer, "available", "requested") == (
        409, "not_available", "lines[0].quantity", "10 of SOCK available at S1.", 10, 11,
    )  # fmt: skip
    assert books() == before


@pytest.mark.req("INT-02", "LED-16")
def test_what_is_frozen_is_not_promised(api: Api):
    freeze(sku="SOCK", node="S1", reason="recall", by=SYSTEM)
    before = books()

    answer = api.post("reservations", {"lines": [LINE]})

    assert refusal(answer, "available", "requested") == (
        409, "frozen", "lines[0].quantity", "SOCK is frozen at S1 until its hold is lifted.", 0, 6,
    )  # fmt: skip
    assert books() == before


@pytest.mark.req("INT-02")
def test_a_channel_nobody_knows_is_named(api: Api):
    before = books()

    answer = api.post("reservations", {"lines": [LINE], "channel": "MOON"})

    assert refusal(answer) == (
        422, "unknown_channel", "lines[0].channel", "No channel is called MOON.",
    )  # fmt: skip
    assert books() == before


@pytest.mark.req("INT-02")
@pytest.mark.parametrize("path", ["reservations", "reservations/check"])
@pytest.mark.parametrize("field", ["item", "node"])
def test_an_item_or_node_nobody_knows_is_named_and_the_other_lines_get_nothing(
    api: Api, field: str, path: str
):
    before = books()

    answer = api.post(
        path, {"lines": [LINE, {**LINE, "line": "2", field: "MOON"}], "mode": "partial"}
    )

    assert refusal(answer) == (
        422, "unknown_place", f"lines[1].{field}", f"No {field} is called MOON.",
    )  # fmt: skip
    assert books() == before


@pytest.mark.req("INT-02", "LED-08")
def test_a_known_item_that_never_lay_there_is_not_available(api: Api):
    node("S9")

    answer = api.post("reservations", {"lines": [{**LINE, "node": "S9"}]})

    assert refusal(answer, "available") == (
        409, "not_available", "lines[0].quantity", "0 of SOCK available at S9.", 0,
    )  # fmt: skip


@pytest.mark.req("INT-02")
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("quantity", 1.5, "Expected `int`, got `float`"),
        ("quantity", 0, "Expected `int` >= 1"),
        ("quantity", 10**9 + 1, "Expected `int` <= 1000000000"),
        ("item", "S" * 201, "Expected `str` of length <= 200"),
        ("node", 7, "Expected `str`, got `int`"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(api: Api, field: str, value: Any, said: str):
    before = books()

    answer = api.post("reservations", {"lines": [{**LINE, field: value}]})

    assert refusal(answer) == (422, "invalid_event", f"lines[0].{field}", said)
    assert books() == before


@pytest.mark.req("INT-02", "LED-09")
def test_what_was_given_back_is_not_given_back_again(api: Api):
    api.post("reservations", {"lines": [LINE]})
    api.post("reservations/release", {**HELD, "quantity": 6})
    before = books()

    answer = api.post("reservations/release", {**HELD, "quantity": 6})

    assert refusal(answer, "held") == (
        409, "nothing_reserved", "quantity", "W/1 holds 0 units; 6 cannot be released.", 0,
    )  # fmt: skip
    assert books() == before


@pytest.mark.req("LED-09", "EVT-10")
def test_a_shipment_of_a_cancelled_order_is_a_fact_and_a_case(api: Api):
    send(event("order.created", 3, **HELD), event("order.cancelled", 3, **HELD))

    status, answer = api.post(
        "shipments",
        {**LINE, "quantity": 3, "reference": "S-1", "occurred_at": clock.now()},
    )
    for stage in ("availability", "detect"):
        run_stage(stage)

    assert (status, answer["outcome"]) == (201, "posted")
    case = ExceptionCase.objects.get(kind="cancelled_shipment")
    assert (case.status_value, case.units, StockBalance.objects.get().sellable) == ("open", 3, 7)


@pytest.mark.req("LED-15")
def test_more_received_than_was_shipped_is_a_dispute(api: Api):
    balance, centre = StockBalance.objects.get(), node("DC1")
    wanted = wanted_transfer(balance.item, balance.node, centre, 8)
    (number,) = place_transfers([wanted], by=SYSTEM).values()
    send(event("transfer.shipped", 8, to_node="DC1", document=number))

    status, _ = api.post("events", event("transfer.received", 9, node="DC1", document=number))
    for stage in ("orders", "availability", "detect"):
        run_stage(stage)

    case = ExceptionCase.objects.get(kind="transfer_discrepancy")
    assert (status, case.units, case.evidence["in_transit"]) == (201, 1, -1)


@pytest.mark.req("LED-10")
@pytest.mark.parametrize(
    ("reason", "code", "said"),
    [
        ({}, "invalid_input", "This field is required."),
        ({"reason_code": " "}, "invalid_input", "This field may not be blank."),
        (
            {"reason_code": "because"},
            "refused",
            "No reason code is called because. Known: found, missing, own_use, shrink, theft.",
        ),
    ],
)
def test_an_adjustment_says_why(api: Api, reason: dict[str, str], code: str, said: str):
    before = books()

    answer = api.post("adjustments", {"item": "SOCK", "node": "S1", "quantity": -1, **reason})

    assert refusal(answer) == (422, code, "reason_code", said)
    assert (books(), WorkflowRun.objects.count()) == (before, 0)


@pytest.mark.req("LED-10", "EVT-05")
def test_an_adjustment_told_by_another_system_says_why_too(api: Api):
    before = books()

    answer = api.post("events", event("adjustment.recorded", -1))

    assert refusal(answer, "reason") == (
        422, "invalid_event", "reason", "adjustment.recorded needs reason.", "missing_field",
    )  # fmt: skip
    assert (books(), DeadLetter.objects.get().code) == (before, "missing_field")


@pytest.mark.req("EVT-05", "LED-10")
def test_more_than_a_request_may_be_worth_is_no_request(api: Api):
    item("RING", unit_cost=Decimal("9999999.9999"), supplier=supplier("GEMS"))
    before = books()

    answer = api.post(
        "purchase-requisitions",
        {"item": "RING", "node": "S1", "quantity": 1_000_000_000, "reason": "wedding"},
    )

    assert refusal(answer) == (
        422, "refused", "quantity",
        "1,000,000,000 units of 9,999,999.9999 each are worth more than the 99,999,999,999,999.99 "
        "that one request may be; check the quantity.",
    )  # fmt: skip
    assert (books(), WorkflowRun.objects.count()) == (before, 0)


@pytest.mark.req("EVT-05")
def test_an_event_in_a_locked_period_is_kept_and_changes_nothing(api: Api):
    today = clock.now()
    configure(
        key="period_lock",
        value={"until": (today - timedelta(days=2)).date().isoformat()},
        by=SYSTEM,
    )
    before = books()

    answer = api.post("events", event("sale.recorded", 1, occurred_at=today - timedelta(days=3)))

    assert refusal(answer, "reason") == (
        422, "invalid_event", "occurred_at",
        "It would change stock of a locked period. Move the lock, then retry.", "period_locked",
    )  # fmt: skip
    assert (books(), DeadLetter.objects.get().code) == (before, "period_locked")


@pytest.mark.req("EVT-09")
def test_what_lies_under_a_legal_hold_is_not_replayed(api: Api):
    _, hold = api.post("legal-holds", {"item": "SOCK", "reason": "lawsuit"})
    before = books()

    answer = api.post("replays", {"source": "pos", "reason": "outage"})

    assert refusal(answer, "hold") == (
        409, "legal_hold", None,
        f"Legal hold {hold['id']} covers part of this: lawsuit. Narrow the replay, or have the "
        "hold lifted.", hold["id"],
    )  # fmt: skip
    assert (books(), Replay.objects.count()) == (before, 0)


@pytest.mark.parametrize(
    "kind",
    [
        "sale.recorded",
        "stock.opened",
        "order.created",
        "stock.counted",
        "receipt.recorded",
        "purchase_order.created",
    ],
)
def test_a_trillion_units_told_by_mistake_stop_no_stage(api: Api, kind: str):
    """The largest event there can be, thrice, of something dear."""
    ring, web = item("RING", unit_cost=Decimal(10**7), unit_price=Decimal(10**7)), node("S2")
    at_node(ring, web, reorder_point=10)
    channel("WEB", web)
    told = send(
        *(
            event(
                kind, 10**12, item="RING", node="S2", order="W", line=str(day), document=f"PO-{day}",
                supplier="MILL", occurred_at=clock.now() - timedelta(days=day, minutes=1),
            )
            for day in range(3)
        )
    )  # fmt: skip

    for stage in STAGES:
        run_stage(stage.name)

    assert {str(one.outcome) for one in told} <= {"posted", "noted"}
    assert max([case.at_stake for case in ExceptionCase.objects.all()], default=0) < 10**14
