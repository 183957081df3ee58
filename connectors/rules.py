"""What a legal hold covers, what a replay may ask for, how often to try. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.errors import InvalidConnectorError
from connectors.values import HeldScope, ReplayScope, TakenRow
from inventory_control.outbox.values import RetryTerms

PREVIEW_LASTS = timedelta(hours=1)
MOST_WAITS = 20
LONGEST_WAIT_S = 86_400


def covers(hold: HeldScope, row: TakenRow) -> bool:
    """Whether a hold covers a row; of one that cannot be read, what is not known counts as held."""
    if hold.source and hold.source not in row.sources:
        return False
    if hold.item_id is not None and row.is_readable and row.item_id != hold.item_id:
        return False
    return any(_is_within(moment, hold.since, hold.until) for moment in row.moments)


def covering(holds: Iterable[HeldScope], rows: Iterable[TakenRow]) -> HeldScope | None:
    """The first hold that covers any of the rows."""
    asked = list(rows)
    return next((hold for hold in holds if any(covers(hold, row) for row in asked)), None)


def scope_fault(scope: ReplayScope, known_types: Iterable[str]) -> tuple[str, str] | None:
    """Why a replay may not be asked for like this: (field, sentence), or None."""
    if scope.type and scope.type not in known_types:
        return "type", f"No event type is called {scope.type}."
    if scope.since and scope.until and scope.since >= scope.until:
        return "until", "until must be after since."
    if scope.event_id is not None and (scope.source or scope.type or scope.since or scope.until):
        return "event_id", "A single event needs nothing beside its id; leave the rest out."
    return None


def is_fresh_preview(previewed_at: datetime, now: datetime) -> bool:
    """Whether what a preview counted may still be confirmed."""
    return now - previewed_at <= PREVIEW_LASTS


def retry_terms(options: Mapping[str, Any]) -> RetryTerms | None:
    """How often a connector is tried, by its option `retry_after`: the seconds to wait after each
    failed attempt, one attempt more than there are waits. None: as usual.

    Raises `InvalidConnectorError` when they are no growing waits.
    """
    waits = options.get("retry_after")
    if waits is None:
        return None
    is_fit = (
        isinstance(waits, list)
        and 1 <= len(waits) <= MOST_WAITS
        and all(type(one) in (int, float) and 0 < one <= LONGEST_WAIT_S for one in waits)
        and waits == sorted(waits)
    )
    if not is_fit:
        raise InvalidConnectorError(
            f"retry_after lists up to {MOST_WAITS} growing waits in seconds.", field="retry_after"
        )
    return RetryTerms(tuple(timedelta(seconds=one) for one in waits))


def _is_within(moment: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or moment >= since) and (until is None or moment < until)
