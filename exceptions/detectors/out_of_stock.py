"""Out of stock: an item that is asked for cannot be sold from a node any more."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from exceptions.detectors.stockout import (
    due_supply,
    reorder_level,
    replenishment_evidence,
    supply_checks,
)
from exceptions.rules import (
    horizon_days,
    promotion_lift,
    response_time,
    severity_of,
    shortfall,
)
from exceptions.values import Finding, Holding, Scene


class OutOfStock:
    """Nothing is available of an item with demand: every day until supply comes loses sales.

    Units at stake are what will be asked for until an order placed now arrives, what is already
    promised included. Supply on order changes none of that: the sales of today are lost.
    """

    key = "out_of_stock"
    meaning = "Nothing is left of something that is asked for."
    watches_documents = False

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per ranged place with demand and nothing available."""
        for holding in scene.holdings:
            if holding.is_ranged and holding.demand.units and holding.available <= 0:
                yield self._finding(holding, due_supply(holding, scene.at), scene.at)

    def _finding(self, holding: Holding, due: int, at: datetime) -> Finding:
        goods = holding.goods
        days = horizon_days(goods.lead_time_days)
        expected = holding.demand.over(days, promotion_lift(holding.promotions, at, days))
        units = shortfall(expected, holding.available)
        at_stake = units * goods.margin
        severity = severity_of(1, at_stake)
        return Finding(
            kind=self.key,
            key=holding.key,
            severity=severity,
            summary=f"{goods.sku} at {holding.node}: nothing available, "
            f"{holding.demand.daily:.1f} a day asked for",
            units=units,
            at_stake=at_stake,
            respond_within=response_time(severity),
            item_id=goods.item_id,
            node_id=holding.node_id,
            evidence=replenishment_evidence(holding, due, at)
            | {"checks": supply_checks(holding, reorder_level(holding, at) or 0, due, at)},
        )
