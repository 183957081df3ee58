"""Cancelled shipment: goods left for an order that had been cancelled."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from exceptions.rules import response_time
from exceptions.states import Severity
from exceptions.values import Finding, Scene

LONGEST = 60
"""So much of an order line's name fits into the key of a case beside item and node."""


class CancelledShipment:
    """An order line shipped more than was left of it after its cancellation.

    The ledger is true, the units are gone; somebody must stop the parcel, take it back, or say
    that the cancellation was wrong. It clears when one of the two events is corrected. Whichever
    came first, the other makes the case.
    """

    key = "cancelled_shipment"
    meaning = "A cancelled order was shipped."
    watches_documents = False

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per order line, worth the excess at cost."""
        for holding in scene.holdings:
            for claim in holding.overdrawn:
                yield Finding(
                    kind=self.key,
                    key=f"{_short(claim.key)}@{holding.key}",
                    severity=Severity.HIGH,
                    summary=f"{claim.key[:80]}: {claim.units} of {holding.goods.sku} shipped from "
                    f"{holding.node} although cancelled",
                    units=claim.units,
                    at_stake=claim.units * holding.goods.unit_cost,
                    respond_within=response_time(Severity.HIGH),
                    item_id=holding.goods.item_id,
                    node_id=holding.node_id,
                    evidence={
                        "order_line": claim.key,
                        "channel": claim.channel,
                        "units": claim.units,
                    },
                )


def _short(name: str) -> str:
    """A long name by its beginning and its digest, so that no two are taken for one."""
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 17]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"
