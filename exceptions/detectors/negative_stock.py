"""Negative stock: the books say that less than nothing can be sold."""

from __future__ import annotations

from collections.abc import Iterable

from exceptions.rules import response_time, severity_of
from exceptions.values import Finding, Scene


class NegativeStock:
    """More left a node than ever came in: a receipt is missing, or a sale is wrong.

    The ledger never clamps at zero, so the fault shows here instead of hiding in a count.
    """

    key = "negative_stock"
    meaning = "The books say less than nothing is there."
    watches_documents = False

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per place with a negative sellable quantity, worth its cost."""
        for holding in scene.holdings:
            if holding.sellable >= 0:
                continue
            units = -holding.sellable
            at_stake = units * holding.goods.unit_cost
            severity = severity_of(1, at_stake)
            yield Finding(
                kind=self.key,
                key=holding.key,
                severity=severity,
                summary=f"{holding.goods.sku} at {holding.node}: the books say {holding.sellable}",
                units=units,
                at_stake=at_stake,
                respond_within=response_time(severity),
                item_id=holding.goods.item_id,
                node_id=holding.node_id,
                evidence={
                    "sellable": holding.sellable,
                    "unit_cost": str(holding.goods.unit_cost),
                },
            )
