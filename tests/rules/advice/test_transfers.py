"""Transfers: the best donor, its protection, and reasons for every refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ai_advice.rules import (
    Abstained,
    DonorRefusal,
    NodeStock,
    TransferPlan,
    TransferTerms,
    transfer_plan,
)

pytestmark = pytest.mark.req("AI-06")


def _node(node: str, on_hand: float, **changes: Any) -> NodeStock:
    fields: dict[str, Any] = {
        "node": node,
        "on_hand": on_hand,
        "on_order": 0.0,
        "reserved": 0.0,
        "level": 1.0,
        "cv2": 0.0,
        "protection_days": 14.0,
        "history_days": 120,
        "nonzero_days": 60,
    }
    return NodeStock(**(fields | changes))


def _plan(
    receiver: NodeStock, donors: list[NodeStock], needed: float = 15.0, **terms: Any
) -> TransferPlan:
    result = transfer_plan(receiver, donors, needed=needed, terms=TransferTerms(**terms))
    assert isinstance(result, TransferPlan)
    return result


def _poisson_like_shortage(stock: float, mean: float = 14.0) -> float:
    demand = stats.gamma(a=mean, scale=1.0)
    return float(mean * stats.gamma.sf(stock, mean + 1.0) - stock * demand.sf(stock))


def test_low_stock_story_moves_15_and_leaves_the_donor_25() -> None:
    receiver, donor = _node("S5", 4.0), _node("S9", 40.0, own_cover_days=20.0)

    plan = _plan(receiver, [donor], cost_per_unit=0.04, unit_value=4.0)

    (advice,) = plan.advices
    assert (advice.donor, advice.receiver, advice.quantity) == ("S9", "S5", 15.0)
    assert advice.donor_left == 25.0
    assert advice.donor_quantile == pytest.approx(stats.gamma.ppf(0.95, 14.0), rel=1e-6)
    assert advice.donor_kept == advice.donor_quantile
    saved = _poisson_like_shortage(4.0) - _poisson_like_shortage(19.0)
    added = _poisson_like_shortage(25.0) - _poisson_like_shortage(40.0)
    assert advice.gain_units == pytest.approx(saved - added, rel=1e-6)
    assert advice.cost == pytest.approx(0.6)
    assert advice.net_value == pytest.approx(4.0 * advice.gain_units - 0.6)
    assert plan.rejected == ()


def test_in_transit_units_that_cover_the_need_end_with_no_transfer() -> None:
    receiver = _node("S5", 4.0, on_order=20.0)

    plan = _plan(receiver, [_node("S9", 40.0)], needed=19.0 - receiver.position)

    assert (plan.is_needed, plan.needed, plan.advices, plan.rejected) == (False, 0.0, (), ())


def test_no_viable_donor_names_the_reason_of_each() -> None:
    donors = [
        _node("A", 18.0),
        _node("B", 21.0),
        _node("C", 400.0, nonzero_days=2),
        _node("S5", 400.0),
        _node("D", 40.0, reserved=30.0),
        _node("E", 24.0, own_cover_days=30.0),
    ]

    plan = _plan(_node("S5", 4.0), donors, pack_size=2.0)

    assert plan.advices == ()
    assert {refusal.donor: refusal.reason for refusal in plan.rejected} == {
        "A": DonorRefusal.NOTHING_ABOVE_OWN_COVER,
        "B": DonorRefusal.LESS_THAN_A_PACK,
        "C": DonorRefusal.TOO_LITTLE_HISTORY,
        "D": DonorRefusal.NOTHING_ABOVE_OWN_COVER,
        "E": DonorRefusal.NOTHING_ABOVE_OWN_COVER,
        "S5": DonorRefusal.SAME_NODE,
    }
    kept = {refusal.donor: refusal.donor_kept for refusal in plan.rejected}
    assert kept["A"] == pytest.approx(stats.gamma.ppf(0.95, 14.0), rel=1e-6)
    assert (kept["C"], kept["E"]) == (None, 30.0)


def test_a_gain_too_small_and_a_cost_too_high_are_told_apart() -> None:
    donor = _node("S9", 60.0)

    comfortable = _plan(_node("S5", 22.0), [donor])
    costly = _plan(_node("S5", 4.0), [donor], cost_per_transfer=500.0)

    assert comfortable.rejected[0].reason is DonorRefusal.GAIN_TOO_SMALL
    assert 0.0 < comfortable.rejected[0].best_gain_units < 1.0
    assert costly.rejected[0].reason is DonorRefusal.COST_EXCEEDS_GAIN
    assert costly.rejected[0].best_cost == 500.0


def test_planted_best_donor_comes_first_and_ties_rank_by_name() -> None:
    donors = [
        _node("tight", 26.0),
        _node("twin-b", 80.0),
        _node("twin-a", 80.0),
        _node("rich", 300.0, level=0.5),
    ]

    plan = _plan(_node("S5", 0.0), donors, needed=20.0)

    assert [advice.donor for advice in plan.advices] == ["rich", "twin-a", "twin-b", "tight"]
    gains = [advice.gain_units for advice in plan.advices]
    assert gains == sorted(gains, reverse=True)
    assert plan == _plan(_node("S5", 0.0), donors[::-1], needed=20.0)


def test_the_quantity_is_the_best_of_all_whole_packs() -> None:
    receiver = _node("S5", 3.0, level=2.0, cv2=0.5)
    donor = _node("S9", 90.0, level=1.5, cv2=0.6)
    given, wanted = donor.demand(), receiver.demand()

    plan = _plan(receiver, [donor], needed=60.0, pack_size=3.0, cost_per_unit=0.4)

    def net(packs: int) -> float:
        moved = packs * 3.0
        saved = wanted.expected_shortage(3.0) - wanted.expected_shortage(3.0 + moved)
        added = given.expected_shortage(90.0 - moved) - given.expected_shortage(90.0)
        return float((saved - added)[0]) - 0.4 * moved

    kept = plan.advices[0].donor_kept
    allowed = range(1, int(min(90.0 - kept, 60.0) // 3) + 1)
    assert plan.advices[0].packs == max(allowed, key=net)
    assert 1 < plan.advices[0].packs < max(allowed)


def test_units_lost_before_arrival_cannot_be_saved() -> None:
    receiver, donor = _node("S5", 0.0), _node("S9", 80.0)

    at_once, late = _plan(receiver, [donor]), _plan(receiver, [donor], transit_days=7.0)
    never = _plan(receiver, [donor], transit_days=14.0)

    assert at_once.advices[0].gain_units > 12.0
    assert late.advices[0].gain_units == pytest.approx(7.0, abs=0.01)
    assert late.advices[0].quantity < at_once.advices[0].quantity
    assert never.rejected[0].reason is DonorRefusal.GAIN_TOO_SMALL


def test_a_donors_inbound_stock_is_not_given_away() -> None:
    plan = _plan(_node("S5", 4.0), [_node("S9", 15.0, on_order=200.0)])

    assert plan.rejected[0].reason is DonorRefusal.NOTHING_ABOVE_OWN_COVER


@pytest.mark.req("AI-17")
def test_a_receiver_with_short_history_gets_no_number() -> None:
    receiver = _node("S5", 4.0, history_days=10)

    result = transfer_plan(receiver, [_node("S9", 40.0)], needed=15.0, terms=TransferTerms())

    assert isinstance(result, Abstained)


@given(
    stock=st.floats(0.0, 60.0),
    gift=st.floats(0.0, 400.0),
    level=st.floats(0.05, 8.0),
    cv2=st.floats(0.0, 6.0),
    needed=st.floats(0.1, 200.0),
    pack=st.sampled_from([1.0, 4.0, 6.0, 12.0]),
    more=st.floats(0.0, 50.0),
)
@settings(max_examples=150)
def test_donors_keep_their_cover_and_gains_are_real(
    stock: float,
    gift: float,
    level: float,
    cv2: float,
    needed: float,
    pack: float,
    more: float,
) -> None:
    donor = _node("S9", gift, level=level, cv2=cv2, own_cover_days=10.0)

    plan = _plan(_node("S5", stock), [donor], needed=needed, pack_size=pack)
    richer = _plan(_node("S5", stock + more), [donor], needed=needed, pack_size=pack)

    assert len(plan.advices) + len(plan.rejected) == 1
    for advice in plan.advices:
        assert advice.donor_left >= advice.donor_kept - 1e-6
        assert advice.donor_kept >= max(advice.donor_quantile, level * 10.0)
        assert advice.quantity <= needed + 1e-6
        assert advice.quantity == advice.packs * pack
        assert 1.0 <= advice.gain_units <= advice.quantity + 1e-9
        assert advice.added_units >= 0.0
    if richer.advices:
        assert plan.advices[0].gain_units >= richer.advices[0].gain_units - 1e-6


@pytest.mark.req("AI-17")
def test_identical_nodes_give_identical_plans() -> None:
    random = np.random.default_rng(1)
    donors = [_node(f"N{i}", float(h)) for i, h in enumerate(random.integers(10, 90, 20))]

    assert repr(_plan(_node("S5", 2.0), donors)) == repr(_plan(_node("S5", 2.0), donors))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pack_size", 0.0),
        ("unit_value", 0.0),
        ("cost_per_transfer", -1.0),
        ("transit_days", float("inf")),
        ("donor_service", 1.0),
    ],
)
def test_impossible_terms_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        TransferTerms(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("on_hand", float("nan")), ("protection_days", 0.0), ("own_cover_days", -1.0)],
)
def test_impossible_nodes_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        _node("S9", **({"on_hand": 1.0} | {field: value}))
