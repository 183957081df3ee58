"""Lead-time demand: the spread of window sums and the gamma distribution an order covers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai_advice.rules.demand import IntArray, usable_history
from ai_advice.rules.gamma import (
    FloatArray,
    gamma_cdf,
    gamma_expected_shortage,
    gamma_quantile,
    gamma_sf,
)

POOLED_SHARE = 0.3
"""Share of the pooled median in every item's spread (best of the settings measured)."""

MIN_WINDOWS = 10
"""Overlapping windows an item needs before its own spread counts at all."""


@dataclass(frozen=True, slots=True, eq=False)
class WindowSpread:
    """Squared coefficient of variation of window sums per item, and windows it rests on.

    `cv2` is NaN where an item has too few windows or no demand: the pool then speaks alone.
    """

    cv2: FloatArray
    windows: IntArray

    def pooled(self) -> float:
        """Median over the items that have a spread of their own; NaN where none has."""
        known = self.cv2[np.isfinite(self.cv2)]
        return float(np.median(known)) if known.size else float("nan")

    def blended(self, pooled: float | None = None) -> FloatArray:
        """70 % own and 30 % pooled; pooled alone without an own one; 0 (Poisson) with neither."""
        shared = self.pooled() if pooled is None else pooled
        if not np.isfinite(shared):
            return np.where(np.isfinite(self.cv2), self.cv2, 0.0)
        mixed = (1.0 - POOLED_SHARE) * self.cv2 + POOLED_SHARE * shared
        return np.where(np.isfinite(self.cv2), mixed, shared)


def window_spread(
    units: npt.ArrayLike,
    in_stock: npt.ArrayLike,
    window_days: npt.ArrayLike,
    *,
    min_windows: int = MIN_WINDOWS,
) -> WindowSpread:
    """Spread of demand over overlapping windows of each item's own protection period.

    Sums are uncapped (a capped bulk day would hide exactly the risk the stock is for) and only
    windows wholly in stock count. `window_days` is open days per item; a fraction counts up.
    Raises ValueError where shapes disagree or a window is shorter than one day.
    """
    amounts = np.asarray(units, dtype=np.float64)
    usable = np.asarray(in_stock, dtype=np.bool_)
    if amounts.ndim != 2:
        raise ValueError("units: give items by days")
    amounts, usable, _ = usable_history(amounts, usable, np.zeros(amounts.shape[1], dtype=np.int64))
    spans = np.broadcast_to(np.asarray(window_days, dtype=np.float64), (amounts.shape[0],))
    if not bool(np.all(np.isfinite(spans) & (spans >= 1.0))):
        raise ValueError("window_days: give 1 or more open days")
    cv2 = np.full(amounts.shape[0], np.nan)
    counts = np.zeros(amounts.shape[0], dtype=np.int64)
    lengths = np.ceil(spans)
    for length in np.unique(lengths[lengths <= amounts.shape[1]]).astype(np.int64).tolist():
        rows = np.flatnonzero(lengths == length)
        full = _window_sums(usable[rows].astype(np.float64), length) == length
        sums = _window_sums(amounts[rows], length)
        count = np.count_nonzero(full, axis=1)
        safe = np.maximum(count, 1)
        mean = np.where(full, sums, 0.0).sum(axis=1) / safe
        gaps = np.where(full, sums - mean[:, None], 0.0)
        variance = (gaps * gaps).sum(axis=1) / np.maximum(count - 1, 1)
        known = (count >= max(min_windows, 2)) & (mean > 0.0)
        cv2[rows] = np.divide(variance, mean * mean, out=np.full(rows.size, np.nan), where=known)
        counts[rows] = count
    return WindowSpread(cv2=cv2, windows=counts)


def _window_sums(values: FloatArray, length: int) -> FloatArray:
    running = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    return np.asarray(running[:, length:] - running[:, :-length], dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class LeadTimeDemand:
    """Gamma distribution of each item's demand over its protection period.

    `mean` is units, `variance` units squared; shape is mean^2 / variance, scale variance / mean.
    An item with mean 0 has no demand for certain.
    """

    mean: FloatArray
    variance: FloatArray

    def __post_init__(self) -> None:
        usable = np.isfinite(self.mean) & np.isfinite(self.variance) & (self.mean >= 0.0)
        if not bool(np.all(usable & ((self.variance > 0.0) | (self.mean == 0.0)))):
            raise ValueError("variance: give finite values, positive wherever the mean is")

    @property
    def shape(self) -> FloatArray:
        """Gamma shape; 1 stands in where the mean is 0 and no shape exists."""
        square = self.mean * self.mean
        return np.divide(square, self.variance, out=np.ones_like(self.mean), where=self.mean > 0.0)

    @property
    def scale(self) -> FloatArray:
        """Gamma scale in units; 0 where the mean is 0."""
        return np.divide(
            self.variance, self.mean, out=np.zeros_like(self.mean), where=self.mean > 0.0
        )

    def cdf(self, quantity: npt.ArrayLike) -> FloatArray:
        """P(demand <= quantity) per item."""
        held = self._held(quantity)
        certain = (held >= 0.0).astype(np.float64)
        return np.where(self.mean > 0.0, gamma_cdf(self._scaled(held), self.shape), certain)

    def stockout_probability(self, quantity: npt.ArrayLike) -> FloatArray:
        """1 - F(quantity): the chance that demand passes the quantity; 1 where nothing is left.

        The gamma has no lump at zero demand, so an empty position of an item that sells is a
        stockout for certain.
        """
        held = self._held(quantity)
        certain = (held < 0.0).astype(np.float64)
        return np.where(self.mean > 0.0, gamma_sf(self._scaled(held), self.shape), certain)

    def quantile(self, probability: npt.ArrayLike) -> FloatArray:
        """Units that cover demand with the given probability, from 0 up to, not including, 1."""
        wanted = np.broadcast_to(np.asarray(probability, dtype=np.float64), self.mean.shape)
        return gamma_quantile(wanted, self.shape) * self.scale

    def expected_shortage(self, quantity: npt.ArrayLike) -> FloatArray:
        """Units expected to go short, a backlog (negative quantity) included."""
        held = self._held(quantity)
        short = gamma_expected_shortage(self._scaled(held), self.shape) * self.scale
        return np.where(self.mean > 0.0, short, np.maximum(-held, 0.0))

    def _held(self, quantity: npt.ArrayLike) -> FloatArray:
        return np.broadcast_to(np.asarray(quantity, dtype=np.float64), self.mean.shape)

    def _scaled(self, held: FloatArray) -> FloatArray:
        return np.divide(held, self.scale, out=np.zeros_like(self.mean), where=self.mean > 0.0)


def lead_time_demand(
    *,
    level: npt.ArrayLike,
    protection_days: npt.ArrayLike,
    cv2: npt.ArrayLike,
    lead_time_sd: npt.ArrayLike = 0.0,
) -> LeadTimeDemand:
    """Demand over lead time plus review period: m = l P, v = max(cv2 m^2, m) + (l sigma_L)^2.

    `level` is units per open day, `protection_days` and `lead_time_sd` open days, `cv2` the
    blended window spread. The variance never falls below Poisson's.
    Raises ValueError where an input is negative or not finite, or a period is not positive.
    """
    fields = {
        "level": level,
        "protection_days": protection_days,
        "cv2": cv2,
        "lead_time_sd": lead_time_sd,
    }
    columns = [np.asarray(value, dtype=np.float64) for value in fields.values()]
    for name, column in zip(fields, columns, strict=True):
        if not bool(np.all(np.isfinite(column) & (column >= 0.0))):
            raise ValueError(f"{name}: give finite values of 0 or more")
    rate, period, spread, lead_sd = np.broadcast_arrays(*(np.atleast_1d(c) for c in columns))
    if not bool(np.all(period > 0.0)):
        raise ValueError("protection_days: give more than 0 open days")
    mean = rate * period
    variance = np.maximum(spread * mean * mean, mean) + (rate * lead_sd) ** 2
    return LeadTimeDemand(mean=mean, variance=variance)


def spread_over(cv2: npt.ArrayLike, *, from_days: float, to_days: float) -> FloatArray:
    """Carry a window spread to another length: the variance of independent days grows linearly.

    Raises ValueError where a length is not positive.
    """
    if not (from_days > 0.0 and to_days > 0.0):
        raise ValueError("from_days, to_days: give more than 0 open days")
    return np.asarray(cv2, dtype=np.float64) * (from_days / to_days)
