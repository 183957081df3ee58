"""Position mismatch: systems disagree about an item at a place, and time does not explain it."""

from __future__ import annotations

from collections.abc import Iterable

from exceptions.rules import response_time, severity_of
from exceptions.values import Finding, Scene
from inventory_control.reconciliation.values import Mismatch

_URGENCY = 0.5
"""The books are in doubt; a channel that shows more than there is sells it at this moment."""


class PositionMismatch:
    """What the ledger, the other systems and the channels say of one place is one risk.

    However many systems disagree, they doubt the same units: the worst difference is its size.
    The evidence holds every figure with its moment and the transfers that are on their way, so that
    each part that looks right by itself is seen beside the others.
    """

    key = "position_mismatch"
    meaning = "Systems disagree about stock."
    watches_documents = True

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per place with a material difference, worth it at cost."""
        for mismatch in scene.reports.mismatches:
            worst = mismatch.worst
            severity = severity_of(1 if mismatch.is_oversold else _URGENCY, worst.value)
            yield Finding(
                kind=self.key,
                key=f"{mismatch.sku}@{mismatch.where}",
                severity=severity,
                summary=f"{mismatch.sku} at {mismatch.where}: {worst.system} says "
                f"{worst.reported}, we say {worst.ledger}; {abs(worst.unexplained)} unexplained",
                units=abs(worst.unexplained),
                at_stake=worst.value,
                respond_within=response_time(severity),
                item_id=mismatch.item_id,
                node_id=mismatch.node_id,
                document=mismatch.reference,
                evidence=_evidence(mismatch),
                assignee=mismatch.owner,
                is_asked_anew=True,
            )


def _evidence(mismatch: Mismatch) -> dict[str, object]:
    worst = mismatch.worst
    return {
        "gap": worst.reported - worst.ledger,
        "explained": worst.explained,
        "unexplained": worst.unexplained,
        "owner_role": mismatch.owner_role,
        "discrepancies": [
            {
                "id": line.discrepancy_id,
                "system": line.system,
                "reported": line.reported,
                "ledger": line.ledger,
                "explained": line.explained,
                "unexplained": line.unexplained,
                "value": str(line.value),
            }
            for line in mismatch.lines
        ],
        "said": [
            {
                "system": one.system,
                "quantity": one.quantity,
                "as_of": one.as_of.isoformat(),
                "off": one.off,
                "is_odd": one.is_odd,
            }
            for one in mismatch.said
        ],
        "transfers": [
            {
                "document": one.number,
                "from": one.from_node,
                "to": one.to_node,
                "units": one.quantity,
                "shipped": one.shipped,
                "is_released": one.shipped > 0,
            }
            for one in mismatch.transfers
        ],
        "causes": [
            {"code": cause.code, "words": cause.words, "is_exact": cause.is_exact}
            for cause in mismatch.causes
        ],
    }
