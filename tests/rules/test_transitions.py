"""Every pair of accounts, for every type: what may move where, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from inventory_control.core.errors import DomainError
from inventory_control.events.rules import EVENT_TYPES
from inventory_control.events.values import CanonicalEventV1, EventDraft
from inventory_control.stock.rules import MOVES, entries_for
from inventory_control.stock.states import Outside, State

ACCOUNTS = [str(one) for one in (*State, *Outside)]
APART = {"received", "quarantined", "sellable"}
INSPECTED = {
    "received": {"sellable", "quarantined", "refurbishable", "damaged", "vendor_return"},
    "quarantined": {"sellable", "refurbishable", "damaged", "vendor_return"},
    "refurbishable": {"sellable", "damaged"},
    "damaged": {"quarantined", "vendor_return"},
}


def pairs(sources: set[str], targets: set[str]) -> set[tuple[str, str]]:
    return {(source, target) for source in sources for target in targets}


INSPECTIONS = {(source, target) for source, reached in INSPECTED.items() for target in reached}
LAWFUL: dict[str, set[tuple[str, str]]] = {
    "sale.recorded": {("sellable", "customer")},
    "order.shipped": {("sellable", "customer")},
    "return.received": pairs({"customer"}, {"received", "quarantined"}),
    "return.inspected": INSPECTIONS,
    "receipt.recorded": pairs({"supplier", "in_transit"}, APART),
    "receipt.inspected": {pair for pair in INSPECTIONS if pair[0] in {"received", "quarantined"}},
    "putaway.recorded": pairs({"received", "quarantined"}, {"sellable"}),
    "asn.created": {("supplier", "in_transit")},
    "shipment.dispatched": {("supplier", "in_transit")},
    "transfer.shipped": {("sellable", "in_transit")},
    "transfer.received": pairs({"in_transit"}, APART),
    "transfer.returned": {("in_transit", "sellable")},
    "transfer.written_off": {("in_transit", "adjustment")},
    "damage.recorded": pairs({"sellable", "received", "refurbishable"}, {"damaged"}),
    "disposal.recorded": pairs({"damaged", "quarantined", "refurbishable"}, {"disposal"}),
    "vendor_return.shipped": {("vendor_return", "supplier")},
    "adjustment.recorded": pairs(
        {"adjustment"},
        {"received", "quarantined", "sellable", "refurbishable", "damaged", "vendor_return"},
    ),
}
"""The transition table in words of its own, written down once more so that a slip in one shows."""


def moved(event_type: str, source: str, target: str) -> tuple[str, str] | None:
    """The way stock goes when an event names both accounts where it may; None when refused."""
    usual = MOVES[event_type]
    event = CanonicalEventV1(
        type=event_type,
        source_id="e",
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        quantity=3,
        from_state=None if source == usual[0] else source,
        to_state=None if target == usual[1] else target,
        attributes={"dispatched": True},
    )
    draft = EventDraft(
        event=event, kind=EVENT_TYPES[event_type].kind, source="s", item_id=1, node_id=2,
        to_node_id=3, details=b"{}", raw=msgspec.json.encode(event), content=b"",
        received_from="s", correlation_id="c",
    )  # fmt: skip
    try:
        legs = entries_for(draft)
    except DomainError:
        return None
    assert sum(leg.quantity for leg in legs) == 0
    return legs[0].state, legs[1].state


@pytest.mark.req("LED-03")
def test_the_table_names_every_type_that_moves():
    assert LAWFUL.keys() == MOVES.keys()
    moving = {name for name, rule in EVENT_TYPES.items() if rule.kind == "move"}
    assert moving == MOVES.keys() - {"asn.created"}


@pytest.mark.req("LED-03")
@pytest.mark.parametrize("event_type", sorted(MOVES))
def test_stock_goes_along_lawful_pairs_and_no_other(event_type: str):
    went = {
        (source, target)
        for source in ACCOUNTS
        for target in ACCOUNTS
        if moved(event_type, source, target) == (source, target)
    }

    assert went == LAWFUL[event_type]


@pytest.mark.req("LED-03", "LED-05")
def test_damaged_goods_reach_sellable_only_by_way_of_quarantine():
    assert moved("return.inspected", "damaged", "sellable") is None
    assert moved("receipt.inspected", "damaged", "sellable") is None
    assert moved("return.inspected", "damaged", "quarantined") == ("damaged", "quarantined")
    assert moved("return.inspected", "quarantined", "sellable") == ("quarantined", "sellable")


@pytest.mark.req("LED-17")
@pytest.mark.parametrize("attributes", [None, {}, {"dispatched": False}, {"dispatched": 1}])
def test_a_notice_that_does_not_say_the_goods_have_left_moves_nothing(attributes):
    event = CanonicalEventV1(
        type="asn.created",
        source_id="e",
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        quantity=3,
        attributes=attributes,
    )
    draft = EventDraft(
        event=event, kind="expect", source="s", item_id=1, node_id=2, to_node_id=None,
        details=b"{}", raw=b"", content=b"", received_from="s", correlation_id="c",
    )  # fmt: skip

    assert entries_for(draft) == ()
