"""Demand: level and weekday profile per item, learnt from in-stock open days.

Arrays are items by *open* days: a column for a day the node was closed teaches a false zero, so
the caller leaves closed days out. Work through large tenants in blocks of about 10,000 rows and
hand every block the same pooled profile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai_advice.rules.gamma import FloatArray

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

PROFILE_SHRINKAGE = 60.0
"""An own weekday profile over n non-zero days counts n / (n + 60); the pooled one the rest."""


@dataclass(frozen=True, slots=True)
class LevelSettings:
    """How a level forgets and how hard a single bulk day may pull it.

    `smoothing` is the EWMA weight of the newest open day. A day counts at most `cap_multiple`
    times the 98th percentile of the item's own non-zero days.
    """

    smoothing: float
    cap_multiple: float
    cap_percentile: float = 0.98

    def __post_init__(self) -> None:
        if not 0.0 < self.smoothing < 1.0:
            raise ValueError("smoothing: give a value between 0 and 1")
        if not self.cap_multiple > 0.0:
            raise ValueError("cap_multiple: give a positive value")
        if not 0.0 < self.cap_percentile <= 1.0:
            raise ValueError("cap_percentile: give a value above 0 and up to 1")


FORECASTING = LevelSettings(smoothing=0.05, cap_multiple=1.0)
"""Lowest error on 14- and 28-day totals of real demand (0.565 WAPE against 0.761 seasonal naive).
The tight cap leaves a negative bias, so this level is shown and never ordered from."""

ORDERING = LevelSettings(smoothing=0.03, cap_multiple=1.5)
"""Slower and capped half as tightly: an order pays for bias, and its upper quantile, not the
point, carries the risk. These are the settings of the measured closed loop."""


@dataclass(frozen=True, slots=True)
class DemandLevel:
    """One item's demand: units per average open day, and the factor of each weekday 0 to 6."""

    level: float
    profile: tuple[float, ...]
    history_days: int
    nonzero_days: int


@dataclass(frozen=True, slots=True, eq=False)
class DemandLevels:
    """Demand of many items; `level` is units per average open day, `profile` is items by 7.

    `history_days` counts the in-stock open days learnt from, `nonzero_days` those with demand.
    """

    level: FloatArray
    profile: FloatArray
    history_days: IntArray
    nonzero_days: IntArray

    def item(self, row: int) -> DemandLevel:
        """The demand of one row as plain numbers."""
        return DemandLevel(
            level=float(self.level[row]),
            profile=tuple(self.profile[row].tolist()),
            history_days=int(self.history_days[row]),
            nonzero_days=int(self.nonzero_days[row]),
        )

    def forecast(self, weekdays: npt.ArrayLike) -> FloatArray:
        """Expected units on each coming open day, items by days; weekdays as 0 (Monday) to 6."""
        days = _weekdays(weekdays)
        return np.asarray(self.level[:, None] * self.profile[:, days], dtype=np.float64)


def demand_levels(
    units: npt.ArrayLike,
    in_stock: npt.ArrayLike,
    weekdays: npt.ArrayLike,
    *,
    settings: LevelSettings = FORECASTING,
    pooled_profile: npt.ArrayLike | None = None,
) -> DemandLevels:
    """Learn level and weekday profile of every item from its in-stock open days only.

    The level is the exponentially weighted ratio of capped units to the profile's expectation, so
    it needs no start value and never divides by a quiet weekday. Days out of stock or before the
    launch (in_stock False) add to neither side: they teach nothing.
    `units` and `in_stock` are items by open days, oldest first; `weekdays` is 0 to 6 per day.
    Without `pooled_profile` the profile of these very items is pooled.
    Raises ValueError where shapes disagree, units are negative or not finite.
    """
    amounts, usable, days = usable_history(units, in_stock, weekdays)
    capped = _capped(amounts, usable, settings)
    nonzero = np.count_nonzero(usable & (amounts > 0.0), axis=1).astype(np.int64)
    pooled = (
        _pooled_profile(capped, usable, days)
        if pooled_profile is None
        else _given_profile(pooled_profile)
    )
    profile = _profiles(capped, usable, days, nonzero, pooled)
    age = np.arange(amounts.shape[1] - 1, -1, -1, dtype=np.float64)
    weights = np.where(usable, (1.0 - settings.smoothing) ** age, 0.0)
    sold = (capped * weights).sum(axis=1)
    expected = (profile[:, days] * weights).sum(axis=1)
    level = np.divide(sold, expected, out=np.zeros_like(sold), where=expected > 0.0)
    return DemandLevels(
        level=level,
        profile=profile,
        history_days=np.count_nonzero(usable, axis=1).astype(np.int64),
        nonzero_days=nonzero,
    )


def demand_level(
    units: npt.ArrayLike,
    in_stock: npt.ArrayLike,
    weekdays: npt.ArrayLike,
    *,
    settings: LevelSettings = FORECASTING,
    pooled_profile: npt.ArrayLike | None = None,
) -> DemandLevel:
    """Level and profile of a single series, shrunk to a flat week without `pooled_profile`.

    Raises ValueError as `demand_levels` does.
    """
    return demand_levels(
        np.atleast_2d(np.asarray(units, dtype=np.float64)),
        np.atleast_2d(np.asarray(in_stock, dtype=np.bool_)),
        weekdays,
        settings=settings,
        pooled_profile=np.ones(7) if pooled_profile is None else pooled_profile,
    ).item(0)


def pooled_weekday_profile(
    units: npt.ArrayLike,
    in_stock: npt.ArrayLike,
    weekdays: npt.ArrayLike,
    *,
    settings: LevelSettings = FORECASTING,
) -> FloatArray:
    """The weekday profile of all items together (7 factors, mean 1 over the days learnt from).

    Compute it once per node or tenant and hand it to every block. A weekday never seen open is 1.
    Raises ValueError as `demand_levels` does.
    """
    amounts, usable, days = usable_history(units, in_stock, weekdays)
    return _pooled_profile(_capped(amounts, usable, settings), usable, days)


def usable_history(
    units: npt.ArrayLike, in_stock: npt.ArrayLike, weekdays: npt.ArrayLike
) -> tuple[FloatArray, BoolArray, IntArray]:
    """Units (0 on unusable days), mask and weekdays as checked arrays.

    Raises ValueError where shapes disagree, units are negative or not finite.
    """
    amounts = np.asarray(units, dtype=np.float64)
    usable = np.asarray(in_stock, dtype=np.bool_)
    days = _weekdays(weekdays)
    if amounts.ndim != 2 or usable.shape != amounts.shape:
        raise ValueError("in_stock: give the same items-by-days shape as units")
    if days.shape != (amounts.shape[1],):
        raise ValueError("weekdays: give one weekday per column of units")
    amounts = np.where(usable, amounts, 0.0)
    if not bool(np.all(np.isfinite(amounts) & (amounts >= 0.0))):
        raise ValueError("units: give finite demand of 0 or more on every in-stock day")
    return amounts, usable, days


def _weekdays(weekdays: npt.ArrayLike) -> IntArray:
    days = np.asarray(weekdays, dtype=np.int64)
    if days.ndim != 1 or bool(np.any((days < 0) | (days > 6))):
        raise ValueError("weekdays: give 0 (Monday) to 6 (Sunday)")
    return days


def _given_profile(profile: npt.ArrayLike) -> FloatArray:
    factors = np.asarray(profile, dtype=np.float64)
    if factors.shape != (7,) or not bool(np.all(np.isfinite(factors) & (factors >= 0.0))):
        raise ValueError("pooled_profile: give 7 finite factors of 0 or more")
    return factors


def _capped(amounts: FloatArray, usable: BoolArray, settings: LevelSettings) -> FloatArray:
    """Units cut at a multiple of the item's own non-zero percentile (linear interpolation)."""
    if amounts.shape[1] == 0:
        return amounts
    nonzero = usable & (amounts > 0.0)
    count = np.count_nonzero(nonzero, axis=1)
    ordered = np.sort(np.where(nonzero, amounts, np.inf), axis=1)
    place = settings.cap_percentile * np.maximum(count - 1, 0)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    rows = np.arange(amounts.shape[0])
    below, above = ordered[rows, low], ordered[rows, high]
    share = place - low
    with np.errstate(invalid="ignore"):
        percentile = np.where(share > 0.0, below + share * (above - below), below)
    cap = settings.cap_multiple * percentile[:, None]
    return np.asarray(np.minimum(amounts, cap), dtype=np.float64)


def _by_weekday(capped: FloatArray, usable: BoolArray, days: IntArray) -> tuple[FloatArray, ...]:
    """Units and days learnt from, per item and weekday."""
    sold = np.zeros((capped.shape[0], 7))
    seen = np.zeros((capped.shape[0], 7))
    for weekday in range(7):
        columns = days == weekday
        sold[:, weekday] = capped[:, columns].sum(axis=1)
        seen[:, weekday] = np.count_nonzero(usable[:, columns], axis=1)
    return sold, seen


def _pooled_profile(capped: FloatArray, usable: BoolArray, days: IntArray) -> FloatArray:
    """Each item counts by its units, so the profile is that of the whole assortment."""
    sold, seen = _by_weekday(capped, usable, days)
    history = seen.sum(axis=1, keepdims=True)
    rate = np.divide(
        sold.sum(axis=1, keepdims=True), history, out=np.zeros_like(history), where=history > 0.0
    )
    expected = (rate * seen).sum(axis=0)
    profile: FloatArray = np.divide(
        sold.sum(axis=0), expected, out=np.ones(7), where=expected > 0.0
    )
    return profile


def _profiles(
    capped: FloatArray,
    usable: BoolArray,
    days: IntArray,
    nonzero: IntArray,
    pooled: FloatArray,
) -> FloatArray:
    """Own profile shrunk to the pooled one, scaled to mean 1 over the days the item was seen."""
    sold, seen = _by_weekday(capped, usable, days)
    history = seen.sum(axis=1, keepdims=True)
    total = sold.sum(axis=1, keepdims=True)
    known = (seen > 0.0) & (total > 0.0)
    own = np.divide(
        sold * history,
        seen * total,
        out=np.broadcast_to(pooled, sold.shape).copy(),
        where=known,
    )
    weight = (nonzero / (nonzero + PROFILE_SHRINKAGE))[:, None]
    mixed = weight * own + (1.0 - weight) * pooled
    scale = np.divide(
        (mixed * seen).sum(axis=1, keepdims=True),
        history,
        out=np.ones_like(history),
        where=history > 0.0,
    )
    scaled: FloatArray = np.divide(mixed, scale, out=np.ones_like(mixed), where=scale > 0.0)
    return scaled
