"""Doubts about sources: one fell silent, its clock runs ahead, its data is bad."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from exceptions.rules import brief, response_time
from exceptions.states import Severity
from exceptions.values import Finding, Scene, SourceState


class StaleFeed:
    """A source that is expected to speak has not done so for longer than that.

    Whatever it reports of goes on being sold on old numbers. It ends when the source speaks again.
    """

    key = "stale_feed"
    meaning = "A source has fallen silent."
    watches_documents = True

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per silent source."""
        for source in scene.sources:
            if source.silent_since is not None:
                since = source.silent_since
                yield _finding(
                    self.key,
                    source,
                    Severity.HIGH,
                    f"{brief(source.code, 80)} has been silent since {since:%Y-%m-%d %H:%M} UTC; "
                    f"it speaks every {source.expected_minutes} minutes",
                    {
                        "silent_since": since.isoformat(),
                        "expected_minutes": source.expected_minutes,
                    },
                )


class ClockSkew:
    """A source dates events into the future: its clock is wrong, and the order of facts with it."""

    key = "clock_skew"
    meaning = "The clock of a source runs ahead."
    watches_documents = True

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per source whose clock ran ahead lately, with the latest event as proof."""
        for source in scene.sources:
            if source.skewed_at is not None:
                ahead = source.skewed_seconds // 60
                yield _finding(
                    self.key,
                    source,
                    Severity.MEDIUM,
                    f"{brief(source.code, 80)} dated an event {ahead} minutes into the future",
                    {
                        "seconds_ahead": source.skewed_seconds,
                        "source_id": source.skewed_id,
                        "received_at": source.skewed_at.isoformat(),
                    },
                )


class LowQuality:
    """The data of a source scored below the limit of the policy on the latest day it was heard."""

    key = "low_quality"
    meaning = "The data of a source is bad."
    watches_documents = True

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per source below the limit, with the shares that pulled it down."""
        for source in scene.sources:
            if source.scored is not None:
                scored = source.scored
                yield _finding(
                    self.key,
                    source,
                    Severity.MEDIUM,
                    f"{brief(source.code, 80)}: data quality {scored.score:.2f} on "
                    f"{scored.day:%Y-%m-%d}, below {source.limit:.2f}",
                    {
                        "day": scored.day.isoformat(),
                        "rows": scored.rows,
                        "score": f"{scored.score:.3f}",
                        "limit": f"{source.limit:.3f}",
                        "policy": scored.policy,
                        **{name: f"{share:.3f}" for name, share in scored.shares.items()},
                    },
                )


def _finding(
    kind: str, source: SourceState, severity: int, summary: str, evidence: Mapping[str, object]
) -> Finding:
    return Finding(
        kind=kind,
        key=brief(source.code, 180),
        severity=severity,
        summary=summary,
        units=0,
        at_stake=Decimal(0),
        respond_within=response_time(severity),
        document=brief(source.code, 60),
        is_asked_anew=True,
        evidence={
            "source": source.code,
            "owner": source.owner,
            "received_from": source.received_from,
            **evidence,
        },
    )
