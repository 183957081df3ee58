"""Levels, weekday profiles, window spread and lead-time demand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ai_advice.rules import (
    FORECASTING,
    ORDERING,
    LevelSettings,
    backtest,
    demand_forecast,
    demand_level,
    demand_levels,
    lead_time_demand,
    pooled_weekday_profile,
    spread_over,
    window_spread,
)

pytestmark = pytest.mark.req("AI-02")

WEEK = np.arange(7)
PLANTED = np.array([0.6, 0.7, 0.8, 0.9, 1.2, 1.6, 1.2])


def _planted(items: int, weeks: int, level: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    weekdays = np.tile(WEEK, weeks)
    random = np.random.default_rng(seed)
    return random.poisson(level * PLANTED[weekdays], (items, weekdays.size)), weekdays


def test_a_constant_series_has_its_own_value_as_level() -> None:
    result = demand_level([3.0] * 28, [True] * 28, np.tile(WEEK, 4))

    assert result.level == pytest.approx(3.0, rel=1e-12)
    assert result.profile == pytest.approx((1.0,) * 7, rel=1e-12)
    assert (result.history_days, result.nonzero_days) == (28, 28)


def test_the_level_is_the_exponentially_weighted_mean_of_in_stock_days() -> None:
    units = np.array([2.0, 4.0, 0.0, 6.0])
    in_stock = np.array([True, True, False, True])
    weights = 0.95 ** np.array([3.0, 2.0, 1.0, 0.0]) * in_stock

    result = demand_levels(
        units[None], in_stock[None], [0, 0, 0, 0], settings=LevelSettings(0.05, 100.0)
    )

    assert float(result.level[0]) == pytest.approx(float(weights @ units / weights.sum()))
    assert (int(result.history_days[0]), int(result.nonzero_days[0])) == (3, 3)


def test_planted_level_and_weekday_profile_are_found() -> None:
    units, weekdays = _planted(items=40, weeks=40, level=20.0)

    result = demand_levels(units, np.ones_like(units, bool), weekdays, settings=ORDERING)

    np.testing.assert_allclose(result.level.mean(), 20.0, rtol=0.02)
    np.testing.assert_allclose(result.profile.mean(axis=0), PLANTED, atol=0.03)


def test_stockout_days_do_not_teach_low_demand() -> None:
    units, weekdays = _planted(items=20, weeks=20, level=10.0)
    in_stock = np.ones_like(units, bool)
    in_stock[:, -30:] = False
    sold = np.where(in_stock, units, 0)

    masked = demand_levels(sold, in_stock, weekdays, settings=ORDERING)
    believed = demand_levels(sold, np.ones_like(in_stock), weekdays, settings=ORDERING)

    np.testing.assert_allclose(masked.level.mean(), 10.0, rtol=0.05)
    assert believed.level.mean() < 6.0
    assert masked.history_days.tolist() == [110] * 20


def test_values_on_masked_days_change_nothing() -> None:
    units, weekdays = _planted(items=3, weeks=8, level=5.0)
    in_stock = np.ones_like(units, bool)
    in_stock[:, 10:20] = False
    garbled = np.where(in_stock, units, 9_999)

    first = demand_levels(units, in_stock, weekdays)
    second = demand_levels(garbled, in_stock, weekdays)

    assert first.level.tobytes() == second.level.tobytes()
    assert first.profile.tobytes() == second.profile.tobytes()


def test_a_bulk_day_is_cut_at_the_cap_of_the_settings() -> None:
    units = np.full((1, 200), 10.0)
    units[0, 199] = 5_000.0
    percentile = np.percentile(units, 98)
    in_stock, weekdays = np.ones((1, 200), bool), np.zeros(200, int)

    forecasting = demand_levels(units, in_stock, weekdays, settings=FORECASTING)
    ordering = demand_levels(units, in_stock, weekdays, settings=ORDERING)

    assert percentile == 10.0
    assert float(forecasting.level[0]) == pytest.approx(10.0)
    share = 1.0 / ((1.0 - 0.97**200) / 0.03)
    assert float(ordering.level[0]) == pytest.approx(10.0 + 5.0 * share)


def test_own_profile_counts_by_its_non_zero_days() -> None:
    weekdays = np.tile(WEEK, 20)
    units = np.where(weekdays == 5, 7.0, 0.0)[None]

    result = demand_levels(units, np.ones((1, 140), bool), weekdays, pooled_profile=np.ones(7))

    weight = 20 / (20 + 60)
    assert result.profile[0, 5] == pytest.approx(weight * 7.0 + (1 - weight))
    assert result.profile[0, 0] == pytest.approx(1 - weight)


def test_blocks_with_the_pooled_profile_equal_the_whole() -> None:
    units, weekdays = _planted(items=30, weeks=10, level=2.0)
    in_stock = np.ones_like(units, bool)
    pooled = pooled_weekday_profile(units, in_stock, weekdays)

    whole = demand_levels(units, in_stock, weekdays)
    blocks = [
        demand_levels(units[i : i + 7], in_stock[i : i + 7], weekdays, pooled_profile=pooled)
        for i in range(0, 30, 7)
    ]

    assert np.concatenate([b.level for b in blocks]).tobytes() == whole.level.tobytes()


def test_shuffled_days_give_another_answer() -> None:
    units, weekdays = _planted(items=5, weeks=20, level=8.0)
    in_stock = np.ones_like(units, bool)
    shuffled = np.random.default_rng(2).permutation(units, axis=1)

    told = demand_levels(units, in_stock, weekdays)
    scrambled = demand_levels(shuffled, in_stock, weekdays)

    assert np.all(np.abs(told.level - scrambled.level) > 1e-6)
    assert told.profile[:, 5].min() > 1.1
    assert scrambled.profile[:, 5].max() < told.profile[:, 5].min()


def test_identical_inputs_give_identical_bytes() -> None:
    units, weekdays = _planted(items=50, weeks=20, level=1.0)
    in_stock = np.random.default_rng(3).random(units.shape) > 0.1

    runs = [
        (
            demand_levels(units.copy(), in_stock.copy(), weekdays, settings=ORDERING),
            window_spread(units.copy(), in_stock.copy(), 7),
        )
        for _ in range(2)
    ]

    assert runs[0][0].level.tobytes() == runs[1][0].level.tobytes()
    assert runs[0][0].profile.tobytes() == runs[1][0].profile.tobytes()
    assert runs[0][1].cv2.tobytes() == runs[1][1].cv2.tobytes()


def test_no_history_gives_level_zero_and_says_zero_days() -> None:
    result = demand_levels(np.ones((1, 7)), np.zeros((1, 7), bool), WEEK)

    assert result.level.tolist() == [0.0]
    assert (result.history_days.tolist(), result.nonzero_days.tolist()) == ([0], [0])


@pytest.mark.parametrize(
    ("case", "units", "in_stock", "weekdays", "field"),
    [
        ("mask of another shape", [[1.0, 2.0]], [[True]], [0, 1], "in_stock"),
        ("a weekday short", [[1.0, 2.0]], [[True, True]], [0], "weekdays"),
        ("weekday 7", [[1.0, 2.0]], [[True, True]], [0, 7], "weekdays"),
        ("negative units", [[1.0, -2.0]], [[True, True]], [0, 1], "units"),
        ("missing units", [[1.0, float("nan")]], [[True, True]], [0, 1], "units"),
    ],
)
def test_bad_history_is_refused_by_name(
    case: str, units: object, in_stock: object, weekdays: object, field: str
) -> None:
    with pytest.raises(ValueError, match=field):
        demand_levels(units, in_stock, weekdays)  # type: ignore[arg-type]


def test_window_spread_matches_the_sums_it_is_named_after() -> None:
    random = np.random.default_rng(4)
    units = random.negative_binomial(1, 0.3, (6, 90)).astype(float)
    in_stock = np.ones_like(units, bool)
    in_stock[2, 40:45] = False

    result = window_spread(units, in_stock, [7, 7, 7, 13.2, 14, 90])

    for row, length in ((0, 7), (2, 7), (3, 14), (4, 14)):
        sums = [
            units[row, i : i + length].sum()
            for i in range(91 - length)
            if in_stock[row, i : i + length].all()
        ]
        assert int(result.windows[row]) == len(sums)
        expected = np.var(sums, ddof=1) / np.mean(sums) ** 2
        assert float(result.cv2[row]) == pytest.approx(expected)
    assert np.isnan(result.cv2[5])


def test_spread_is_seventy_percent_own_and_pooled_where_unknown() -> None:
    spread = window_spread(np.zeros((1, 30)), np.ones((1, 30), bool), 7)

    assert np.isnan(spread.cv2[0])
    assert spread.blended(0.5).tolist() == [0.5]
    assert spread.blended().tolist() == [0.0]
    units = np.random.default_rng(5).poisson(2.0, (3, 60))
    known = window_spread(units, np.ones((3, 60), bool), 7)
    np.testing.assert_allclose(known.blended(), 0.7 * known.cv2 + 0.3 * np.median(known.cv2))


@pytest.mark.req("AI-07")
def test_lead_time_demand_follows_the_formula_and_scipy() -> None:
    demand = lead_time_demand(level=2.0, protection_days=10.0, cv2=0.4, lead_time_sd=3.0)
    oracle = stats.gamma(a=400.0 / 196.0, scale=196.0 / 20.0)

    assert demand.mean.tolist() == [20.0]
    assert demand.variance.tolist() == [0.4 * 400.0 + 36.0]
    assert float(demand.quantile(0.95)[0]) == pytest.approx(oracle.ppf(0.95), rel=1e-6)
    assert float(demand.cdf(25.0)[0]) == pytest.approx(oracle.cdf(25.0), rel=1e-6)
    assert float(demand.stockout_probability(60.0)[0]) == pytest.approx(oracle.sf(60.0), rel=1e-6)
    shortage = oracle.expect(lambda x: x - 25.0, lb=25.0)
    assert float(demand.expected_shortage(25.0)[0]) == pytest.approx(shortage, rel=1e-6)


@pytest.mark.req("AI-07")
def test_variance_is_never_below_poisson() -> None:
    assert lead_time_demand(level=1.0, protection_days=9.0, cv2=0.0).variance.tolist() == [9.0]


@pytest.mark.req("AI-07")
def test_an_item_without_demand_runs_short_of_its_backlog_only() -> None:
    demand = lead_time_demand(level=0.0, protection_days=14.0, cv2=0.5)

    assert demand.quantile(0.95).tolist() == [0.0]
    assert demand.stockout_probability(0.0).tolist() == [0.0]
    assert demand.stockout_probability(-2.0).tolist() == [1.0]
    assert demand.expected_shortage(-2.0).tolist() == [2.0]


@given(
    level=st.floats(0.001, 500.0),
    days=st.floats(1.0, 60.0),
    cv2=st.floats(0.0, 20.0),
    stock=st.floats(-50.0, 20_000.0),
    more=st.floats(0.0, 5_000.0),
)
@settings(max_examples=200)
def test_more_stock_never_raises_risk_or_shortage(
    level: float, days: float, cv2: float, stock: float, more: float
) -> None:
    demand = lead_time_demand(level=level, protection_days=days, cv2=cv2)

    before, after = demand.stockout_probability(stock), demand.stockout_probability(stock + more)
    short, shorter = demand.expected_shortage(stock), demand.expected_shortage(stock + more)

    assert 0.0 <= float(after[0]) <= float(before[0]) + 1e-12 <= 1.0 + 1e-12
    assert 0.0 <= float(shorter[0]) <= float(short[0]) * (1.0 + 1e-9) + 1e-12
    assert float(short[0] - shorter[0]) <= more * (1.0 + 1e-9) + 1e-9


def test_spread_of_a_longer_window_shrinks_like_independent_days() -> None:
    assert spread_over(0.8, from_days=7.0, to_days=14.0).tolist() == 0.4
    with pytest.raises(ValueError, match="to_days"):
        spread_over(0.8, from_days=7.0, to_days=0.0)


def test_forecast_states_days_total_and_interval() -> None:
    units, weekdays = _planted(items=300, weeks=30, level=6.0)
    past, ahead = units[:, :-14], units[:, -14:].sum(axis=1)
    in_stock = np.ones_like(past, bool)
    levels = demand_levels(past, in_stock, weekdays[:-14])
    cv2 = window_spread(past, in_stock, 14).blended()

    result = demand_forecast(levels, weekdays[-14:], cv2=cv2, coverage=0.8)

    assert result.daily.shape == (300, 14)
    np.testing.assert_allclose(result.total, result.daily.sum(axis=1))
    held = np.mean((ahead >= result.low) & (ahead <= result.high))
    assert 0.72 <= held <= 0.9


def test_backtest_sees_a_planted_week_that_the_naive_forecast_only_echoes() -> None:
    units, weekdays = _planted(items=100, weeks=30, level=4.0)

    result = backtest(
        units, np.ones_like(units, bool), weekdays, origins=[140, 168, 196], horizon=14
    )

    assert result.totals == 300
    assert result.wape < result.naive_wape
    assert abs(result.bias) < 0.1


def test_backtest_ignores_the_days_it_forecasts() -> None:
    units, weekdays = _planted(items=4, weeks=10, level=4.0)
    flat = np.ones_like(units, bool)
    doubled = units.copy()
    doubled[:, 56:] *= 2

    true = backtest(units, flat, weekdays, origins=[56], horizon=14)
    changed = backtest(doubled, flat, weekdays, origins=[56], horizon=14)

    expected = units[:, 56:].sum() * (1.0 + true.bias)
    assert doubled[:, 56:].sum() * (1.0 + changed.bias) == pytest.approx(expected)


def test_backtest_does_not_score_sales_cut_short_by_a_stockout() -> None:
    units, weekdays = _planted(items=3, weeks=10, level=4.0)
    in_stock = np.ones_like(units, bool)
    in_stock[1, 60] = False

    result = backtest(units, in_stock, weekdays, origins=[56], horizon=14)

    assert result.totals == 2


@pytest.mark.parametrize(("origin", "horizon"), [(0, 7), (64, 7), (10, 0)])
def test_backtest_refuses_an_origin_without_history_or_future(origin: int, horizon: int) -> None:
    units, weekdays = _planted(items=2, weeks=10, level=1.0)

    with pytest.raises(ValueError, match="origins, horizon"):
        backtest(units, units >= 0, weekdays, origins=[origin], horizon=horizon)
