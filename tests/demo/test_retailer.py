"""Properties of the made-up retailer, for any seed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_control.demo.retailer import (
    DAYS,
    HISTORY_DAYS,
    ITEMS,
    LINES,
    STORES,
    generated,
    neighbour,
)
from inventory_control.demo.script import SOURCE, Demand, Fact, Return, Reversal
from inventory_control.events.rules import fault_of
from inventory_control.events.values import CanonicalEventV1

SEEDS = st.integers(min_value=0, max_value=2**31)


def keys_of(script) -> list[str]:
    found = []
    for stretch in script.stretches:
        for entry in stretch.entries:
            if isinstance(entry, Demand | Return | Reversal):
                found.append(entry.key)
            elif entry.body["source"] == SOURCE and entry.body["type"] != "stock.opened":
                found.append(entry.body["source_id"])
    return found


@settings(max_examples=6)
@given(seed=SEEDS)
def test_the_same_seed_gives_the_same_retailer(seed):
    assert generated(seed) == generated(seed)


@settings(max_examples=6)
@given(seed=SEEDS)
def test_every_row_has_one_key_and_is_counted(seed):
    script = generated(seed)

    keys = keys_of(script)

    assert len(keys) == len(set(keys)) == script.rows
    assert LINES <= script.rows <= LINES * 1.1


@settings(max_examples=6)
@given(seed=SEEDS)
def test_entries_lie_inside_their_stretch_and_stretches_follow_each_other(seed):
    stretches = generated(seed).stretches

    assert len(stretches) == 1 + DAYS - HISTORY_DAYS
    for before, after in pairwise(stretches):
        assert before.ends_at == after.starts_at
    for stretch in stretches:
        for entry in stretch.entries:
            at = entry.body["occurred_at"] if isinstance(entry, Fact) else entry.occurred_at
            assert stretch.starts_at <= at <= stretch.ends_at


@settings(max_examples=6)
@given(seed=SEEDS)
def test_demand_has_a_heavy_tail_and_stores_rest_on_sundays(seed):
    demands = [
        entry
        for stretch in generated(seed).stretches
        for entry in stretch.entries
        if isinstance(entry, Demand)
    ]

    units = Counter()
    for demand in demands:
        units[demand.item] += demand.quantity
    top = sum(count for _, count in units.most_common(ITEMS // 5))
    assert top > 0.4 * sum(units.values())
    assert not [one for one in demands if one.node in STORES and one.occurred_at.weekday() == 6]


def test_six_incidents_are_planted():
    planted = Counter(
        entry.body["type"]
        for stretch in generated(7).stretches
        for entry in stretch.entries
        if isinstance(entry, Fact) and str(entry.body["source_id"]).startswith("incident-")
    )

    assert planted == {
        "pick.failed": 3,
        "stock.counted": 2,
        "purchase_order.created": 1,
        "asn.created": 1,
        "asn.updated": 1,
        "receipt.recorded": 1,
        "order.created": 1,
        "order.cancelled": 1,
        "return.received": 1,
        "return.inspected": 1,
        "promotion.changed": 12,
    }


def test_the_product_finds_no_fault_in_what_is_planted():
    planted = [
        (stretch, msgspec.convert(msgspec.to_builtins(entry.body), CanonicalEventV1))
        for stretch in generated(7).stretches
        for entry in stretch.entries
        if isinstance(entry, Fact) and str(entry.body["source_id"]).startswith("incident-")
    ]

    found = {event.source_id: fault_of(event, now=stretch.ends_at) for stretch, event in planted}

    assert {name: fault for name, fault in found.items() if fault} == {}


@settings(max_examples=4)
@given(seed=SEEDS)
def test_the_neighbour_ends_at_its_moment_and_names_only_what_it_has(seed):
    until = datetime(2027, 1, 4, tzinfo=UTC)

    catalog, facts = neighbour(seed, until)

    assert {fact["item"] for fact in facts} <= {item["sku"] for item in catalog.items}
    assert until - timedelta(days=HISTORY_DAYS) <= min(fact["occurred_at"] for fact in facts)
    assert until - timedelta(days=2) < max(fact["occurred_at"] for fact in facts) <= until
    assert not any("channel" in fact for fact in facts)
    assert len({(fact["source"], fact["source_id"]) for fact in facts}) == len(facts)
