"""Receipt discrepancy: what was announced or received is not what was ordered."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from exceptions.rules import response_time, severity_of
from exceptions.values import DisputedReceipt, Finding, Scene


class ReceiptDiscrepancy:
    """A supplier's notice or delivery differs from the order, or brought what nobody ordered.

    Seen before arrival when the notice says so. It ends when the rest comes, the order is changed
    to what came, or somebody decides on the goods that were not ordered.
    """

    key = "receipt_discrepancy"
    meaning = "Announced or received is not what was ordered."
    watches_documents = True

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per order with lines that differ, worth those units at cost."""
        for receipt in scene.disputed_receipts:
            if any(line.units for line in receipt.lines):
                yield self._finding(receipt)

    def _finding(self, receipt: DisputedReceipt) -> Finding:
        lines = [line for line in receipt.lines if line.units]
        units = sum(abs(line.units) for line in lines)
        at_stake = sum((abs(line.units) * line.goods.unit_cost for line in lines), Decimal(0))
        severity = severity_of(0.5, at_stake)
        told = ", ".join(f"{line.goods.sku} {line.units:+d}" for line in lines[:5])
        sender = f" from {receipt.supplier}" if receipt.supplier else ""
        return Finding(
            kind=self.key,
            key=receipt.number,
            severity=severity,
            summary=f"{receipt.number}{sender} for {receipt.node}: {told}",
            units=units,
            at_stake=at_stake,
            respond_within=response_time(severity),
            item_id=lines[0].goods.item_id if len(lines) == 1 else None,
            node_id=receipt.node_id,
            document=receipt.number,
            evidence={
                "lines": [
                    {
                        "sku": line.goods.sku,
                        "ordered": line.ordered,
                        "announced": line.announced,
                        "received": line.received,
                        "difference": line.units,
                        "is_ordered": line.is_ordered,
                    }
                    for line in lines
                ],
                "damaged": {line.goods.sku: line.damaged for line in receipt.lines if line.damaged},
            },
        )
