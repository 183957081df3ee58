"""Sources: who was heard, how lately and how well."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from pathlib import Path

from inventory_control.core import clock
from inventory_control.core.sql import hot, is_so, named_statements, numbers
from inventory_control.events.models import InventoryEvent, QualityDay, Source
from inventory_control.events.values import DEFAULTS, Freshness, QualityMark, SourceMark
from inventory_control.policies.selectors import policy_in_force
from inventory_control.policies.values import PolicyValue

SOURCE_SQL = named_statements(Path(__file__).parents[1] / "sources.sql")


def policy_of(key: str) -> PolicyValue:
    """A policy about sources; version 0, the product's own, in a tenant older than the policy."""
    return policy_in_force(key) or PolicyValue(key=key, version=0, value=DEFAULTS[key])


def is_source_due() -> bool:
    """Whether anything arrived that no source was told of, or a source is to be looked at."""
    return is_so(SOURCE_SQL["is_due"], {"now": clock.now()})


def is_source_noted() -> bool:
    """Whether detection has not looked at a source since something was to be said of it."""
    return is_so("SELECT EXISTS (SELECT FROM events_source WHERE is_noted)")


def staleness(node_ids: Collection[int], *, at: datetime) -> dict[int, Freshness]:
    """How old the word on the positions of some nodes is; nodes nobody ever spoke of are missing."""
    found = hot(SOURCE_SQL["freshness"], {"nodes": numbers(node_ids), "now": at})
    return {node_id: Freshness(*row) for node_id, *row in found}


def source_marks() -> list[SourceMark]:
    """How every source stands, by code; for those who look at all of them often."""
    return [SourceMark(*row) for row in hot(SOURCE_SQL["marks"], ())]


def latest_quality() -> list[QualityMark]:
    """The latest scored day of each source."""
    return [QualityMark(*row) for row in hot(SOURCE_SQL["latest_quality"], ())]


def sources(*, after: str = "", limit: int = 200) -> list[Source]:
    """A page of sources by code."""
    return list(Source.objects.filter(code__gt=after).order_by("code")[:limit])


def quality_trend(codes: Collection[str], *, since: date) -> dict[str, list[QualityDay]]:
    """The scored days of some sources since a day, oldest first."""
    trend: dict[str, list[QualityDay]] = {code: [] for code in codes}
    for one in QualityDay.objects.filter(source__in=codes, day__gte=since).order_by("day"):
        trend[one.source].append(one)
    return trend


def events_of_source(
    code: str, *, received_from: str = "", before: int | None = None, limit: int = 50
) -> list[InventoryEvent]:
    """A page of what a source sent, newest first, below the id `before`; by one credential or all."""
    last = Source.objects.filter(code=code).values("last_event_id")[:1]
    found = InventoryEvent.objects.filter(source=code, pk__lte=last)
    if received_from:
        found = found.filter(received_from=received_from)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-id")[:limit])
