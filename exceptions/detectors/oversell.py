"""Oversell: more is promised to customers than there is."""

from __future__ import annotations

from collections.abc import Iterable

from exceptions.rules import response_time
from exceptions.states import Severity
from exceptions.values import Finding, Scene


class Oversell:
    """Open claims exceed the sellable stock of a node, so somebody's order cannot be kept.

    Always critical: a customer holds a promise, and it can be kept from elsewhere only while
    the promised time has not passed. The response time of a critical case is that clock.
    """

    key = "oversell"
    meaning = "More is promised than there is."
    watches_documents = False

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per place that cannot serve its claims; the evidence lists them."""
        for holding in scene.holdings:
            units = min(holding.promised, holding.promised - holding.sellable)
            if units <= 0:
                continue
            yield Finding(
                kind=self.key,
                key=holding.key,
                severity=Severity.CRITICAL,
                summary=f"{holding.goods.sku} at {holding.node}: {holding.promised} promised, "
                f"{holding.sellable} there",
                units=units,
                at_stake=units * holding.goods.margin,
                respond_within=response_time(Severity.CRITICAL),
                item_id=holding.goods.item_id,
                node_id=holding.node_id,
                evidence={
                    "sellable": holding.sellable,
                    "reserved": holding.reserved,
                    "allocated": holding.allocated,
                    "claims": [
                        {"claim": claim.key, "channel": claim.channel, "units": claim.units}
                        for claim in holding.claims
                    ],
                },
            )
