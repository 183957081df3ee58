"""Scoring: how good the data of each source was, day by day of receipt (EVT-25)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import msgspec
from django.db import connection, transaction

from inventory_control.core import clock
from inventory_control.events.models import QualityDay
from inventory_control.events.rules import SHARES, quality_of
from inventory_control.events.selectors import SOURCE_SQL, policy_of
from inventory_control.events.values import DATA_QUALITY, QualityCounts

_COUNTS = ("events", "refused", "repeated", "late", "fields_expected", "fields_missing")


@transaction.atomic
def score_days(first: date, last: date) -> int:
    """Score every source on each day from `first` to `last` (UTC) anew; returns the scores written.

    From events, dead letters and redeliveries in one statement, so that a day comes out the same
    however often it is scored. Each score names the version of the policy it followed.
    """
    policy = policy_of(DATA_QUALITY)
    with connection.cursor() as cursor:
        cursor.execute(
            SOURCE_SQL["counts"],
            {
                "since": _start(first),
                "until": _start(last + timedelta(days=1)),
                "late": policy.value["late_minutes"],
                "expected": msgspec.json.encode(policy.value["expected"]).decode(),
            },
        )
        counted = cursor.fetchall()
    now = clock.now()
    rows = []
    for source, day, *figures in counted:
        counts = QualityCounts(*figures)
        quality = quality_of(counts, policy.value["weights"])
        rows.append(
            QualityDay(
                source=source,
                day=day,
                policy=policy.name,
                scored_at=now,
                score=quality.score,
                **{name: getattr(counts, name) for name in _COUNTS},
                **{name: getattr(quality, name) for name in SHARES},
            )
        )
    QualityDay.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["source", "day"],
        update_fields=["policy", "scored_at", "score", *_COUNTS, *SHARES],
    )
    return len(rows)


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
