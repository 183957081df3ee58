"""Sources: who sends what, when each was last heard, and when to look at it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from inventory_control.audit.services import record_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.permissions import require
from inventory_control.core.sql import hot, hot_write
from inventory_control.core.tenancy import current_tenant
from inventory_control.events import permissions
from inventory_control.events.errors import InvalidSourceError
from inventory_control.events.models import Source
from inventory_control.events.rules import check_freshness, next_look
from inventory_control.events.selectors import SOURCE_SQL, policy_of
from inventory_control.events.services.scoring import score_days
from inventory_control.events.values import DATA_QUALITY, FRESHNESS
from inventory_control.policies.models import Policy
from inventory_control.policies.services import set_policy
from inventory_control.policies.values import PolicyValue

MOST_ROWS = 1_000
LONGEST_SILENCE = 60 * 24 * 366
"""Minutes; a source expected less often than once a year is not expected at all."""
SCORED_BACK = timedelta(days=7)
"""What was not scored for so long is left: news is scored within minutes of its receipt."""


@transaction.atomic
def set_freshness(value: Mapping[str, Any], *, by: Actor) -> Policy:
    """Say after how many minutes positions are stale, by source, by node, or for all."""
    check_freshness(value)
    policy = set_policy(key=FRESHNESS, value=value, by=by)
    ring("sources")
    return policy


@transaction.atomic
def put_sources(rows: Sequence[Mapping[str, Any]], *, by: Actor) -> int:
    """Name the owner of sources by `code`, and how often each is expected to speak.

    A source may be named before it ever spoke; fields a row leaves out stay as they are.
    """
    require(by, permissions.MANAGE_SOURCES)
    if len(rows) > MOST_ROWS:
        raise InvalidSourceError(f"At most {MOST_ROWS:,} rows a call.")
    _hold_sources()
    now = clock.now()
    read = [_source_row(row, place) for place, row in enumerate(rows)]
    if len({row["code"] for row in read}) < len(read):
        raise InvalidSourceError("A source comes twice.", field="code")
    for row in read:
        changes: dict[str, Any] = {**row, "look_at": now}
        if row.get("expected_minutes") is not None:
            changes["expected_since"] = now
        Source.objects.update_or_create(code=changes.pop("code"), defaults=changes)
    record_all("source.changed", kind="source", subjects={row["code"]: row for row in read}, by=by)
    ring("sources")
    return len(read)


@transaction.atomic(savepoint=False)
def roll_up_sources() -> dict[str, datetime]:
    """Bring every source up to what arrived, score what is due, say when to look again.

    Returns the moments of sources that have a new one. One look at a time: two would count from
    the same mark, harmlessly, but twice.
    """
    now = clock.now()
    policy = policy_of(DATA_QUALITY)
    _hold_sources()
    known = dict(hot(SOURCE_SQL["moments"], ()))
    hot_write(SOURCE_SQL["roll_up"], {"now": now, "score": policy.value["score_minutes"]})
    moments = dict(hot(SOURCE_SQL["moments"], ()))
    if any(look_at <= now for look_at in moments.values()):
        _look(list(Source.objects.filter(look_at__lte=now)), policy, now)
        moments = dict(hot(SOURCE_SQL["moments"], ()))
    return {code: look_at for code, look_at in moments.items() if known.get(code) != look_at}


def _hold_sources() -> None:
    hot_write(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s::text, 0))",
        [f"{current_tenant().schema_name}.sources"],
    )


def _look(due: Sequence[Source], policy: PolicyValue, now: datetime) -> None:
    """Score sources that were heard since their last score, note all for detection."""
    heard = [one for one in due if one.heard_at and not _is_scored(one)]
    if heard:
        since = min(one.scored_at or one.heard_at for one in heard if one.heard_at)
        score_days(max(since, now - SCORED_BACK).date(), now.date())
    for one in due:
        one.look_at = next_look(
            now=now,
            silent_since=one.silent_since,
            expected_minutes=one.expected_minutes,
            skewed_at=one.skewed_at,
            skew_hours=float(policy.value["skew_hours"]),
            score_minutes=float(policy.value["score_minutes"]) if one in heard else None,
        )
        one.scored_at = now if one in heard else one.scored_at
        one.is_noted = True
    Source.objects.bulk_update(due, ["scored_at", "look_at", "is_noted"])


def take_noted_sources() -> bool:
    """Take the notes of sources detection has not looked at since; says whether there was one.

    A source that is just being rolled up keeps its note: its stage rings again when it is done,
    and two who wait for each other's sources would wait for ever.
    """
    return bool(hot(SOURCE_SQL["take_notes"], ()))


def _is_scored(one: Source) -> bool:
    return bool(one.scored_at and one.heard_at and one.scored_at > one.heard_at)


def _source_row(row: Any, place: int) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise InvalidSourceError("A row is an object.", field=f"[{place}]")
    if unknown := sorted(set(row) - {"code", "owner", "expected_minutes"}):
        raise InvalidSourceError(
            f"No field is called {unknown[0]}.", field=f"[{place}].{unknown[0]}"
        )
    for name, longest in (("code", 200), ("owner", 120)):
        text = row.get(name, None if name == "code" else "")
        if not isinstance(text, str) or "\0" in text or len(text) > longest:
            raise InvalidSourceError(
                f"{name} is text of at most {longest} characters.", field=f"[{place}].{name}"
            )
    if not row["code"].strip():
        raise InvalidSourceError("code must say something.", field=f"[{place}].code")
    minutes = row.get("expected_minutes")
    if minutes is not None and (
        isinstance(minutes, bool) or not isinstance(minutes, int)
        or not 1 <= minutes <= LONGEST_SILENCE
    ):  # fmt: skip
        raise InvalidSourceError(
            f"expected_minutes is a whole number from 1 to {LONGEST_SILENCE:,}, or null.",
            field=f"[{place}].expected_minutes",
        )
    return dict(row)
