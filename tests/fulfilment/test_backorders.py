"""Backorders: in turn, exactly once, and never sold from under those who wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from inventory_control.availability.models import Availability
from inventory_control.availability.services import recalculate_due
from inventory_control.core import clock
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.services import queue_backorders, releasing, serve_backorders
from inventory_control.outbox.models import OutboundCommand
from inventory_control.policies.services import set_policy
from inventory_control.stock.selectors import claim_of_line, open_claims_of, positions_of
from inventory_control.stock.services import freeze, rebuild_balances, unfreeze
from tests.factories import SYSTEM, channel, event, item, node, outcomes
from tests.fulfilment.conftest import backordered
from tests.http import Api
from tests.races.test_posting import assert_books_agree, together

Tell = Callable[..., None]


@pytest.fixture
def tent(tenant) -> Any:
    """TENT at DC1, sold on WEB; DC1 needs a day to send an order on."""
    found = item("TENT")
    channel("WEB", node("DC1", ready_hours=24))
    return found


def received(units: int, **fields: Any) -> dict[str, Any]:
    return event("receipt.recorded", units, item="TENT", node="DC1", **fields)


def queue() -> list[Any]:
    """Three who wait: premium 2 of 5 days, 6 of 9 days, 4 of 3 days."""
    now = clock.now()
    return [
        backordered("B1", 2, service="premium", occurred_at=now - timedelta(days=5)),
        backordered("B2", 6, occurred_at=now - timedelta(days=9)),
        backordered("B3", 4, occurred_at=now - timedelta(days=3)),
    ]


def standing() -> dict[str, tuple[str, int]]:
    """Status and allocated units by order."""
    return {one.order: (one.status_value, one.allocated) for one in Backorder.objects.all()}


def position(found: Any) -> tuple[int, int, int]:
    """Sellable and allocated units, and what the web may show."""
    (row,) = positions_of([found.pk]).values()
    return row.sellable, row.allocated, Availability.objects.get().quantity


def messages() -> list[tuple[str, str]]:
    """What was told to other systems: kind and order."""
    found = OutboundCommand.objects.exclude(kind="availability.publish").order_by("id")
    return [(one.kind, one.payload["order"]) for one in found]


@pytest.mark.req("LED-24")
def test_a_receipt_goes_to_premium_then_to_the_oldest_and_what_is_left_is_kept(
    tent: Any, tell: Tell
):
    tell(*queue())
    tell(received(9))

    assert standing() == {"B1": ("allocated", 2), "B2": ("allocated", 6), "B3": ("waiting", 0)}
    assert position(tent) == (9, 9, 0)
    assert messages() == [("order.ready", "B1"), ("order.ready", "B2")]

    tell(received(3))
    assert standing()["B3"] == ("allocated", 4)
    assert position(tent) == (12, 12, 0)
    assert claim_of_line("backorders", "DC1/TENT").open == 0
    assert rebuild_balances(by=SYSTEM).difference == 0


@pytest.mark.req("LED-24")
def test_units_are_kept_again_after_those_kept_before_were_given(tent: Any, tell: Tell):
    tell(*queue())
    tell(received(9))
    tell(received(3))
    tell(backordered("B4", 5))

    for units, kept in ((2, 2), (1, 3)):
        tell(received(units))
        assert claim_of_line("backorders", "DC1/TENT").open == kept
        assert position(tent)[2] == 0

    tell(received(4))
    assert standing()["B4"] == ("allocated", 5)
    assert claim_of_line("backorders", "DC1/TENT").open == 0
    assert position(tent) == (19, 17, 2)


@pytest.mark.req("LED-24")
def test_what_another_worker_gave_meanwhile_is_not_given_again(
    tent: Any, tell: Tell, monkeypatch: pytest.MonkeyPatch
):
    tell(*queue())
    tell(received(9))
    before = open_claims_of("backorders")
    tell(received(3))
    tell(backordered("B4", 1))
    monkeypatch.setattr(releasing, "open_claims_of", lambda _order: before)

    serve_backorders(before, by=SYSTEM)

    assert standing()["B4"] == ("waiting", 0)
    assert position(tent) == (12, 12, 0)


@pytest.mark.req("LED-24", "EVT-07")
def test_a_receipt_told_again_serves_and_tells_nobody_twice(tent: Any, tell: Tell):
    body = received(9)
    tell(*queue())
    tell(body)
    before = (standing(), position(tent), messages())

    tell(body)
    serve_backorders([(tent.pk, Backorder.objects.first().node_id)], by=SYSTEM)

    assert (standing(), position(tent), messages()) == before


@pytest.mark.req("LED-24")
def test_who_comes_after_the_stock_is_served_from_it_too(tent: Any, tell: Tell):
    tell(received(9))
    assert position(tent) == (9, 0, 9)

    tell(*queue())

    assert standing() == {"B1": ("allocated", 2), "B2": ("allocated", 6), "B3": ("waiting", 0)}
    assert position(tent) == (9, 9, 0)


@pytest.mark.req("LED-24")
def test_thirty_units_go_to_thirty_who_wait_and_the_rest_may_be_sold(tent: Any, tell: Tell):
    now = clock.now()
    tell(*(backordered(f"N{n:02d}", 1, occurred_at=now - timedelta(hours=n)) for n in range(40)))

    tell(received(30))

    served = {order for order, (status, _) in standing().items() if status == "allocated"}
    assert served == {f"N{n:02d}" for n in range(10, 40)}
    tell(received(15))
    assert (len([1 for status, _ in standing().values() if status == "allocated"])) == 40
    assert position(tent) == (45, 40, 5)


@pytest.mark.req("LED-24")
def test_a_cancelled_backorder_leaves_the_queue_and_frees_what_was_kept(tent: Any, tell: Tell):
    tell(*queue())
    tell(received(9))

    tell(event("order.cancelled", 4, item="TENT", node="DC1", order="B3", line="1"))

    assert standing()["B3"] == ("cancelled", 0)
    assert position(tent) == (9, 8, 1)


@pytest.mark.req("LED-24")
def test_units_kept_where_nobody_waits_any_more_are_sold(tent: Any, tell: Tell):
    tell(received(9))

    tell(
        event("allocation.created", 4, item="TENT", node="DC1", order="backorders", line="DC1/TENT")
    )

    assert claim_of_line("backorders", "DC1/TENT").open == 0
    assert position(tent) == (9, 0, 9)


@pytest.mark.req("LED-24")
def test_a_part_that_was_cancelled_before_is_not_allocated(tent: Any, tell: Tell):
    tell(backordered("B1", 6))
    tell(event("order.cancelled", 2, item="TENT", node="DC1", order="B1", line="1"))

    tell(received(9))

    claim = claim_of_line("B1", "1")
    assert (claim.open, claim.assigned, standing()["B1"][0]) == (4, 4, "allocated")
    assert position(tent) == (9, 4, 5)


@pytest.mark.req("LED-24", "LED-18")
def test_a_correction_changes_what_waits(tent: Any, tell: Tell):
    body = backordered("B1", 60, source="oms")
    tell(body)
    corrected = event(
        "event.corrected", 6, item=None, node=None, reason="mistyped",
        corrects={"source": "oms", "source_id": body["source_id"]},
    )  # fmt: skip

    tell(corrected)
    tell(received(9))

    assert Backorder.objects.get().quantity == 6
    assert standing() == {"B1": ("allocated", 6)}
    assert position(tent) == (9, 6, 3)


@pytest.mark.req("LED-24", "LED-21")
def test_nobody_is_served_from_a_frozen_place_and_all_are_when_it_thaws(tent: Any, tell: Tell):
    tell(*queue())
    hold = freeze(sku="TENT", node="DC1", reason="recall", by=SYSTEM)
    tell(received(9))
    assert standing()["B1"] == ("waiting", 0)

    unfreeze(hold, reason="cleared", by=SYSTEM)
    tell()

    assert standing()["B1"] == ("allocated", 2)
    assert position(tent) == (9, 9, 0)


@pytest.mark.req("LED-24")
def test_a_policy_may_sell_what_is_left(tent: Any, tell: Tell):
    set_policy(
        key="backorders",
        value={"order_by": ["age"], "takes_part": False, "keeps_remainder": False, "tell": []},
        by=SYSTEM,
    )
    tell(*queue())
    tell(received(9))

    assert position(tent) == (9, 8, 1)
    assert messages() == []


@pytest.mark.req("LED-28")
def test_a_delay_of_what_is_coming_moves_the_promise_and_says_so_once(tent: Any, tell: Tell):
    now = clock.now().replace(microsecond=0)
    bought = {"item": "TENT", "node": "DC1", "document": "PO-7"}
    tell(*queue())
    tell(received(9))
    tell(event("purchase_order.created", 3, due_at=now + timedelta(days=4), **bought))

    row = Backorder.objects.get(order="B3")
    assert row.promise_at == now + timedelta(days=5)
    tell(event("purchase_order.changed", document="PO-7", due_at=now + timedelta(days=9),
               item=None, node=None))  # fmt: skip
    tell()

    row.refresh_from_db()
    assert (row.promise_at, row.promises) == (now + timedelta(days=10), 2)
    told = list(OutboundCommand.objects.filter(kind="order.promise_changed").order_by("id"))
    assert [one.payload["promise_at"] for one in told] == [
        (now + timedelta(days=5)).isoformat(), (now + timedelta(days=10)).isoformat(),
    ]  # fmt: skip
    assert told[1].payload["was"] == told[0].payload["promise_at"]


@pytest.mark.req("LED-24")
def test_backorders_are_listed_for_those_who_may_read_them(tent: Any, tell: Tell):
    tell(*queue())
    tell(received(9))
    api = Api("fulfilment.read")

    rows = api.get("backorders?item=TENT&status=waiting")[1]["results"]

    assert [(row["order"], row["quantity"], row["service"]) for row in rows] == [
        ("B3", 4, "standard")
    ]
    assert Api("stock.read", name="other").get("backorders")[0] == 403


@pytest.mark.req("LED-24", "LED-08")
def test_two_workers_serve_everybody_once(committed):
    found = item("TENT")
    channel("WEB", node("DC1"))
    outcomes(*(backordered(f"N{n}", 1) for n in range(30)))
    queue_backorders(by=SYSTEM)
    outcomes(*(received(1) for _ in range(20)))
    place = [(found.pk, Backorder.objects.first().node_id)]

    together(
        committed,
        lambda: recalculate_due(by=SYSTEM),
        lambda: serve_backorders(place, by=SYSTEM),
        lambda: outcomes(*(received(1) for _ in range(5))),
        lambda: recalculate_due(by=SYSTEM),
    )
    recalculate_due(by=SYSTEM)

    assert sum(units for _, units in standing().values()) == 25
    assert position(found) == (25, 25, 0)
    assert_books_agree()
