"""Any sequence of events whatever: the books balance, nothing is clamped, every figure adds up."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory_control.availability.rules import available_to_sell, breakdown
from inventory_control.availability.selectors import Figures, LookUp, channel_figures
from inventory_control.availability.services import recalculate_due
from inventory_control.catalog.models import Item
from inventory_control.stock.models import StockBalance
from inventory_control.stock.services import rebuild_balances
from tests.factories import SYSTEM, at_node, channel, event, hour, item, node, send

MOVES = {
    "sale.recorded": ("sellable", "customer"),
    "receipt.recorded": ("supplier", "sellable"),
    "return.received": ("customer", "received"),
    "putaway.recorded": ("received", "sellable"),
    "shipment.dispatched": ("supplier", "in_transit"),
    "transfer.received": ("in_transit", "sellable"),
    "damage.recorded": ("sellable", "damaged"),
    "disposal.recorded": ("damaged", "disposal"),
    "vendor_return.shipped": ("vendor_return", "supplier"),
    "adjustment.recorded": ("adjustment", "sellable"),
}
"""Written down once more, so that a wrong row in the product's table is seen."""
CLAIMS = ("order.created", "allocation.created", "order.shipped", "order.cancelled")
units = st.one_of(st.integers(1, 20), st.just(1_000_000_000_000))
places = st.tuples(st.sampled_from(["SOCK", "HAT"]), st.sampled_from(["S1", "S2"]))


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    """One event of any type that moves, claims or counts, of one of four places."""
    sku, code = draw(places)
    kind = draw(st.sampled_from([*MOVES, *CLAIMS, "transfer.shipped", "stock.counted"]))
    quantity = draw(units)
    extra: dict[str, Any] = {
        "item": sku,
        "node": code,
        "occurred_at": hour(draw(st.integers(0, 48))),
    }
    if kind in CLAIMS:
        extra |= {"order": f"O-{sku}-{code}", "line": str(draw(st.integers(0, 2)))}
    if kind == "adjustment.recorded":
        quantity *= draw(st.sampled_from([1, -1]))
        extra["reason"] = "found"
    if kind == "transfer.shipped":
        extra["to_node"] = "S2" if code == "S1" else "S1"
    if kind == "stock.counted":
        quantity = draw(st.integers(0, 40))
    return event(kind, quantity, **extra)


def signed_sums(sent: list[dict[str, Any]]) -> dict[tuple[str, str, str], int]:
    """What the moves alone come to, per account at a node."""
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for fact in sent:
        kind, quantity = fact["type"], fact["quantity"]
        if kind == "transfer.shipped":
            sums[fact["item"], fact["node"], "sellable"] -= quantity
            sums[fact["item"], fact["to_node"], "in_transit"] += quantity
            continue
        if kind == "order.shipped":
            sums[fact["item"], fact["node"], "sellable"] -= quantity
        for state, sign in zip(MOVES.get(kind, ()), (-1, 1), strict=False):
            sums[fact["item"], fact["node"], state] += sign * quantity
    return sums


@pytest.mark.req("LED-03", "LED-04", "LED-06", "LED-14")
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sequence=st.lists(facts(), min_size=1, max_size=25), size=st.integers(1, 8))
def test_any_sequence_balances_adds_up_and_clamps_nothing(tenant, sequence, size):
    with transaction.atomic():
        stores = [node("S1"), node("S2")]
        for made in (item("SOCK"), item("HAT")):
            at_node(made, stores[0], safety_stock=3)
        channel("WEB", *stores, buffer=2)

        for start in range(0, len(sequence), size):
            answers = send(*sequence[start : start + size])
            assert {str(answer.outcome) for answer in answers} == {"posted"}

        _books_balance()
        _nothing_is_clamped(sequence)
        _figures_add_up()
        transaction.set_rollback(True)


def _books_balance() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT item_id, sum(quantity) FROM stock_ledgerentry GROUP BY item_id")
        assert {total for _, total in cursor.fetchall()} <= {0}
    assert rebuild_balances(by=SYSTEM).difference == 0


def _nothing_is_clamped(sequence: list[dict[str, Any]]) -> None:
    counted = {(f["item"], f["node"]) for f in sequence if f["type"] == "stock.counted"}
    sums = signed_sums(sequence)
    for row in StockBalance.objects.select_related("item", "node"):
        place = (row.item.sku, row.node.code)
        for state in ("received", "sellable", "damaged", "vendor_return", "in_transit"):
            if state != "sellable" or place not in counted:
                assert getattr(row, state) == sums[*place, state], (*place, state)


def _figures_add_up() -> None:
    recalculate_due(by=SYSTEM)
    for one in Item.objects.all():
        (figures,) = Figures([LookUp(one.sku)]).found()
        ats = 0
        for found in figures.nodes:
            assert sum(term.quantity for term in breakdown(found.stock)) == available_to_sell(
                found.stock
            )
            ats += available_to_sell(found.stock)
        for told in channel_figures(one.pk):
            assert told.ats == ats - 2
            assert told.quantity == max(0, told.ats)
