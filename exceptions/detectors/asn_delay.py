"""Late supply: a purchase order has not arrived when it was expected."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from exceptions.rules import response_time, severity_of
from exceptions.values import Finding, LateOrder, Scene

_DAYS_UNTIL_URGENT = 3
_SECONDS_A_DAY = 86_400


class AsnDelay:
    """The moment a purchase order or its shipping notice named has passed, and units are owed.

    At stake is the margin of those units. It grows more urgent by the day, up to the third.
    """

    key = "asn_delay"
    meaning = "Supply is later than announced."
    watches_documents = True

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per late order that still owes something."""
        for order in scene.late_orders:
            if order.lines:
                yield self._finding(order, scene.at)

    def _finding(self, order: LateOrder, at: datetime) -> Finding:
        days_late = int((at - order.expected_at).total_seconds() // _SECONDS_A_DAY)
        units = sum(line.units for line in order.lines)
        at_stake = sum((line.units * line.goods.margin for line in order.lines), Decimal(0))
        severity = severity_of(max(0.5, days_late / _DAYS_UNTIL_URGENT), at_stake)
        only = order.lines[0].goods.item_id if len(order.lines) == 1 else None
        sender = f" from {order.supplier}" if order.supplier else ""
        return Finding(
            kind=self.key,
            key=order.number,
            severity=severity,
            summary=f"{order.number}{sender} for {order.node}: {units} units overdue since "
            f"{order.expected_at:%Y-%m-%d %H:%M} UTC",
            units=units,
            at_stake=at_stake,
            respond_within=response_time(severity),
            item_id=only,
            node_id=order.node_id,
            document=order.number,
            evidence={
                "expected_at": order.expected_at.isoformat(),
                "days_late": days_late,
                "lines": [
                    {"sku": line.goods.sku, "outstanding": line.units} for line in order.lines
                ],
            },
        )
