"""Receipt quality: inspection found more of a delivery damaged than is tolerated."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from exceptions.rules import response_time, severity_of
from exceptions.values import DisputedReceipt, Finding, Scene
from inventory_control.orders.rules import is_damage_material


class ReceiptQuality:
    """The damaged share of what was inspected of a line is above the policy's limit.

    It stands until a person has taken it up with the supplier; more damage opens it again.
    """

    key = "receipt_quality"
    meaning = "A delivery is damaged beyond what is tolerated."
    watches_documents = True

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per order with lines above the limit, worth their damaged units at cost."""
        for receipt in scene.disputed_receipts:
            finding = self._finding(receipt, scene.damage_share)
            if finding is not None:
                yield finding

    def _finding(self, receipt: DisputedReceipt, share: Decimal) -> Finding | None:
        lines = [
            line
            for line in receipt.lines
            if is_damage_material(inspected=line.inspected, damaged=line.damaged, share=share)
        ]
        if not lines:
            return None
        units = sum(line.damaged for line in lines)
        at_stake = sum((line.damaged * line.goods.unit_cost for line in lines), Decimal(0))
        severity = severity_of(0.5, at_stake)
        told = ", ".join(
            f"{line.damaged} of {line.inspected} {line.goods.sku} damaged "
            f"({100 * line.damaged / line.inspected:.1f} %)"
            for line in lines[:5]
        )
        return Finding(
            kind=self.key,
            key=receipt.number,
            severity=severity,
            summary=f"{receipt.number} at {receipt.node}: {told}",
            units=units,
            at_stake=at_stake,
            respond_within=response_time(severity),
            item_id=lines[0].goods.item_id if len(lines) == 1 else None,
            node_id=receipt.node_id,
            document=receipt.number,
            evidence={
                "damage_share": str(share),
                "supplier": receipt.supplier,
                "lines": [
                    {
                        "sku": line.goods.sku,
                        "inspected": line.inspected,
                        "damaged": line.damaged,
                    }
                    for line in lines
                ],
            },
        )
