"""Calibration: service targets and confidences corrected by what really happened."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai_advice.rules.gamma import FloatArray

OUTCOME_DAYS = 45
"""Days of outcomes a service target is corrected from: older ones describe another season."""

MIN_TARGET_OUTCOMES = 50
"""Outcomes below which a service target stays as asked."""

MIN_CURVE_OUTCOMES = 50
"""Outcomes below which no calibration curve is drawn at all."""

OWN_OUTCOMES = 200
"""Outcomes from which a tenant's own curve stands alone."""

MAX_TAU = 0.9995
"""A tau of 1 would ask for endless stock."""


@dataclass(frozen=True, slots=True)
class ServiceTarget:
    """A service target and the quantile `tau` to order at; `n` outcomes stand behind it.

    `is_remapped` is False where outcomes were too few and tau is the target itself.
    """

    target: float
    tau: float
    n: int
    is_remapped: bool

    def __post_init__(self) -> None:
        if not (0.0 < self.target < 1.0 and 0.0 < self.tau < 1.0):
            raise ValueError("target, tau: give values between 0 and 1")


def remap_service_target(
    target: float,
    realised: npt.ArrayLike,
    *,
    min_outcomes: int = MIN_TARGET_OUTCOMES,
) -> ServiceTarget:
    """Conformal correction: the quantile that would have met the target on recent outcomes.

    `realised` holds F(actual demand) of each in-stock window that ended in the last OUTCOME_DAYS,
    F as it was forecast. Tau is their ceil((n + 1) target)-th smallest value (split conformal);
    where that rank passes n, or n is below `min_outcomes`, the target comes back unchanged.
    NaN (a window partly out of stock) does not count.
    Raises ValueError where the target is not inside (0, 1) or a value is outside [0, 1].
    """
    if not 0.0 < target < 1.0:
        raise ValueError("target: give a value between 0 and 1")
    values = np.asarray(realised, dtype=np.float64).ravel()
    values = np.sort(values[~np.isnan(values)])
    if bool(np.any((values < 0.0) | (values > 1.0))):
        raise ValueError("realised: give probability values from 0 to 1")
    n = int(values.size)
    rank = math.ceil((n + 1) * target)
    if n < min_outcomes or rank > n:
        return ServiceTarget(target=target, tau=target, n=n, is_remapped=False)
    tau = min(max(float(values[rank - 1]), 1.0 - MAX_TAU), MAX_TAU)
    return ServiceTarget(target=target, tau=tau, n=n, is_remapped=True)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising curve from raw to calibrated probability, learnt from `n` outcomes.

    Without knots it is no calibration: `apply` gives the raw value back and `is_calibrated` says
    so.
    """

    n: int
    knots: tuple[tuple[float, float], ...] = ()

    @property
    def is_calibrated(self) -> bool:
        """Whether outcomes stand behind the curve."""
        return bool(self.knots)

    def apply(self, raw: npt.ArrayLike) -> FloatArray:
        """Calibrated probabilities, linear between knots and level outside them."""
        values = _probabilities(raw, "raw")
        if not self.knots:
            return values
        at, to = zip(*self.knots, strict=True)
        return np.asarray(np.interp(values, at, to), dtype=np.float64)


UNCALIBRATED = Calibration(n=0)


def fit_calibration(
    raw: npt.ArrayLike, outcomes: npt.ArrayLike, *, min_outcomes: int = MIN_CURVE_OUTCOMES
) -> Calibration:
    """Isotonic regression of outcomes (0 or 1) on raw probabilities.

    Equal raw values are pooled first. The curve keeps 1 / (n + 2) away from 0 and 1 (Laplace's
    rule of succession): n outcomes never justify certainty. Below `min_outcomes` no curve.
    Raises ValueError where the arrays differ in length or hold anything but 0, 1, probabilities.
    """
    values, results = _pairs(raw, outcomes)
    n = int(values.size)
    if n < max(min_outcomes, 1):
        return Calibration(n=n)
    points, group = np.unique(values, return_inverse=True)
    counts = np.bincount(group, minlength=points.size).astype(np.float64)
    means = np.bincount(group, weights=results, minlength=points.size) / counts
    fitted = isotonic(means, counts)
    margin = 1.0 / (n + 2.0)
    fitted = np.clip(fitted, margin, 1.0 - margin)
    return Calibration(n=n, knots=_corners(points, fitted))


def _corners(points: FloatArray, fitted: FloatArray) -> tuple[tuple[float, float], ...]:
    """First and last point of every level stretch: the inner ones add nothing."""
    change = np.flatnonzero(np.diff(fitted) != 0.0)
    keep = np.unique(np.concatenate(([0], change, change + 1, [points.size - 1])))
    return tuple(zip(points[keep].tolist(), fitted[keep].tolist(), strict=True))


def isotonic(values: npt.ArrayLike, weights: npt.ArrayLike) -> FloatArray:
    """Closest rising sequence in weighted least squares, by pool-adjacent-violators.

    Raises ValueError where lengths differ or a weight is not positive.
    """
    heights, masses = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    if heights.ndim != 1 or heights.shape != masses.shape or not bool(np.all(masses > 0.0)):
        raise ValueError("weights: give one positive weight per value")
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(heights.tolist(), masses.tolist(), strict=True):
        height, mass, length = value, weight, 1
        while blocks and blocks[-1][0] >= height:
            other_height, other_mass, other_length = blocks.pop()
            height = (height * mass + other_height * other_mass) / (mass + other_mass)
            mass += other_mass
            length += other_length
        blocks.append((height, mass, length))
    return np.repeat(
        np.array([block[0] for block in blocks], dtype=np.float64),
        np.array([block[2] for block in blocks], dtype=np.int64),
    )


@dataclass(frozen=True, slots=True)
class Confidence:
    """A probability fit to be shown, with what stands behind it.

    `is_calibrated` False means no curve exists and `probability` is the model's raw claim: show
    it as unproven or not at all. `own_weight` is the share of the tenant's own curve.
    """

    raw: float
    probability: float
    is_calibrated: bool
    own_n: int
    pooled_n: int
    own_weight: float


def calibrated_confidence(
    raw: float, *, own: Calibration = UNCALIBRATED, pooled: Calibration = UNCALIBRATED
) -> Confidence:
    """Blend a tenant's own curve with the pooled one until the own has OWN_OUTCOMES outcomes.

    The own curve counts n / 200 and the pooled one the rest, so trust moves over without a jump;
    from 200 outcomes the own stands alone. An own curve under MIN_CURVE_OUTCOMES does not exist
    and the pooled one stands alone. Where only one curve exists it is used whole.
    Raises ValueError where raw is not a probability.
    """
    value = float(_probabilities(raw, "raw"))
    weight = min(own.n / OWN_OUTCOMES, 1.0) if own.is_calibrated else 0.0
    if own.is_calibrated and not pooled.is_calibrated:
        weight = 1.0
    blended = weight * float(own.apply(value)) + (1.0 - weight) * float(pooled.apply(value))
    return Confidence(
        raw=value,
        probability=min(max(blended, 0.0), 1.0),
        is_calibrated=own.is_calibrated or pooled.is_calibrated,
        own_n=own.n,
        pooled_n=pooled.n,
        own_weight=weight,
    )


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bin of a reliability picture: what was said and what came true."""

    low: float
    high: float
    n: int
    said: float
    came_true: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Expected calibration error over `n` outcomes, and its non-empty bins; NaN without any."""

    error: float
    n: int
    bins: tuple[ReliabilityBin, ...]


def reliability(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, bins: int = 10
) -> Reliability:
    """Expected calibration error: the gap between said and came true, weighted by bin size.

    Bins have equal width; each holds its lower edge, the last both.
    Raises ValueError where the arrays differ in length or hold anything but 0, 1, probabilities.
    """
    if bins < 1:
        raise ValueError("bins: give 1 or more")
    values, results = _pairs(probabilities, outcomes)
    n = int(values.size)
    if n == 0:
        return Reliability(error=float("nan"), n=0, bins=())
    place = np.minimum((values * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    said = np.bincount(place, weights=values, minlength=bins)
    true = np.bincount(place, weights=results, minlength=bins)
    return Reliability(
        error=float(np.abs(said - true).sum() / n),
        n=n,
        bins=tuple(
            ReliabilityBin(
                low=index / bins,
                high=(index + 1) / bins,
                n=int(counts[index]),
                said=float(said[index] / counts[index]),
                came_true=float(true[index] / counts[index]),
            )
            for index in np.flatnonzero(counts).tolist()
        ),
    )


def _probabilities(values: npt.ArrayLike, field: str) -> FloatArray:
    result = np.asarray(values, dtype=np.float64)
    if not bool(np.all((result >= 0.0) & (result <= 1.0))):
        raise ValueError(f"{field}: give probabilities from 0 to 1")
    return result


def _pairs(raw: npt.ArrayLike, outcomes: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    values = _probabilities(raw, "raw").ravel()
    results = np.asarray(outcomes, dtype=np.float64).ravel()
    if values.shape != results.shape or not bool(np.all((results == 0.0) | (results == 1.0))):
        raise ValueError("outcomes: give one 0 or 1 per probability")
    return values, results
