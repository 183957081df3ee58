"""Gamma distribution in numpy alone: tail probabilities, quantiles and expected shortage.

Checked in the tests against scipy to 1e-6 relative over shapes 0.005 to 10,000 (measured: about
1e-10). Everything is element-wise: the answer for one element does not depend on its neighbours.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_QUADRATURE_SHAPE = 60.0
"""From this shape on the tails are integrated: series and fraction would need sqrt(shape) terms."""

_MAX_TERMS = 2_000
_BLOCK = 16_384
_raw_nodes, _raw_weights = np.polynomial.legendre.leggauss(48)
_NODES: FloatArray = (np.asarray(_raw_nodes, dtype=np.float64) + 1.0) / 2.0
_WEIGHTS: FloatArray = np.asarray(_raw_weights, dtype=np.float64) / 2.0


class _Tails(NamedTuple):
    """Logarithms of P(X <= x), P(X > x), x*density(x), and the mean excess E[(X - x)+]."""

    log_lower: FloatArray
    log_upper: FloatArray
    log_front: FloatArray
    excess: FloatArray


def gamma_cdf(x: npt.ArrayLike, shape: npt.ArrayLike) -> FloatArray:
    """P(X <= x) of the unit-scale gamma; 0 where x <= 0.

    Raises ValueError where a shape is not positive and finite.
    """
    at, shapes = _inputs(x, shape)
    positive = at > 0.0
    result = np.zeros_like(at)
    tails = _tails_at(at[positive], shapes[positive])
    result[positive] = np.exp(tails.log_lower)
    return result


def gamma_sf(x: npt.ArrayLike, shape: npt.ArrayLike) -> FloatArray:
    """P(X > x) of the unit-scale gamma, exact deep into the tail; 1 where x <= 0.

    Raises ValueError where a shape is not positive and finite.
    """
    at, shapes = _inputs(x, shape)
    positive = at > 0.0
    result = np.ones_like(at)
    tails = _tails_at(at[positive], shapes[positive])
    result[positive] = np.exp(tails.log_upper)
    return result


def gamma_expected_shortage(x: npt.ArrayLike, shape: npt.ArrayLike) -> FloatArray:
    """E[(X - x)+] of the unit-scale gamma, equal to k (1 - F_{k+1}(x)) - x (1 - F_k(x)).

    The textbook difference cancels in the tail; the continued fraction and the quadrature give
    the excess itself, so a shortage of 1e-12 is as exact as one of 10. Where x <= 0 every unit
    of demand and the backlog -x are short: k - x.
    """
    at, shapes = _inputs(x, shape)
    positive = at > 0.0
    result = np.subtract(shapes, at, out=np.empty_like(at))
    tails = _tails_at(at[positive], shapes[positive])
    result[positive] = tails.excess
    return result


def gamma_quantile(probability: npt.ArrayLike, shape: npt.ArrayLike) -> FloatArray:
    """The x with P(X <= x) = probability for the unit-scale gamma.

    Newton in u = log x on the logarithm of the smaller tail. The density of log X is log-concave,
    so both tails are log-concave in u and Newton closes in from one side without overshooting.
    Very small shapes underflow to 0.0, which is the right answer in double precision.

    Raises ValueError where a probability is outside [0, 1) or a shape is not positive and finite.
    """
    wanted, shapes = _inputs(probability, shape)
    if not bool(np.all((wanted >= 0.0) & (wanted < 1.0))):
        raise ValueError("probability: give values from 0 up to, not including, 1")
    result = np.zeros_like(wanted)
    flat_wanted, flat_shapes, flat_result = wanted.ravel(), shapes.ravel(), result.ravel()
    rows = np.flatnonzero(flat_wanted > 0.0)
    for start in range(0, rows.size, _BLOCK):
        block = rows[start : start + _BLOCK]
        flat_result[block] = _solve_quantile(flat_wanted[block], flat_shapes[block])
    return flat_result.reshape(wanted.shape)


def _inputs(x: npt.ArrayLike, shape: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    at, shapes = np.broadcast_arrays(
        np.asarray(x, dtype=np.float64), np.asarray(shape, dtype=np.float64)
    )
    if not bool(np.all(np.isfinite(shapes) & (shapes > 0.0))):
        raise ValueError("shape: give positive finite values")
    if not bool(np.all(np.isfinite(at))):
        raise ValueError("x: give finite numbers")
    return np.array(at), np.array(shapes)


def _log_gamma(values: FloatArray) -> FloatArray:
    return np.array([math.lgamma(value) for value in values.tolist()], dtype=np.float64)


def _tails_at(x: FloatArray, shape: FloatArray) -> _Tails:
    with np.errstate(over="ignore"):
        return _tails(np.log(x), shape, _log_gamma(shape))


def _solve_quantile(wanted: FloatArray, shape: FloatArray) -> FloatArray:
    log_gamma = _log_gamma(shape)
    use_lower = wanted <= 0.5
    log_wanted = np.where(use_lower, np.log(wanted), np.log1p(-wanted))
    log_x = _first_guess(wanted, shape, log_gamma)
    active = np.arange(wanted.size)
    for _ in range(100):
        tails = _tails(log_x[active], shape[active], log_gamma[active])
        lower = use_lower[active]
        log_tail = np.where(lower, tails.log_lower, tails.log_upper)
        slope = np.exp(tails.log_front - log_tail)
        gap = (log_tail - log_wanted[active]) * np.where(lower, -1.0, 1.0)
        step = np.minimum(gap / slope, 2.0)
        log_x[active] += step
        active = active[np.abs(step) > 1e-11 * np.maximum(1.0, np.abs(log_x[active]))]
        if active.size == 0:
            break
    return np.exp(log_x)


def _first_guess(wanted: FloatArray, shape: FloatArray, log_gamma: FloatArray) -> FloatArray:
    """Logarithm of a start value: Wilson-Hilferty above shape 1, two small-shape forms below.

    P(X <= x) never exceeds x^k / Gamma(k + 1), so the inverse of that bound lies at or left of the
    root and is a safe floor for every shape.
    """
    floor = (np.log(wanted) + log_gamma + np.log(shape)) / shape
    split = 1.0 - shape * (0.253 + 0.12 * shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        small = np.where(
            wanted < split,
            np.log(wanted / split) / shape,
            np.log(1.0 - np.log((1.0 - wanted) / (1.0 - split))),
        )
        cube = 1.0 - 1.0 / (9.0 * shape) + _normal_quantile(wanted) / (3.0 * np.sqrt(shape))
        large = np.log(shape) + 3.0 * np.log(np.maximum(cube, 1e-3))
    guess = np.where(shape < 1.0, small, large)
    return np.where(np.isfinite(guess), np.maximum(guess, floor), floor)


def _normal_quantile(probability: FloatArray) -> FloatArray:
    """Standard normal quantile to 4.5e-4 (Abramowitz and Stegun 26.2.23): a start value only."""
    tail = np.minimum(probability, 1.0 - probability)
    t = np.sqrt(-2.0 * np.log(tail))
    top = 2.515517 + t * (0.802853 + t * 0.010328)
    bottom = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    return np.where(probability < 0.5, -1.0, 1.0) * (t - top / bottom)


def _tails(log_x: FloatArray, shape: FloatArray, log_gamma: FloatArray) -> _Tails:
    """Both tails by whichever of four expansions is accurate where x lies."""
    x = np.exp(log_x)
    log_front = shape * log_x - x - log_gamma
    log_lower, log_upper, excess = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    large = shape >= _QUADRATURE_SHAPE
    below = np.where(large, x < shape, x < shape + 1.0)
    for method, rows in (
        (_series, np.flatnonzero(below & ~large)),
        (_integrated_lower, np.flatnonzero(below & large)),
    ):
        if rows.size == 0:
            continue
        k, at, front = shape[rows], x[rows], log_front[rows]
        log_lower[rows] = np.minimum(front + np.log(method(k, at)), 0.0)
        with np.errstate(divide="ignore"):
            log_upper[rows] = np.log(-np.expm1(log_lower[rows]))
        excess[rows] = (k - at) * np.exp(log_upper[rows]) + np.exp(front)
    for upper_method, rows in (
        (_fraction, np.flatnonzero(~below & ~large)),
        (_integrated_upper, np.flatnonzero(~below & large)),
    ):
        if rows.size == 0:
            continue
        ratio, excess_ratio = upper_method(shape[rows], x[rows])
        log_upper[rows] = np.minimum(log_front[rows] + np.log(ratio), 0.0)
        log_lower[rows] = np.log1p(-np.exp(log_upper[rows]))
        excess[rows] = np.exp(log_front[rows]) * excess_ratio
    return _Tails(log_lower, log_upper, log_front, excess)


def _series(shape: FloatArray, x: FloatArray) -> FloatArray:
    """Sum of x^n / (k (k+1) ... (k+n)), the lower tail over x^k e^-x / Gamma(k)."""
    total = 1.0 / shape
    rows = np.arange(x.size)
    divisor, term, at = shape.copy(), total.copy(), x
    for _ in range(_MAX_TERMS):
        divisor = divisor + 1.0
        term = term * (at / divisor)
        total[rows] += term
        keep = term > 1e-17 * total[rows]
        if not keep.all():
            rows, divisor, term, at = rows[keep], divisor[keep], term[keep], at[keep]
            if rows.size == 0:
                break
    return total


def _fraction(shape: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Upper tail and mean excess over x^k e^-x / Gamma(k), by Lentz's continued fraction.

    With h = 1 / (x + 1 - k - g) the tail is h and the excess (1 - g) h: taking g from the inner
    fraction avoids the cancellation in 1 - (x - k) h.
    """
    inner = x + 3.0 - shape
    rows = np.arange(x.size)
    k, b = shape, inner.copy()
    c, d = inner.copy(), np.zeros_like(inner)
    for i in range(2, _MAX_TERMS):
        a = -i * (i - k)
        b = b + 2.0
        d = 1.0 / (b + a * d)
        c = b + a / c
        factor = c * d
        inner[rows] *= factor
        keep = np.abs(factor - 1.0) > 1e-15
        if not keep.all():
            rows, k, b, c, d = rows[keep], k[keep], b[keep], c[keep], d[keep]
            if rows.size == 0:
                break
    g = (1.0 - shape) / inner
    ratio = 1.0 / (x + 1.0 - shape - g)
    return ratio, (1.0 - g) * ratio


def _width(rate: FloatArray, shape: FloatArray, x: FloatArray) -> FloatArray:
    """Length over which the integrand falls by at least e^-32 from its value at x."""
    return np.asarray(128.0 / (rate + np.hypot(rate, np.sqrt(128.0 * (shape - 1.0)) / x)))


def _integrated_upper(shape: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Upper tail and mean excess for large shapes by Gauss-Legendre from x upwards."""
    width = _width(1.0 - (shape - 1.0) / x, shape, x)
    tail, excess = np.zeros_like(x), np.zeros_like(x)
    for node, weight in zip(_NODES.tolist(), _WEIGHTS.tolist(), strict=True):
        y = width * node
        part = np.exp((shape - 1.0) * np.log1p(y / x) - y) * weight
        tail += part
        excess += part * y
    return tail * (width / x), excess * (width / x)


def _integrated_lower(shape: FloatArray, x: FloatArray) -> FloatArray:
    """Lower tail for large shapes by Gauss-Legendre from x downwards, at most to 0.

    Below 1e-100 the tail is x^60 and less, zero in double precision: the floor avoids overflow.
    """
    x = np.maximum(x, 1e-100)
    width = np.minimum(_width(np.maximum((shape - 1.0) / x - 1.0, 0.0), shape, x), x)
    tail = np.zeros_like(x)
    for node, weight in zip(_NODES.tolist(), _WEIGHTS.tolist(), strict=True):
        y = width * node
        tail += np.exp((shape - 1.0) * np.log1p(-y / x) + y) * weight
    return tail * (width / x)
