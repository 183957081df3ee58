"""Ordering: reorder point, order-up-to level and the whole packs to order now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ai_advice.rules.calibration import ServiceTarget
from ai_advice.rules.gamma import FloatArray, gamma_quantile
from ai_advice.rules.history import DEFAULT_MINIMUM, Abstained, HistoryMinimum, abstention
from ai_advice.rules.lead_time import LeadTimeDemand, lead_time_demand


class OrderDecision(StrEnum):
    """What the figures call for."""

    ORDER = "order"
    ENOUGH = "enough"
    DEFER_BELOW_MINIMUM = "defer_below_minimum"
    NO_ROOM = "no_room"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderInputs:
    """Everything one order advice rests on; days are open days, quantities units.

    `level` must come from the ORDERING settings. `on_hand` is sellable stock: quarantined,
    damaged and disputed units stay out. `minimum_quantity` is the supplier's MOQ,
    `economic_quantity` the EOQ (0 where costs are unknown), `room` the most the node can take.
    An order below the MOQ waits unless the stockout probability passes `defer_risk`.
    """

    level: float
    cv2: float
    lead_time_days: float
    lead_time_sd: float
    review_days: float
    on_hand: float
    on_order: float
    reserved: float
    service: ServiceTarget
    history_days: int
    nonzero_days: int
    pack_size: float = 1.0
    minimum_quantity: float = 0.0
    economic_quantity: float = 0.0
    room: float = math.inf
    defer_risk: float = 0.2
    minimum: HistoryMinimum = DEFAULT_MINIMUM

    def __post_init__(self) -> None:
        for name in ("on_hand", "on_order", "reserved"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name}: give a finite quantity")
        for name in ("on_order", "reserved", "review_days", "lead_time_days", "lead_time_sd"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"{name}: give 0 or more")
        for name in ("minimum_quantity", "economic_quantity"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}: give a finite quantity of 0 or more")
        if not 0.0 < self.pack_size < math.inf:
            raise ValueError("pack_size: give a positive finite quantity")
        if not self.room >= 0.0:
            raise ValueError("room: give 0 or more, infinity where nothing limits it")
        if not 0.0 <= self.defer_risk <= 1.0:
            raise ValueError("defer_risk: give a probability")

    @property
    def position(self) -> float:
        """On hand plus on order minus reserved."""
        return self.on_hand + self.on_order - self.reserved

    @property
    def protection_days(self) -> float:
        """Lead time plus review period: what an order placed now must cover."""
        return self.lead_time_days + self.review_days


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAdvice:
    """What to order and every number it follows from.

    `stockout_probability` (raw, to be calibrated before it is shown) and `expected_shortage`
    (units) are about the protection period if nothing is ordered now.
    """

    decision: OrderDecision
    quantity: float
    packs: int
    reorder_point: float
    order_up_to: float
    order_quantity: float
    position: float
    service_target: float
    tau: float
    demand_mean: float
    demand_variance: float
    stockout_probability: float
    expected_shortage: float
    inputs: OrderInputs


def order_advices(inputs: Sequence[OrderInputs]) -> tuple[OrderAdvice | Abstained, ...]:
    """Advice for many items at once, in the order given; an item's answer is its own alone.

    Raises ValueError where an input is negative or not finite.
    """
    results: list[OrderAdvice | Abstained | None] = [
        abstention(item.history_days, item.nonzero_days, item.minimum) for item in inputs
    ]
    rows = [row for row, result in enumerate(results) if result is None]
    items = [inputs[row] for row in rows]
    for row, advice in zip(rows, _advices(items), strict=True):
        results[row] = advice
    return tuple(result for result in results if result is not None)


def order_advice(inputs: OrderInputs) -> OrderAdvice | Abstained:
    """Advice for one item: order whole packs up to S when the position is at or below s.

    s is the tau quantile of lead-time demand and S = s + Q, Q the largest of economic quantity,
    one review period's demand and MOQ.
    Raises ValueError where an input is negative or not finite.
    """
    return order_advices((inputs,))[0]


def _advices(items: Sequence[OrderInputs]) -> list[OrderAdvice]:
    if not items:
        return []
    level = np.array([item.level for item in items], dtype=np.float64)
    demand = lead_time_demand(
        level=level,
        protection_days=[item.protection_days for item in items],
        cv2=[item.cv2 for item in items],
        lead_time_sd=[item.lead_time_sd for item in items],
    )
    points = reorder_points(
        level=level,
        protection_days=[item.protection_days for item in items],
        cv2=[item.cv2 for item in items],
        lead_time_sd=[item.lead_time_sd for item in items],
        tau=[item.service.tau for item in items],
    )
    position = np.array([item.position for item in items], dtype=np.float64)
    figures = zip(
        items,
        points.tolist(),
        demand.mean.tolist(),
        demand.variance.tolist(),
        demand.stockout_probability(position).tolist(),
        demand.expected_shortage(position).tolist(),
        strict=True,
    )
    return [_advice(*figure) for figure in figures]


def _advice(
    item: OrderInputs,
    reorder_point: float,
    mean: float,
    variance: float,
    risk: float,
    shortage: float,
) -> OrderAdvice:
    batch = max(item.economic_quantity, item.level * item.review_days, item.minimum_quantity)
    decision, packs = _packs(item, reorder_point, reorder_point + batch, risk)
    return OrderAdvice(
        decision=decision,
        quantity=packs * item.pack_size,
        packs=packs,
        reorder_point=reorder_point,
        order_up_to=reorder_point + batch,
        order_quantity=batch,
        position=item.position,
        service_target=item.service.target,
        tau=item.service.tau,
        demand_mean=mean,
        demand_variance=variance,
        stockout_probability=risk,
        expected_shortage=shortage,
        inputs=item,
    )


def _packs(
    item: OrderInputs, reorder_point: float, order_up_to: float, risk: float
) -> tuple[OrderDecision, int]:
    """Packs that stay within S, one more if they would leave the position at or below s."""
    position, pack = item.position, item.pack_size
    if position > reorder_point or order_up_to <= position:
        return OrderDecision.ENOUGH, 0
    packs = _whole((order_up_to - position) / pack)
    if position + packs * pack <= reorder_point:
        packs += 1
    fitting = packs if math.isinf(item.room) else _whole(item.room / pack)
    packs = min(packs, fitting)
    if packs * pack < item.minimum_quantity:
        needed = -_whole(-item.minimum_quantity / pack)
        if risk <= item.defer_risk:
            return OrderDecision.DEFER_BELOW_MINIMUM, 0
        if not math.isinf(item.room) and needed > fitting:
            return OrderDecision.NO_ROOM, 0
        packs = needed
    if packs == 0:
        return OrderDecision.NO_ROOM, 0
    return OrderDecision.ORDER, packs


def _whole(packs: float) -> int:
    """Floor that reads 2.9999999999 as 3: a rounding error is not a missing pack."""
    nearest = round(packs)
    return nearest if abs(packs - nearest) <= 1e-9 * max(1.0, abs(packs)) else math.floor(packs)


def reorder_points(
    *,
    level: npt.ArrayLike,
    protection_days: npt.ArrayLike,
    cv2: npt.ArrayLike,
    lead_time_sd: npt.ArrayLike,
    tau: npt.ArrayLike,
) -> FloatArray:
    """The tau quantile of lead-time demand, never lowered by lead-time uncertainty.

    At a fixed mean a gamma quantile first rises with the variance and then falls, once nearly all
    chance sits at zero (at 0.95 below a shape of about 0.1). A less reliable supplier would then
    get a lower reorder point, so lead-time variance counts only up to that turning point. At
    larger shapes this is the plain quantile.
    Raises ValueError where an input is negative or not finite, or tau not inside (0, 1).
    """
    full = lead_time_demand(
        level=level, protection_days=protection_days, cv2=cv2, lead_time_sd=lead_time_sd
    )
    certain = lead_time_demand(level=level, protection_days=protection_days, cv2=cv2)
    mean, base, variance = np.broadcast_arrays(full.mean, certain.variance, full.variance)
    taus = np.broadcast_to(np.asarray(tau, dtype=np.float64), mean.shape)
    if not bool(np.all((taus > 0.0) & (taus < 1.0))):
        raise ValueError("tau: give values between 0 and 1")
    shapes = [_turning_shape(math.floor(value * 1000.0)) for value in taus.tolist()]
    turning = mean * mean / np.array(shapes, dtype=np.float64)
    return LeadTimeDemand(mean, np.clip(turning, base, variance)).quantile(taus)


@lru_cache(maxsize=1024)
def _turning_shape(thousandths: int) -> float:
    """Shape at which the quantile over the mean is largest; infinite where it only falls.

    The turning shape falls as tau grows, so tau counts down to whole thousandths and one grid
    step is added: the clip then always ends on the rising side.
    """
    if thousandths < 1:
        return math.inf
    shapes = np.exp(np.arange(math.log(1e-3), math.log(1e3), 0.02))
    relative = gamma_quantile(thousandths / 1000.0, shapes) / shapes
    best = int(np.argmax(relative))
    return math.inf if best >= shapes.size - 2 else float(shapes[best + 1])


@dataclass(frozen=True, slots=True)
class StockoutRisk:
    """Chance that demand passes the position within `days`, and the units expected to be lost.

    The probability is raw; rank by `expected_lost_units` times unit value.
    """

    days: float
    probability: float
    expected_lost_units: float


def stockout_risk(*, position: float, level: float, cv2: float, days: float) -> StockoutRisk:
    """Risk over any horizon, for a proposition such as "loses a sale within 14 days".

    `cv2` is the window spread over that same number of open days (see `spread_over`).
    Raises ValueError where an input is negative or not finite (a position may be negative).
    """
    demand = lead_time_demand(level=level, protection_days=days, cv2=cv2)
    return StockoutRisk(
        days=days,
        probability=float(demand.stockout_probability(position)[0]),
        expected_lost_units=float(demand.expected_shortage(position)[0]),
    )


def economic_quantity(
    *, yearly_demand: float, order_cost: float, unit_cost: float, holding_rate: float
) -> float:
    """Economic order quantity sqrt(2 D K / (h c)) in units (Harris 1913).

    Raises ValueError where a cost or rate is not positive, or demand is negative.
    """
    for name, value in (("unit_cost", unit_cost), ("holding_rate", holding_rate)):
        if not value > 0.0:
            raise ValueError(f"{name}: give a positive value")
    if not (yearly_demand >= 0.0 and order_cost >= 0.0):
        raise ValueError("yearly_demand, order_cost: give 0 or more")
    return math.sqrt(2.0 * yearly_demand * order_cost / (holding_rate * unit_cost))


def critical_ratio(*, underage_cost: float, overage_cost: float) -> float:
    """Newsvendor target Cu / (Cu + Co), for one-shot and seasonal buys.

    Raises ValueError where a cost is not positive.
    """
    if not (underage_cost > 0.0 and overage_cost > 0.0):
        raise ValueError("underage_cost, overage_cost: give positive values")
    return underage_cost / (underage_cost + overage_cost)
