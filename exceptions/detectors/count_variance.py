"""Count variance: somebody counted, and the books disagree by more than is tolerated."""

from __future__ import annotations

from collections.abc import Iterable

from exceptions.rules import response_time, severity_of
from exceptions.values import Finding, Scene

_URGENCY = 0.5
"""The item is frozen while the count waits: it sells nothing, but nobody is promised wrongly."""


class CountVariance:
    """A count waits for a person because accepting it would change the books too much.

    Where several wait, the latest is the risk: the fold lets it overrule those before it.
    """

    key = "count_variance"
    meaning = "A count differs from the books."
    watches_documents = False

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per place with a pending count, worth the variance at cost."""
        for holding in scene.holdings:
            if not holding.counts:
                continue
            latest = max(holding.counts, key=lambda count: count.occurred_at)
            units = abs(latest.variance)
            at_stake = units * holding.goods.unit_cost
            severity = severity_of(_URGENCY, at_stake)
            yield Finding(
                kind=self.key,
                key=holding.key,
                severity=severity,
                summary=f"{holding.goods.sku} at {holding.node}: counted {latest.counted}, "
                f"expected {latest.expected}",
                units=units,
                at_stake=at_stake,
                respond_within=response_time(severity),
                item_id=holding.goods.item_id,
                node_id=holding.node_id,
                evidence={
                    "counted": latest.counted,
                    "expected": latest.expected,
                    "variance": latest.variance,
                    "counted_at": latest.occurred_at.isoformat(),
                    "waiting_counts": len(holding.counts),
                    "unit_cost": str(holding.goods.unit_cost),
                },
            )
