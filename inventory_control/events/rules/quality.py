"""What a source's data is worth: its quality, its silence, and when to look at it again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from inventory_control.core.errors import Refused
from inventory_control.events.values import Quality, QualityCounts

SHARES = ("completeness", "validity", "timeliness", "uniqueness")


def quality_of(counts: QualityCounts, weights: Mapping[str, float]) -> Quality:
    """How good the data of a source was on a day: four shares and their weighted mean.

    Completeness is 1 less the share of expected fields that events left out, over all fields
    expected of their types; validity the share of rows that could be taken, of rows taken and
    refused; timeliness 1 less the share of events that came later than the policy's minutes after
    they were true, or dated into the future; uniqueness the share of deliveries that were new, of
    events taken and repeated. Each goes from 0 to 1, and is 1 where there was nothing to judge.
    """
    shares = {
        "completeness": 1 - _share(counts.fields_missing, counts.fields_expected),
        "validity": 1 - _share(counts.refused, counts.events + counts.refused),
        "timeliness": 1 - _share(counts.late, counts.events),
        "uniqueness": 1 - _share(counts.repeated, counts.events + counts.repeated),
    }
    total = sum(weights.get(name, 0) for name in SHARES)
    score = sum(shares[name] * weights.get(name, 0) for name in SHARES) / total if total else 1.0
    return Quality(**shares, score=score)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def is_silent(silent_since: datetime | None, expected_minutes: int | None, at: datetime) -> bool:
    """Whether a source that is expected to speak has not done so for longer than that."""
    if silent_since is None or expected_minutes is None:
        return False
    return at - silent_since > timedelta(minutes=expected_minutes)


def next_look(
    *,
    now: datetime,
    silent_since: datetime | None,
    expected_minutes: int | None,
    skewed_at: datetime | None,
    skew_hours: float,
    score_minutes: float | None,
) -> datetime | None:
    """When time alone may next change what is to be said of a source; None: never.

    The end of the silence it is allowed, the end of the doubt about its clock, the next score
    (`score_minutes` None: it was not heard since the last one).
    """
    moments = []
    if score_minutes is not None:
        moments.append(now + timedelta(minutes=score_minutes))
    if silent_since is not None and expected_minutes is not None:
        # One second more: silent is longer than expected, not as long.
        moments.append(silent_since + timedelta(minutes=expected_minutes, seconds=1))
    if skewed_at is not None:
        moments.append(skewed_at + timedelta(hours=skew_hours))
    return min((moment for moment in moments if moment > now), default=None)


def check_freshness(value: Mapping[str, Any]) -> None:
    """Refuse limits of age that cannot be read; raises `Refused` naming the field."""
    if unknown := sorted(set(value) - {"default_minutes", "sources", "nodes"}):
        raise Refused(f"No field is called {unknown[0]}.", field=unknown[0])
    if value.get("default_minutes") is not None:
        _check_minutes(value["default_minutes"], "default_minutes")
    for group in ("sources", "nodes"):
        limits = value.get(group, {})
        if not isinstance(limits, Mapping):
            raise Refused(f"{group} is an object of minutes by code.", field=group)
        for code, minutes in limits.items():
            _check_minutes(minutes, f"{group}.{code}")


def _check_minutes(minutes: Any, field: str) -> None:
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= 525_600:
        raise Refused(f"{field} is a whole number of minutes from 1 to 525,600.", field=field)
