"""Channel disagreement: a channel, told twice, still shows another figure."""

from __future__ import annotations

from collections.abc import Iterable

from exceptions.rules import response_time
from exceptions.states import Severity
from exceptions.values import Finding, Scene


class ChannelDisagreement:
    """A channel acknowledged a figure, was told again, and shows something else (REC-11).

    Showing more than there is sells what cannot be served, so that is critical; showing less
    only loses sales.
    """

    key = "channel_disagreement"
    meaning = "A channel shows another figure than it was told."
    watches_documents = False

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per item and channel, worth the margin on the difference."""
        for holding in scene.holdings:
            for one in holding.disagreements:
                shown = one.shown or 0
                units = abs(shown - one.told)
                severity = Severity.CRITICAL if shown > one.told else Severity.MEDIUM
                yield Finding(
                    kind=self.key,
                    key=f"{holding.goods.sku}@{one.channel}",
                    severity=severity,
                    summary=f"{holding.goods.sku} on {one.channel}: told {one.told}, "
                    f"shows {'nothing' if one.shown is None else one.shown}",
                    units=units,
                    at_stake=units * holding.goods.margin,
                    respond_within=response_time(severity),
                    item_id=holding.goods.item_id,
                    node_id=holding.node_id,
                    evidence={
                        "channel": one.channel,
                        "told": one.told,
                        "shown": one.shown,
                        "is_listed": one.shown is not None,
                        "seen_at": one.seen_at.isoformat(),
                        "in_a_row": one.in_a_row,
                    },
                )
