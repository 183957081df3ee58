"""Control totals: what a declaration says, and which ids are missing from a numbering. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from inventory_control.core.errors import Refused
from inventory_control.reconciliation.values import Declaration

MOST_LISTED = 100
_NUMBERED = re.compile(r"^(?P<stem>.*?)(?P<number>\d{1,15})$")


def declaration_of(
    attributes: Mapping[str, Any], *, source: str, declared_at: datetime
) -> Declaration:
    """The declaration an event's attributes stand for; raises `Refused` naming the attribute."""
    since, until = _moment(attributes, "from"), _moment(attributes, "to")
    if until <= since:
        raise Refused("attributes.to lies after attributes.from.", field="attributes.to")
    count = attributes.get("count")
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise Refused("attributes.count is a whole number from 0.", field="attributes.count")
    direction = str(attributes.get("direction", "in"))
    if direction not in ("in", "out"):
        raise Refused("attributes.direction is in or out.", field="attributes.direction")
    return Declaration(
        source=source,
        direction=direction,
        type=str(attributes.get("type", "")),
        since=since,
        until=until,
        expected=count,
        declared_at=declared_at,
    )


def missing_ids(declared: Iterable[str], arrived: Iterable[str]) -> list[str]:
    """Which ids are missing: of those the source named, or else the holes in its numbering.

    Ids that end in a number count on within their stem; holes lie between the lowest and the
    highest that arrived. At most `MOST_LISTED` are listed.
    """
    here = set(arrived)
    named = sorted(set(declared) - here)
    return (named or _holes(here))[:MOST_LISTED]


def _holes(here: Iterable[str]) -> list[str]:
    series: dict[tuple[str, int], set[int]] = defaultdict(set)
    for one in here:
        found = _NUMBERED.match(one)
        if found:
            number = found["number"]
            width = len(number) if number.startswith("0") else 0
            series[found["stem"], width].add(int(number))
    holes: list[str] = []
    for (stem, width), numbers in sorted(series.items()):
        previous: int | None = None
        for number in sorted(numbers):
            if previous is not None:
                last = min(number, previous + 1 + MOST_LISTED - len(holes))
                holes += [f"{stem}{hole:0{width}d}" for hole in range(previous + 1, last)]
            previous = number
    return holes


def _moment(attributes: Mapping[str, Any], field: str) -> datetime:
    moment: datetime | None
    try:
        moment = datetime.fromisoformat(str(attributes.get(field, "")))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused(
            f"attributes.{field} is a moment with its offset from UTC.",
            field=f"attributes.{field}",
        )
    return moment
