"""Back-test: the demand forecast replayed against days it had not seen, with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai_advice.rules.demand import (
    FORECASTING,
    BoolArray,
    DemandLevels,
    IntArray,
    LevelSettings,
    demand_levels,
    usable_history,
)
from ai_advice.rules.gamma import FloatArray
from ai_advice.rules.lead_time import lead_time_demand


@dataclass(frozen=True, slots=True, eq=False)
class DemandForecast:
    """Expected units per coming open day (items by days) and the range of their total."""

    daily: FloatArray
    total: FloatArray
    low: FloatArray
    high: FloatArray
    coverage: float


def demand_forecast(
    levels: DemandLevels,
    weekdays: npt.ArrayLike,
    *,
    cv2: npt.ArrayLike,
    coverage: float = 0.8,
) -> DemandForecast:
    """Forecast with the central interval of the total that should hold `coverage` of outcomes.

    `cv2` is the blended spread of windows as long as `weekdays`. The interval is raw: its real
    coverage is an outcome to measure.
    Raises ValueError where coverage is not inside (0, 1) or no day is asked for.
    """
    if not 0.0 < coverage < 1.0:
        raise ValueError("coverage: give a value between 0 and 1")
    daily = levels.forecast(weekdays)
    if daily.shape[1] == 0:
        raise ValueError("weekdays: give at least one coming open day")
    total = daily.sum(axis=1)
    demand = lead_time_demand(
        level=total / daily.shape[1], protection_days=float(daily.shape[1]), cv2=cv2
    )
    return DemandForecast(
        daily=daily,
        total=total,
        low=demand.quantile((1.0 - coverage) / 2.0),
        high=demand.quantile((1.0 + coverage) / 2.0),
        coverage=coverage,
    )


@dataclass(frozen=True, slots=True)
class BacktestError:
    """Error of totals over the horizon: the forecast's, the naive one's, and what they rest on.

    WAPE is the sum of absolute errors over the sum of units; `bias` the signed error over the
    same. `totals` counts item-origin pairs; the figures are NaN where no unit was sold.
    """

    wape: float
    naive_wape: float
    bias: float
    totals: int


def backtest(
    units: npt.ArrayLike,
    in_stock: npt.ArrayLike,
    weekdays: npt.ArrayLike,
    *,
    origins: npt.ArrayLike,
    horizon: int,
    settings: LevelSettings = FORECASTING,
) -> BacktestError:
    """Forecast totals from each origin with only the days before it, and compare.

    An origin is the column of the first unseen day. The naive forecast repeats the latest earlier
    value of the same weekday. A total counts only where every day of its horizon was in stock and
    the item had a usable day before the origin.
    Raises ValueError where an origin leaves no history or runs past the data.
    """
    amounts, usable, days = usable_history(units, in_stock, weekdays)
    starts = np.atleast_1d(np.asarray(origins, dtype=np.int64))
    if horizon < 1 or bool(np.any((starts < 1) | (starts + horizon > amounts.shape[1]))):
        raise ValueError("origins, horizon: leave history before and a full horizon after")
    errors = naive_errors = signed = sold = 0.0
    totals = 0
    for start in starts.tolist():
        ahead = slice(start, start + horizon)
        rows = usable[:, ahead].all(axis=1) & usable[:, :start].any(axis=1)
        levels = demand_levels(
            amounts[:, :start], usable[:, :start], days[:start], settings=settings
        )
        actual = amounts[rows, ahead].sum(axis=1)
        expected = levels.forecast(days[ahead]).sum(axis=1)[rows]
        naive = _seasonal_naive(amounts[:, :start], usable[:, :start], days, horizon)[rows]
        errors += float(np.abs(expected - actual).sum())
        naive_errors += float(np.abs(naive - actual).sum())
        signed += float((expected - actual).sum())
        sold += float(actual.sum())
        totals += int(rows.sum())
    if sold == 0.0:
        return BacktestError(float("nan"), float("nan"), float("nan"), totals)
    return BacktestError(errors / sold, naive_errors / sold, signed / sold, totals)


def _seasonal_naive(
    past: FloatArray, usable: BoolArray, days: IntArray, horizon: int
) -> FloatArray:
    """Total of the horizon if each weekday repeats its latest earlier value (0 when unusable)."""
    start = past.shape[1]
    known = np.where(usable, past, 0.0)
    total = np.zeros(past.shape[0])
    for weekday in days[start : start + horizon].tolist():
        earlier = np.flatnonzero(days[:start] == weekday)
        if earlier.size:
            total += known[:, earlier[-1]]
    return total
