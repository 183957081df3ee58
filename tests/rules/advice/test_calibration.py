"""Service targets and confidences corrected by outcomes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from ai_advice.rules import (
    UNCALIBRATED,
    Calibration,
    calibrated_confidence,
    fit_calibration,
    isotonic,
    lead_time_demand,
    reliability,
    remap_service_target,
)

pytestmark = pytest.mark.req("AI-17")


def _overconfident(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Raw probabilities whose true chance is their square."""
    random = np.random.default_rng(seed)
    raw = random.random(n)
    return raw, (random.random(n) < raw**2).astype(float)


@given(
    pairs=st.lists(st.tuples(st.floats(-50.0, 50.0), st.floats(0.1, 10.0)), min_size=1, max_size=60)
)
@settings(max_examples=150)
def test_isotonic_agrees_with_scipy(pairs: list[tuple[float, float]]) -> None:
    values, weights = (np.array(column) for column in zip(*pairs, strict=True))
    oracle = optimize.isotonic_regression(values, weights=weights).x

    np.testing.assert_allclose(isotonic(values, weights), oracle, rtol=1e-9, atol=1e-9)


def test_isotonic_refuses_a_weight_of_zero() -> None:
    with pytest.raises(ValueError, match="weights"):
        isotonic([1.0, 2.0], [1.0, 0.0])


def test_planted_overconfidence_is_taken_out() -> None:
    raw, outcomes = _overconfident(4_000)
    later, later_outcomes = _overconfident(4_000, seed=2)

    curve = fit_calibration(raw, outcomes)

    assert (curve.n, curve.is_calibrated) == (4_000, True)
    assert reliability(later, later_outcomes).error > 0.14
    assert reliability(curve.apply(later), later_outcomes).error < 0.03
    assert float(curve.apply(0.5)) == pytest.approx(0.25, abs=0.05)


def test_shuffled_outcomes_teach_only_the_base_rate() -> None:
    raw, outcomes = _overconfident(4_000)
    shuffled = np.random.default_rng(3).permutation(outcomes)

    curve = fit_calibration(raw, shuffled)

    middle = curve.apply([0.2, 0.5, 0.8])
    np.testing.assert_allclose(middle, outcomes.mean(), atol=0.08)


@given(raw=st.lists(st.floats(0.0, 1.0), min_size=50, max_size=120), seed=st.integers(0, 999))
@settings(max_examples=80)
def test_the_curve_rises_and_never_claims_certainty(raw: list[float], seed: int) -> None:
    outcomes = np.random.default_rng(seed).integers(0, 2, len(raw))

    curve = fit_calibration(raw, outcomes)

    shown = curve.apply(np.linspace(0.0, 1.0, 201))
    margin = 1.0 / (len(raw) + 2)
    assert np.all(np.diff(shown) >= -1e-12)
    assert shown.min() >= margin - 1e-12
    assert shown.max() <= 1.0 - margin + 1e-12


def test_equal_raw_values_share_one_knot() -> None:
    curve = fit_calibration([0.4] * 60, [1.0] * 15 + [0.0] * 45)

    assert curve.knots == ((0.4, 0.25),)
    assert curve.apply([0.0, 0.9]).tolist() == [0.25, 0.25]


def test_too_few_outcomes_leave_the_raw_value_and_say_so() -> None:
    raw, outcomes = _overconfident(49)

    curve = fit_calibration(raw, outcomes)
    shown = calibrated_confidence(0.8, own=curve)

    assert (curve.n, curve.is_calibrated) == (49, False)
    assert (shown.probability, shown.is_calibrated, shown.own_n) == (0.8, False, 49)
    assert calibrated_confidence(0.8).is_calibrated is False


def test_trust_moves_from_the_pooled_to_the_own_curve_until_200_outcomes() -> None:
    pooled = Calibration(n=5_000, knots=((0.5, 0.2),))

    shown = {
        n: calibrated_confidence(0.5, own=Calibration(n, ((0.5, 0.6),)), pooled=pooled)
        for n in (100, 199, 200, 900)
    }

    assert shown[100].probability == pytest.approx(0.4)
    assert shown[199].own_weight == pytest.approx(0.995)
    assert shown[200].probability == shown[900].probability == 0.6
    assert (shown[200].own_n, shown[200].pooled_n) == (200, 5_000)


def test_without_an_own_curve_the_pooled_one_stands_alone() -> None:
    pooled = Calibration(n=5_000, knots=((0.5, 0.2),))

    shown = calibrated_confidence(0.5, own=Calibration(n=30), pooled=pooled)

    assert (shown.probability, shown.own_weight, shown.is_calibrated) == (0.2, 0.0, True)


def test_without_a_pooled_curve_the_own_one_is_not_mixed_with_raw_claims() -> None:
    own = Calibration(n=80, knots=((0.5, 0.6),))

    shown = calibrated_confidence(0.5, own=own, pooled=UNCALIBRATED)

    assert (shown.probability, shown.own_weight, shown.is_calibrated) == (0.6, 1.0, True)


def test_calibration_error_is_the_weighted_gap_over_ten_bins() -> None:
    result = reliability([0.05, 0.15, 0.15, 1.0], [0, 1, 0, 1])

    assert result.n == 4
    assert result.error == pytest.approx((0.05 + abs(0.30 - 1.0)) / 4)
    assert [(b.low, b.n, b.came_true) for b in result.bins] == [
        (0.0, 1, 0.0),
        (0.1, 2, 0.5),
        (0.9, 1, 1.0),
    ]


def test_calibration_error_of_nothing_is_no_number() -> None:
    result = reliability([], [])

    assert np.isnan(result.error)
    assert (result.n, result.bins) == (0, ())


@pytest.mark.parametrize(
    ("case", "raw", "outcomes", "field"),
    [
        ("over one", [1.2], [1], "raw"),
        ("not a number", [float("nan")], [1], "raw"),
        ("half an outcome", [0.2], [0.5], "outcomes"),
        ("one missing", [0.2, 0.3], [1], "outcomes"),
    ],
)
def test_bad_outcomes_are_refused_by_name(
    case: str, raw: list[float], outcomes: list[float], field: str
) -> None:
    with pytest.raises(ValueError, match=field):
        fit_calibration(raw, outcomes)


@pytest.mark.req("AI-07")
def test_an_honest_forecast_keeps_its_target() -> None:
    realised = (np.arange(1_000) + 0.5) / 1_000

    result = remap_service_target(0.95, realised)

    assert result.tau == pytest.approx(0.95, abs=0.002)
    assert (result.n, result.is_remapped) == (1_000, True)


@pytest.mark.req("AI-07")
def test_an_understated_spread_is_corrected_to_the_target() -> None:
    random = np.random.default_rng(4)
    believed = lead_time_demand(level=np.ones(3_000), protection_days=10.0, cv2=0.2)
    past, future = random.gamma(1.0, 10.0, 3_000), random.gamma(1.0, 10.0, 20_000)

    result = remap_service_target(0.95, believed.cdf(past))

    def service(tau: float) -> float:
        return float(np.mean(future <= believed.quantile(tau)[0]))

    assert service(0.95) < 0.9
    assert service(result.tau) == pytest.approx(0.95, abs=0.015)


@pytest.mark.req("AI-07")
def test_tau_is_the_split_conformal_order_statistic() -> None:
    realised = np.linspace(0.01, 0.99, 99)

    result = remap_service_target(0.9, realised[::-1])

    assert result.tau == pytest.approx(realised[89])


@pytest.mark.req("AI-07")
@pytest.mark.parametrize(
    ("case", "target", "outcomes", "n"),
    [
        ("no outcome", 0.95, [], 0),
        ("one below the minimum", 0.95, [0.99] * 49, 49),
        ("target finer than the outcomes", 0.995, [0.5] * 100, 100),
        ("windows out of stock do not count", 0.9, [0.99] * 40 + [float("nan")] * 60, 40),
    ],
)
def test_too_few_outcomes_leave_the_target(
    case: str, target: float, outcomes: list[float], n: int
) -> None:
    result = remap_service_target(target, outcomes)

    assert (result.tau, result.is_remapped, result.n) == (target, False, n)


@pytest.mark.req("AI-07")
def test_tau_never_asks_for_endless_stock() -> None:
    assert remap_service_target(0.95, [1.0] * 500).tau == 0.9995


@pytest.mark.req("AI-07")
@pytest.mark.parametrize(("target", "outcomes"), [(0.0, [0.5]), (1.0, [0.5]), (0.9, [1.5])])
def test_impossible_targets_and_outcomes_are_refused(target: float, outcomes: list[float]) -> None:
    with pytest.raises(ValueError, match="give"):
        remap_service_target(target, outcomes)


def test_identical_outcomes_give_identical_curves() -> None:
    raw, outcomes = _overconfident(2_000)

    assert repr(fit_calibration(raw, outcomes)) == repr(fit_calibration(raw.copy(), outcomes))
