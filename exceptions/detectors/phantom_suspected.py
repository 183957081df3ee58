"""Suspected phantom: a shelf shows nothing of what the books say is there."""

from __future__ import annotations

from collections.abc import Iterable

from exceptions.rules import response_time, severity_of
from exceptions.values import Finding, Scene

_URGENCY = 0.5
"""A sensor weighs less than a count: somebody should look, nothing is known to be wrong."""


class PhantomSuspected:
    """A shelf signalled empty while the books hold sellable stock, and nobody counted since.

    The books are not touched: only a count or an adjustment changes them. The doubt ends when the
    shelf shows something again, when somebody counts, or when the books run out too.
    """

    key = "phantom_suspected"
    meaning = "A shelf is empty that should not be."
    watches_documents = False

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per place with an empty shelf, worth the stock that may not be there."""
        for holding in scene.holdings:
            signal = holding.empty_shelf
            if signal is None or holding.sellable <= 0:
                continue
            at_stake = holding.sellable * holding.goods.unit_cost
            severity = severity_of(_URGENCY, at_stake)
            yield Finding(
                kind=self.key,
                key=holding.key,
                severity=severity,
                summary=f"{holding.goods.sku} at {holding.node}: the shelf is empty, the books say "
                f"{holding.sellable}",
                units=holding.sellable,
                at_stake=at_stake,
                respond_within=response_time(severity),
                item_id=holding.goods.item_id,
                node_id=holding.node_id,
                evidence={
                    "sellable": holding.sellable,
                    "signalled_at": signal.occurred_at.isoformat(),
                    "source": signal.source,
                    "source_id": signal.source_id,
                    "unit_cost": str(holding.goods.unit_cost),
                },
            )
