"""Late transfers: stock that was to move between nodes did not leave, or did not arrive."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from exceptions.rules import response_time, severity_of
from exceptions.values import Finding, LateTransfer, Scene

_DAYS_UNTIL_URGENT = 3
_SECONDS_A_DAY = 86_400


class TransferDelay:
    """A transfer is overdue. The case is the sender's: nothing but its shipment helps.

    At stake is the margin of the units. The receiver's risk of running out is a case of its own,
    and counts this transfer as supply until it is cancelled: buying the same units as well would
    be a mistake of the planner's, not a remedy.
    """

    key = "transfer_delay"
    meaning = "A transfer is overdue."
    watches_documents = True

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per overdue transfer, at the node it comes from."""
        for transfer in scene.late_transfers:
            yield self._finding(transfer, scene.at)

    def _finding(self, one: LateTransfer, at: datetime) -> Finding:
        days_late = int((at - one.expected_at).total_seconds() // _SECONDS_A_DAY)
        at_stake = one.units * one.goods.margin
        severity = severity_of(max(0.5, days_late / _DAYS_UNTIL_URGENT), at_stake)
        standing = "shipped, not received" if one.is_shipped else "not shipped"
        return Finding(
            kind=self.key,
            key=one.number,
            severity=severity,
            summary=f"{one.number}, {one.units} of {one.goods.sku} from {one.from_node} to "
            f"{one.to_node}: due {one.expected_at:%Y-%m-%d %H:%M} UTC, {standing}",
            units=one.units,
            at_stake=at_stake,
            respond_within=response_time(severity),
            item_id=one.goods.item_id,
            node_id=one.from_node_id,
            document=one.number,
            evidence={
                "expected_at": one.expected_at.isoformat(),
                "days_late": days_late,
                "from_node": one.from_node,
                "to_node": one.to_node,
                "is_shipped": one.is_shipped,
            },
        )
