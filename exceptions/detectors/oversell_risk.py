"""Oversell risk: a channel that cannot be reached may show more than there is."""

from __future__ import annotations

from collections.abc import Iterable

from exceptions.rules import brief, response_time
from exceptions.states import Severity
from exceptions.values import Finding, Scene


class OversellRisk:
    """A channel was last known to show more than may be sold, and every attempt to tell it failed.

    Each of those units may be sold to somebody while nobody can stop it, so it is critical. One
    case per channel: the remedy is to reach the channel, or to take the listings down there.
    """

    key = "oversell_risk"
    meaning = "A channel that cannot be told may show more than there is."
    watches_documents = True

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per channel, worth the margin on what it shows too much."""
        for one in scene.unconfirmed:
            yield Finding(
                kind=self.key,
                key=brief(one.channel, 180),
                severity=Severity.CRITICAL,
                summary=f"{one.channel} may show {one.units} more than may be sold: it could not "
                "be told",
                units=one.units,
                at_stake=one.at_stake,
                respond_within=response_time(Severity.CRITICAL),
                document=brief(one.channel, 60),
                evidence={
                    "channel": one.channel,
                    "since": one.since.isoformat(),
                    "count": one.count,
                    "listings": [
                        {"sku": sku, "shown": shown, "should": should}
                        for sku, shown, should in one.listings
                    ],
                },
            )
