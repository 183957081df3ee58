"""Holding: items come off channels when too little is left, and return when enough stayed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from inventory_control.audit.services import advance_all, record_all
from inventory_control.availability import permissions
from inventory_control.availability.models import ExposureHold
from inventory_control.availability.rules import Judgement, Sight, Verdict, judged, resume_at
from inventory_control.availability.states import HOLD_LIVE, HoldStatus
from inventory_control.availability.values import Listing
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.permissions import require
from inventory_control.core.places import Place
from inventory_control.core.sql import is_so, named_statements
from inventory_control.stock.services import mark_places
from inventory_control.timers.services import set_timers

RESUME = "exposure.resume"
"""The timer at which a hold may end."""
_SQL = named_statements(Path(__file__).parents[1] / "exposure.sql")


@dataclass(frozen=True, slots=True)
class _Seen:
    """One listing a rule would hold or holds, and what becomes of it.

    Where no rule sees it any more `rule_id` is 0: such a hold only ends.
    """

    rule_id: int
    rule_key: str
    item_id: int
    channel_id: int
    node_id: int
    hold_id: int | None
    shows_nothing: bool
    sight: Sight
    judgement: Judgement

    @property
    def ats(self) -> int:
        """The figure as the rule saw it."""
        return self.sight.ats or 0


def judge_holds(item_ids: Sequence[int], now: datetime, *, by: Actor) -> set[Place]:
    """Place, keep and release the holds of some items, in the caller's transaction.

    Called before figures are worked out, which then show 0 where something is held. Returns the
    places whose cases changed. Tenants without rules pay one look at an empty table.
    """
    if not is_so(_SQL["is_governed"]):
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_SQL["sights"], {"items": list(item_ids)})
        seen = [_seen(row, now) for row in cursor.fetchall()]
    fresh = [one for one in seen if one.judgement.verdict is Verdict.HOLD]
    over = [one for one in seen if one.judgement.verdict is Verdict.RELEASE]
    kept = [one for one in seen if one.hold_id and one.judgement.verdict is Verdict.LEAVE]
    _lock([one.hold_id for one in (*over, *kept) if one.hold_id is not None])
    _place(fresh, now, by)
    _keep(kept)
    _release(over, now, by)
    return {(one.item_id, one.node_id) for one in (*fresh, *over)}


def look_again(hold_id: str) -> None:
    """What the timer of a hold does: have the item looked at, which ends the hold if it may end."""
    live = ExposureHold.objects.filter(pk=int(hold_id), status__in=HOLD_LIVE)
    for item_id in live.values_list("item_id", flat=True):
        mark_places(item_ids=[item_id])


@transaction.atomic
def waive_holds(why: Mapping[Listing, str], *, by: Actor) -> dict[Listing, list[int]]:
    """Let channels show what rules hold, as people agreed to, each listing for its reason.

    A waived hold ends as any other: when its figure has stayed above the rule's line for long
    enough, or the rule ends. Only after that may the rule hold the listing again. Returns the
    holds waived by listing.
    """
    require(by, permissions.EXPOSE)
    held = [
        hold
        for hold in ExposureHold.objects.select_for_update(of=("self",))
        .filter(
            status=HoldStatus.HELD,
            item_id__in={item for item, _ in why},
            channel_id__in={channel for _, channel in why},
        )
        .order_by("pk")
        if (hold.item_id, hold.channel_id) in why
    ]
    advance_all(
        held,
        HoldStatus.WAIVED,
        by=by,
        verb="hold.waived",
        each={hold.pk: {"why_waived": why[hold.item_id, hold.channel_id][:300]} for hold in held},
        waived_at=clock.now(),
    )
    mark_places(item_ids=sorted({hold.item_id for hold in held}))
    waived: dict[Listing, list[int]] = {}
    for hold in held:
        waived.setdefault((hold.item_id, hold.channel_id), []).append(hold.pk)
    return waived


def _seen(row: tuple[Any, ...], now: datetime) -> _Seen:
    rule_id, key, item_id, channel_id, node_id, hold_id, ats, above_since, shows_none, *lines = row
    hold_below, resume_from, resume_after = lines
    sight = Sight(
        ats=None if ats is None else int(ats),
        is_held=hold_id is not None,
        above_since=above_since,
        hold_below=hold_below,
        resume_from=resume_from,
        resume_after=resume_after,
    )
    return _Seen(
        rule_id or 0,
        key or "",
        item_id,
        channel_id,
        node_id,
        hold_id,
        shows_none,
        sight,
        judged(sight, now),
    )


def _lock(hold_ids: Sequence[int]) -> None:
    """Lock holds in order before any is written; an acknowledgement takes its own in that order."""
    if hold_ids:
        holds = ExposureHold.objects.select_for_update(of=("self",)).filter(pk__in=hold_ids)
        list(holds.order_by("pk").values_list("pk", flat=True))


def _place(seen: Sequence[_Seen], now: datetime, by: Actor) -> None:
    """Hold listings; each hold names the version of the rule that asked for it.

    A channel that shows nothing already need not be told: it has acknowledged.
    """
    holds = ExposureHold.objects.bulk_create(
        ExposureHold(
            rule_id=one.rule_id,
            rule_key=one.rule_key,
            item_id=one.item_id,
            channel_id=one.channel_id,
            node_id=one.node_id,
            ats=one.ats,
            held_at=now,
            acknowledged_at=now if one.shows_nothing else None,
        )
        for one in seen
    )
    record_all(
        "hold.placed",
        kind="exposurehold",
        subjects={
            str(hold.pk): {
                "rule": one.rule_key,
                "rule_id": one.rule_id,
                "item": one.item_id,
                "channel": one.channel_id,
                "ats": one.ats,
                "hold_below": one.sight.hold_below,
            }
            for hold, one in zip(holds, seen, strict=True)
        },
        by=by,
    )


def _keep(seen: Iterable[_Seen]) -> None:
    """Note since when figures are above their line, or that they no longer are."""
    moved = {
        one.hold_id: one
        for one in seen
        if one.hold_id is not None and one.judgement.above_since != one.sight.above_since
    }
    if not moved:
        return
    holds = list(ExposureHold.objects.filter(pk__in=moved))
    due = {}
    for hold in holds:
        since = moved[hold.pk].judgement.above_since
        hold.above_since = since
        if since is not None:
            due[str(hold.pk)] = resume_at(since, moved[hold.pk].sight.resume_after)
    ExposureHold.objects.bulk_update(holds, ["above_since"])
    set_timers(kind=RESUME, due=due)


def _release(seen: Sequence[_Seen], now: datetime, by: Actor) -> None:
    """End holds; each says what was seen when it ended."""
    ended = {one.hold_id: one for one in seen if one.hold_id is not None}
    advance_all(
        list(ExposureHold.objects.filter(pk__in=ended).order_by("pk")),
        HoldStatus.RELEASED,
        by=by,
        verb="hold.released",
        each={
            pk: {"released_ats": one.sight.ats, "why_released": _why(one)}
            for pk, one in ended.items()
        },
        released_at=now,
    )


def _why(one: _Seen) -> str:
    if one.sight.ats is None:
        return "No rule asks for it any more."
    return (
        f"{one.sight.ats} available, at or above {one.sight.resume_from} "
        f"for {one.sight.resume_after} minutes."
    )
