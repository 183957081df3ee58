"""What is to be said of sources now, less what somebody has settled."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta

from exceptions.rules import brief
from exceptions.values import ScoredDay, SourceState
from inventory_control.core.sql import hot, texts
from inventory_control.events.rules import SHARES, is_silent
from inventory_control.events.selectors import latest_quality, policy_of, source_marks
from inventory_control.events.values import DATA_QUALITY, SourceMark

_SETTLED = """
    SELECT key, max(closed_at) FROM exceptions_exceptioncase
     WHERE key = ANY(%(keys)s::text[]) AND closed_at IS NOT NULL
       AND status NOT IN ('open', 'acknowledged') AND resolution <> 'cleared'
     GROUP BY key
"""
_KINDS = ("stale_feed", "clock_skew", "low_quality")


def settled_at(keys: Collection[str]) -> dict[str, datetime]:
    """When somebody last closed the case of a key; a case that cleared by itself settles nothing."""
    return dict(hot(_SETTLED, {"keys": texts(keys)})) if keys else {}


def source_states(at: datetime) -> tuple[SourceState, ...]:
    """Every source there is something to be said of, by code."""
    sources = source_marks()
    if not sources:
        return ()
    policy = policy_of(DATA_QUALITY).value
    skewed_since = at - timedelta(hours=float(policy["skew_hours"]))
    scored = _scored(float(policy["limit"]), int(policy["least_rows"]))
    doubted = [
        one
        for one in sources
        if one.skewed_at
        or one.code in scored
        or is_silent(one.silent_since, one.expected_minutes, at)
    ]
    settled = settled_at([f"{kind}:{brief(one.code, 180)}" for one in doubted for kind in _KINDS])
    states = []
    for one in doubted:
        silent, skewed, bad = one.silent_since, one.skewed_at, scored.get(one.code)
        if not is_silent(silent, one.expected_minutes, at) or _is_settled(
            settled, "stale_feed", one, silent
        ):
            silent = None
        if (
            skewed is None
            or skewed <= skewed_since
            or _is_settled(settled, "clock_skew", one, skewed)
        ):
            skewed = None
        if bad and _is_settled(settled, "low_quality", one, datetime.combine(bad.day, time(), UTC)):
            bad = None
        if silent or skewed or bad:
            states.append(
                SourceState(
                    code=one.code,
                    owner=one.owner,
                    received_from=one.received_from,
                    expected_minutes=one.expected_minutes,
                    silent_since=silent,
                    skewed_at=skewed,
                    skewed_seconds=one.skewed_seconds,
                    skewed_id=one.skewed_id,
                    scored=bad,
                    limit=float(policy["limit"]),
                )
            )
    return tuple(states)


def _is_settled(
    settled: dict[str, datetime], kind: str, source: SourceMark, moment: datetime | None
) -> bool:
    closed_at = settled.get(f"{kind}:{brief(source.code, 180)}")
    return closed_at is not None and moment is not None and closed_at >= moment


def _scored(limit: float, least_rows: int) -> dict[str, ScoredDay]:
    """The latest scored day of each source, where it has rows enough and is below the limit."""
    return {
        one.source: ScoredDay(
            day=one.day,
            rows=one.rows,
            shares={name: getattr(one, name) for name in SHARES},
            score=one.score,
            policy=one.policy,
        )
        for one in latest_quality()
        if one.score < limit and one.rows >= least_rows
    }
