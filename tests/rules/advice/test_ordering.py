"""Reorder points, order-up-to levels, packs, deferral and abstention."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ai_advice.rules import (
    Abstained,
    AbstainReason,
    HistoryMinimum,
    OrderAdvice,
    OrderDecision,
    OrderInputs,
    critical_ratio,
    economic_quantity,
    order_advice,
    order_advices,
    reorder_points,
    stockout_risk,
)
from ai_advice.rules.calibration import ServiceTarget

pytestmark = pytest.mark.req("AI-07")

ASKED_95 = ServiceTarget(target=0.95, tau=0.95, n=0, is_remapped=False)


def _inputs(**changes: Any) -> OrderInputs:
    fields: dict[str, Any] = {
        "level": 2.0,
        "cv2": 0.4,
        "lead_time_days": 7.0,
        "lead_time_sd": 3.0,
        "review_days": 3.0,
        "on_hand": 10.0,
        "on_order": 0.0,
        "reserved": 0.0,
        "service": ASKED_95,
        "history_days": 120,
        "nonzero_days": 60,
    }
    return OrderInputs(**(fields | changes))


def _advise(**changes: Any) -> OrderAdvice:
    result = order_advice(_inputs(**changes))
    assert isinstance(result, OrderAdvice)
    return result


def test_every_number_follows_from_the_inputs() -> None:
    demand = stats.gamma(a=400.0 / 196.0, scale=196.0 / 20.0)

    advice = _advise(on_hand=12.0, on_order=4.0, reserved=6.0, economic_quantity=24.0, pack_size=6)

    s = demand.ppf(0.95)
    assert advice.reorder_point == pytest.approx(s, rel=1e-6)
    assert advice.order_quantity == 24.0
    assert advice.order_up_to == pytest.approx(s + 24.0, rel=1e-6)
    assert advice.position == 10.0
    assert (advice.demand_mean, advice.demand_variance) == (20.0, 196.0)
    assert advice.stockout_probability == pytest.approx(demand.sf(10.0), rel=1e-6)
    shortage = demand.expect(lambda x: x - 10.0, lb=10.0)
    assert advice.expected_shortage == pytest.approx(shortage, rel=1e-6)
    assert advice.packs == math.floor((s + 24.0 - 10.0) / 6)
    assert advice.quantity == advice.packs * 6
    assert advice.decision is OrderDecision.ORDER
    assert (advice.service_target, advice.tau) == (0.95, 0.95)


@pytest.mark.parametrize(
    ("case", "changes", "batch"),
    [
        ("one review period", {}, 6.0),
        ("economic quantity", {"economic_quantity": 30.0, "minimum_quantity": 12.0}, 30.0),
        ("minimum order quantity", {"economic_quantity": 8.0, "minimum_quantity": 12.0}, 12.0),
    ],
)
def test_the_batch_is_the_largest_of_three(
    case: str, changes: dict[str, float], batch: float
) -> None:
    assert _advise(**changes).order_quantity == batch


def test_nothing_is_ordered_above_the_reorder_point() -> None:
    point = _advise().reorder_point

    above, at = _advise(on_hand=point + 0.01), _advise(on_hand=point)

    assert (above.decision, above.quantity, above.packs) == (OrderDecision.ENOUGH, 0.0, 0)
    assert at.decision is OrderDecision.ORDER


def test_inbound_stock_counts_and_reserved_stock_does_not() -> None:
    assert _advise(on_hand=10.0, on_order=60.0).decision is OrderDecision.ENOUGH
    assert _advise(on_hand=70.0, reserved=60.0).decision is OrderDecision.ORDER


def test_a_pack_larger_than_the_gap_is_still_ordered() -> None:
    point = _advise().reorder_point

    advice = _advise(on_hand=point, pack_size=100.0)

    assert (advice.packs, advice.quantity) == (1, 100.0)


def test_a_rounding_error_is_no_missing_pack() -> None:
    assert 0.3 / 0.1 < 3.0

    advice = _advise(room=0.3, pack_size=0.1)

    assert advice.packs == 3


def test_below_the_minimum_an_order_waits_until_the_risk_is_high() -> None:
    at_point = _advise().reorder_point
    shared = {"minimum_quantity": 10.0, "pack_size": 6.0}

    calm = _advise(on_hand=at_point, **shared)
    risky = _advise(on_hand=at_point, defer_risk=0.01, **shared)

    assert calm.stockout_probability == pytest.approx(0.05)
    assert (calm.decision, calm.quantity) == (OrderDecision.DEFER_BELOW_MINIMUM, 0.0)
    assert (risky.decision, risky.quantity) == (OrderDecision.ORDER, 12.0)


def test_room_cuts_the_order_to_whole_packs() -> None:
    free, cut, full = _advise(), _advise(room=13.0, pack_size=6.0), _advise(room=0.0)

    assert free.quantity > 13.0
    assert (cut.decision, cut.quantity) == (OrderDecision.ORDER, 12.0)
    assert (full.decision, full.quantity) == (OrderDecision.NO_ROOM, 0.0)


def test_room_below_the_minimum_orders_nothing_even_at_high_risk() -> None:
    advice = _advise(on_hand=0.0, room=8.0, minimum_quantity=20.0)

    assert advice.stockout_probability == 1.0
    assert (advice.decision, advice.quantity) == (OrderDecision.NO_ROOM, 0.0)


@pytest.mark.req("AI-17")
@pytest.mark.parametrize(
    ("history", "sales", "reason"),
    [
        (27, 20, AbstainReason.TOO_FEW_DAYS),
        (200, 5, AbstainReason.TOO_FEW_SALES),
        (0, 0, AbstainReason.TOO_FEW_DAYS),
    ],
)
def test_short_history_abstains_without_a_number(
    history: int, sales: int, reason: AbstainReason
) -> None:
    result = order_advice(_inputs(history_days=history, nonzero_days=sales))

    assert result == Abstained(reason, history, sales, HistoryMinimum(28, 6))


def test_the_minimum_is_a_parameter() -> None:
    inputs = _inputs(history_days=10, nonzero_days=3, minimum=HistoryMinimum(7, 2))

    assert isinstance(order_advice(inputs), OrderAdvice)


@given(
    level=st.floats(0.001, 300.0),
    cv2=st.floats(0.0, 60.0),
    days=st.floats(1.0, 60.0),
    tau=st.floats(0.3, 0.9995),
    first=st.floats(0.0, 60.0),
    second=st.floats(0.0, 60.0),
)
@settings(max_examples=300)
def test_a_less_certain_lead_time_never_lowers_the_reorder_point(
    level: float, cv2: float, days: float, tau: float, first: float, second: float
) -> None:
    calm, wild = sorted((first, second))

    low, high = reorder_points(
        level=level, protection_days=days, cv2=cv2, lead_time_sd=[calm, wild], tau=tau
    ).tolist()

    assert low <= high * (1.0 + 1e-9)


def test_a_less_certain_lead_time_raises_the_reorder_point() -> None:
    points = reorder_points(
        level=2.0, protection_days=10.0, cv2=0.4, lead_time_sd=[0, 1, 2, 4, 8], tau=0.95
    )

    assert np.all(np.diff(points) > 0.1)


@given(
    level=st.floats(0.01, 100.0),
    cv2=st.floats(0.0, 10.0),
    on_hand=st.floats(0.0, 2_000.0),
    more=st.floats(0.0, 2_000.0),
    pack=st.floats(0.1, 48.0),
    minimum=st.floats(0.0, 100.0),
)
@settings(max_examples=200)
def test_more_stock_means_less_risk_and_orders_keep_their_promises(
    level: float, cv2: float, on_hand: float, more: float, pack: float, minimum: float
) -> None:
    shared = {"level": level, "cv2": cv2, "pack_size": pack, "minimum_quantity": minimum}

    before, after = _advise(on_hand=on_hand, **shared), _advise(on_hand=on_hand + more, **shared)

    assert after.stockout_probability <= before.stockout_probability + 1e-12
    assert after.expected_shortage <= before.expected_shortage * (1 + 1e-9) + 1e-12
    assert after.reorder_point == before.reorder_point
    for advice in (before, after):
        assert advice.quantity == advice.packs * pack
        if advice.decision is OrderDecision.ORDER:
            assert advice.position <= advice.reorder_point
            assert advice.quantity >= minimum - 1e-6
            assert advice.position + advice.quantity > advice.reorder_point - 1e-6
        else:
            assert advice.quantity == 0.0


def test_the_reorder_point_serves_planted_demand_as_asked() -> None:
    random = np.random.default_rng(5)
    demand = random.gamma(1.0 / 0.4, 0.4 * 20.0, 40_000)

    advice = _advise(lead_time_sd=0.0)

    assert np.mean(demand <= advice.reorder_point) == pytest.approx(0.95, abs=0.005)


def test_a_remapped_target_moves_the_reorder_point() -> None:
    remapped = ServiceTarget(target=0.95, tau=0.98, n=400, is_remapped=True)

    advice = _advise(service=remapped)

    assert advice.reorder_point > _advise().reorder_point
    assert (advice.service_target, advice.tau) == (0.95, 0.98)


@pytest.mark.req("AI-17")
def test_many_items_answer_as_each_alone_and_repeat_to_the_byte() -> None:
    random = np.random.default_rng(6)
    many = [
        _inputs(level=float(rate), cv2=float(cv2), on_hand=float(held), history_days=int(days))
        for rate, cv2, held, days in zip(
            random.gamma(0.5, 4.0, 300),
            random.gamma(1.0, 1.0, 300),
            random.integers(0, 60, 300),
            random.integers(20, 200, 300),
            strict=True,
        )
    ]

    together = order_advices(many)

    assert repr(together) == repr(order_advices([dataclasses.replace(item) for item in many]))
    assert repr(together) == repr(tuple(order_advice(item) for item in many))
    assert {type(result) for result in together} == {Abstained, OrderAdvice}
    assert order_advices([]) == ()


def test_ten_thousand_items_take_under_two_seconds() -> None:
    many = [_inputs(level=0.01 + row / 500) for row in range(10_000)]
    started = time.process_time()

    order_advices(many)

    assert time.process_time() - started < 2.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("level", -1.0),
        ("cv2", float("nan")),
        ("lead_time_sd", -1.0),
        ("on_hand", float("inf")),
        ("on_order", -1.0),
        ("reserved", -1.0),
        ("pack_size", 0.0),
        ("minimum_quantity", -1.0),
        ("economic_quantity", float("inf")),
        ("room", -1.0),
        ("defer_risk", 2.0),
    ],
)
def test_impossible_inputs_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        order_advice(_inputs(**{field: value}))


def test_stockout_risk_over_a_horizon_agrees_with_scipy() -> None:
    oracle = stats.gamma(a=1.0 / 0.5, scale=0.5 * 28.0)

    risk = stockout_risk(position=20.0, level=2.0, cv2=0.5, days=14.0)

    assert risk.probability == pytest.approx(oracle.sf(20.0), rel=1e-6)
    expected = oracle.expect(lambda x: x - 20.0, lb=20.0)
    assert risk.expected_lost_units == pytest.approx(expected, rel=1e-6)


def test_economic_quantity_and_critical_ratio_are_the_textbook_ones() -> None:
    assert economic_quantity(
        yearly_demand=1_200.0, order_cost=50.0, unit_cost=6.0, holding_rate=0.2
    ) == pytest.approx(316.22776601683796)
    assert critical_ratio(underage_cost=6.0, overage_cost=2.0) == 0.75
    with pytest.raises(ValueError, match="holding_rate"):
        economic_quantity(yearly_demand=1.0, order_cost=1.0, unit_cost=1.0, holding_rate=0.0)
    with pytest.raises(ValueError, match="overage_cost"):
        critical_ratio(underage_cost=6.0, overage_cost=0.0)
