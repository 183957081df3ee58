"""Unknown serial: a unit came back that this house is not known to have sold."""

from __future__ import annotations

from collections.abc import Iterable

from exceptions.rules import brief, response_time, serial_key, severity_of
from exceptions.values import Finding, Scene

_URGENCY = 0.5


class UnknownSerialReturned:
    """A return names a serial without a sale before it: bought elsewhere, swapped, or mistyped.

    Somebody must look before money is paid back. A sale that arrives late ends the doubt.
    """

    key = "unknown_serial"
    meaning = "A unit came back that was never sold here."
    watches_documents = False

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per unit, worth its price."""
        for holding in scene.holdings:
            for unit in holding.unknown_serials:
                at_stake = holding.goods.unit_price or holding.goods.unit_cost
                severity = severity_of(_URGENCY, at_stake)
                yield Finding(
                    kind=self.key,
                    key=serial_key(holding.goods.sku, holding.node, unit.serial),
                    severity=severity,
                    summary=f"{holding.goods.sku} at {holding.node}: serial "
                    f"{brief(unit.serial, 80)} came back and was never sold",
                    units=1,
                    at_stake=at_stake,
                    respond_within=response_time(severity),
                    item_id=holding.goods.item_id,
                    node_id=holding.node_id,
                    document=brief(unit.serial, 60),
                    is_asked_anew=True,
                    evidence={
                        "serial": unit.serial,
                        "lot": unit.lot,
                        "returned_at": unit.returned_at.isoformat(),
                        "unit_price": str(holding.goods.unit_price),
                    },
                )
