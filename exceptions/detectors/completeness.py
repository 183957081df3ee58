"""Completeness: a source sent more (or less) than what is here."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from exceptions.rules import response_time, severity_of
from exceptions.values import Finding, Scene
from inventory_control.reconciliation.values import Shortfall


class Completeness:
    """A control total does not tie: messages are missing, or came that were never sent.

    Nobody knows yet what the missing ones would have moved, so no money is put on them; the gap
    lists the ids that are known to be missing.
    """

    key = "completeness"
    meaning = "Messages of a source are missing."
    watches_documents = True

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per total that does not tie."""
        for total in scene.reports.shortfalls:
            gap = total.expected - total.received
            severity = severity_of(1 if gap > 0 else 0, Decimal(0))
            what = total.type or "messages"
            yield Finding(
                kind=self.key,
                key=f"{total.source}/{what}/{total.since:%Y-%m-%dT%H:%M}",
                severity=severity,
                summary=f"{total.source}: {total.received} of {total.expected} {what} "
                f"from {total.since:%Y-%m-%d %H:%M} to {total.until:%Y-%m-%d %H:%M} UTC",
                units=abs(gap),
                at_stake=Decimal(0),
                respond_within=response_time(severity),
                document=f"CT-{total.total_id}",
                evidence=_evidence(total),
                is_asked_anew=True,
            )


def _evidence(total: Shortfall) -> dict[str, object]:
    return {
        "expected": total.expected,
        "received": total.received,
        "gap": total.expected - total.received,
        "missing": list(total.missing),
        "refused": total.refused,
        "direction": total.direction,
        "since": total.since.isoformat(),
        "until": total.until.isoformat(),
    }
