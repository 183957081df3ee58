"""Transfer discrepancy: sender and receiver of a transfer do not agree on what came."""

from __future__ import annotations

from collections.abc import Iterable

from exceptions.rules import response_time, severity_of
from exceptions.values import DisputedTransfer, Finding, Scene


class TransferDiscrepancy:
    """Units left one node and came nowhere, or more came than left.

    They stay in transit at the receiver, visible and owned by nobody, until they are found, sent
    back or written off. At stake is their cost.
    """

    key = "transfer_discrepancy"
    meaning = "Sender and receiver of a transfer disagree."
    watches_documents = True

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per transfer in dispute, naming both nodes."""
        for transfer in scene.disputed_transfers:
            yield self._finding(transfer)

    def _finding(self, one: DisputedTransfer) -> Finding:
        units = abs(one.units)
        at_stake = units * one.goods.unit_cost
        severity = severity_of(0.5, at_stake)
        fault = "missing" if one.units > 0 else "more than were sent"
        return Finding(
            kind=self.key,
            key=one.number,
            severity=severity,
            summary=f"{one.number} of {one.goods.sku}, {one.from_node} to {one.to_node}: "
            f"{one.shipped} shipped, {one.received} received, {units} {fault}",
            units=units,
            at_stake=at_stake,
            respond_within=response_time(severity),
            item_id=one.goods.item_id,
            node_id=one.to_node_id,
            document=one.number,
            evidence={
                "from_node": one.from_node,
                "to_node": one.to_node,
                "shipped": one.shipped,
                "received": one.received,
                "returned": one.returned,
                "written_off": one.written_off,
                "in_transit": one.units,
                "unit_cost": str(one.goods.unit_cost),
            },
        )
