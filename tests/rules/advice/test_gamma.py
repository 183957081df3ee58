"""The gamma mathematics against scipy as the oracle."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from ai_advice.rules import gamma_cdf, gamma_expected_shortage, gamma_quantile, gamma_sf

SHAPES = np.exp(np.linspace(np.log(0.005), np.log(1e4), 160))
PROBABILITIES = np.array([1e-6, 0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.999, 1 - 1e-6])

pytestmark = pytest.mark.req("AI-07")


def _grid() -> tuple[np.ndarray, np.ndarray]:
    shape, score = np.meshgrid(SHAPES, np.linspace(-6.0, 12.0, 73))
    around = np.maximum(shape + score * np.sqrt(shape), 1e-12)
    tiny = np.exp(score * 4.0 - 24.0)
    return shape, np.where((shape < 1.0) & (score < 0.0), tiny, around)


def test_quantile_agrees_with_scipy() -> None:
    shape, probability = np.meshgrid(SHAPES, PROBABILITIES)
    oracle = np.where(
        probability > 0.5,
        special.gammainccinv(shape, 1.0 - probability),
        special.gammaincinv(shape, probability),
    )
    normal = oracle > 1e-290

    result = gamma_quantile(probability, shape)

    assert np.count_nonzero(normal) > 0.9 * normal.size
    np.testing.assert_allclose(result[normal], oracle[normal], rtol=1e-6)
    assert result[~normal].max() < 1e-280


def test_both_tails_agree_with_scipy() -> None:
    shape, x = _grid()
    lower, upper = special.gammainc(shape, x), special.gammaincc(shape, x)

    cdf, sf = gamma_cdf(x, shape), gamma_sf(x, shape)

    np.testing.assert_allclose(cdf[lower > 1e-290], lower[lower > 1e-290], rtol=1e-6)
    np.testing.assert_allclose(sf[upper > 1e-290], upper[upper > 1e-290], rtol=1e-6)


def test_expected_shortage_is_the_textbook_difference() -> None:
    shape, x = _grid()
    minuend = shape * special.gammaincc(shape + 1.0, x)
    textbook = minuend - x * special.gammaincc(shape, x)
    exact = textbook > 1e-5 * minuend  # below that the oracle itself has cancelled

    result = gamma_expected_shortage(x, shape)

    assert np.count_nonzero(exact) > 0.7 * exact.size
    np.testing.assert_allclose(result[exact], textbook[exact], rtol=1e-6)


@pytest.mark.parametrize(("shape", "x"), [(0.3, 9.0), (4.0, 30.0), (400.0, 560.0)])
def test_expected_shortage_holds_deep_in_the_tail(shape: float, x: float) -> None:
    y = np.linspace(0.0, 40.0 if shape < 100.0 else 160.0, 400_001)
    oracle = float(np.trapezoid(y * stats.gamma.pdf(x + y, shape), y))

    assert float(gamma_expected_shortage(x, shape)) == pytest.approx(oracle, rel=1e-6)


def test_edges_are_exact() -> None:
    assert gamma_cdf([0.0, -1.0], 2.0).tolist() == [0.0, 0.0]
    assert gamma_sf([0.0, -1.0], 2.0).tolist() == [1.0, 1.0]
    assert gamma_quantile(0.0, 2.0).tolist() == 0.0
    assert gamma_expected_shortage([0.0, -3.0], 2.0).tolist() == [2.0, 5.0]


@pytest.mark.parametrize(
    ("case", "probability", "shape", "field"),
    [
        ("certainty", 1.0, 2.0, "probability"),
        ("negative", -0.1, 2.0, "probability"),
        ("no shape", 0.5, 0.0, "shape"),
        ("endless shape", 0.5, float("inf"), "shape"),
    ],
)
def test_impossible_input_is_refused_by_name(
    case: str, probability: float, shape: float, field: str
) -> None:
    with pytest.raises(ValueError, match=field):
        gamma_quantile(probability, shape)


@pytest.mark.parametrize("x", [float("nan"), float("inf")])
def test_x_without_end_or_value_is_refused(x: float) -> None:
    with pytest.raises(ValueError, match="x: give finite"):
        gamma_cdf(x, 2.0)


@pytest.mark.filterwarnings("error:.*:RuntimeWarning")
@pytest.mark.parametrize("shape", [1e-4, 0.005, 1.0, 59.0, 60.0, 1e4, 1e6])
def test_the_ends_of_the_number_range_give_zero_and_one(shape: float) -> None:
    far, near = 1e300, 5e-324

    assert float(gamma_cdf(far, shape)) == 1.0
    assert float(gamma_sf(far, shape)) == 0.0
    assert float(gamma_expected_shortage(far, shape)) == 0.0
    assert float(gamma_cdf(near, shape)) == pytest.approx(special.gammainc(shape, near), rel=1e-6)
    assert float(gamma_expected_shortage(near, shape)) == pytest.approx(shape, rel=1e-6)


@given(
    shape=st.floats(0.005, 1e4), probability=st.floats(0.02, 0.999), other=st.floats(0.02, 0.999)
)
@settings(max_examples=200)
def test_quantile_rises_and_inverts_the_cdf(shape: float, probability: float, other: float) -> None:
    low, high = sorted((probability, other))

    below, above = gamma_quantile([low, high], shape).tolist()

    assert below <= above * (1.0 + 1e-9)
    if below > 1e-290:
        assert float(gamma_cdf(below, shape)) == pytest.approx(low, rel=1e-6)


def test_one_element_does_not_depend_on_its_neighbours() -> None:
    random = np.random.default_rng(7)
    shape = np.exp(random.uniform(np.log(0.005), np.log(1e4), 2_000))
    probability = random.uniform(0.01, 0.999, 2_000)

    together = gamma_quantile(probability, shape)
    alone = np.array([gamma_quantile(p, k) for p, k in zip(probability, shape, strict=True)])

    np.testing.assert_array_max_ulp(together, alone, maxulp=4)


def test_a_hundred_thousand_quantiles_take_about_a_second() -> None:
    random = np.random.default_rng(8)
    shape = np.exp(random.uniform(np.log(0.005), np.log(1e4), 100_000))
    started = time.process_time()

    gamma_quantile(0.95, shape)

    assert time.process_time() - started < 2.0
