"""Watching: sources are rolled up, and what shelves and serials say reaches the detectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import transaction

from inventory_control.availability.services import apply_fallbacks, note_changed_places
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.events.selectors import is_source_noted
from inventory_control.events.services import (
    fold_serials,
    fold_shelves,
    roll_up_sources,
    work_through,
)
from inventory_control.timers.services import set_timers

LOOK = "source.look"
"""The timer of the moment at which time alone may change what is to be said of a source."""
SHELVES, SERIALS = "shelves", "serials"


@transaction.atomic
def watch_sources(*, by: Actor) -> int:
    """Roll up what arrived by source, have those looked at there is something to say of, and let
    channels hold back what policy says while one is silent.
    """
    moments = roll_up_sources()
    if moments:
        set_timers(kind=LOOK, due={code[:80]: moment for code, moment in moments.items()})
    apply_fallbacks(by=by)
    if is_source_noted():
        ring("detect")
    return len(moments)


def follow_shelves(*, by: Actor) -> int:
    """Keep what shelves say; returns the events followed."""
    del by
    return work_through(SHELVES, _then_look(fold_shelves))


def follow_serials(*, by: Actor) -> int:
    """Keep where numbered units are; returns the events followed."""
    del by
    return work_through(SERIALS, _then_look(fold_serials))


def _then_look(
    fold: Callable[[Sequence[int]], set[tuple[int, int]]],
) -> Callable[[Sequence[int]], None]:
    def follow(event_ids: Sequence[int]) -> None:
        if places := fold(event_ids):
            note_changed_places(places, clock.now())
            ring("detect")

    return follow
