"""Exposure hold: so little is left of an item that a rule took it off channels."""

from __future__ import annotations

from collections.abc import Iterable

from exceptions.rules import response_time
from exceptions.states import Severity
from exceptions.values import Finding, Scene


class ExposureHold:
    """Channels show nothing although something is there, because a rule keeps it for others.

    One case per place, however many channels and rules: the remedy is to bring stock there. It
    closes when the last hold ends, so the time it was open is the time the channels were off.
    """

    key = "exposure_hold"
    meaning = "Channels were taken off because little is left."
    watches_documents = False

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per place with a live hold, worth the margin on what is missing."""
        for holding in scene.holdings:
            if not holding.holds:
                continue
            units = max(held.resume_from - held.ats for held in holding.holds)
            channels = sorted({held.channel for held in holding.holds})
            yield Finding(
                kind=self.key,
                key=holding.key,
                severity=Severity.HIGH,
                summary=f"{holding.goods.sku} at {holding.node}: held on {', '.join(channels)}",
                units=units,
                at_stake=units * holding.goods.margin,
                respond_within=response_time(Severity.HIGH),
                item_id=holding.goods.item_id,
                node_id=holding.node_id,
                evidence={
                    "channels": channels,
                    "holds": [
                        {
                            "rule": f"{held.rule} v{held.version}",
                            "channel": held.channel,
                            "available": held.ats,
                            "hold_below": held.hold_below,
                            "resume_from": held.resume_from,
                            "held_at": held.held_at.isoformat(),
                        }
                        for held in holding.holds
                    ],
                },
            )
