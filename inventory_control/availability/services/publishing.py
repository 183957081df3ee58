"""Publishing: figures leave for a channel as one push, and what it answers is kept with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection, transaction

from inventory_control.audit.services import record, record_all
from inventory_control.availability.models import Push
from inventory_control.availability.rules import is_sampled
from inventory_control.availability.services.falling_back import AS_SHIPPED
from inventory_control.availability.services.falling_back import POLICY as STALE_FEED
from inventory_control.availability.services.noting import note_changed_places
from inventory_control.availability.services.planning import SAFETY_STOCK
from inventory_control.availability.values import (
    NOT_LISTED,
    PUBLISH,
    TOLD_TWICE,
    Publication,
    PushDraft,
)
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.sql import hot, hot_write, named_statements, numbers, pipelined
from inventory_control.core.telemetry import push_seconds, tenant_label
from inventory_control.outbox.selectors import waiting_targets
from inventory_control.outbox.services import queue_command
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.services import install_policies

POLICY = "exposure"
DEFAULTS: Mapping[str, Mapping[str, object]] = {
    POLICY: {"read_back_share": 1.0, "read_back_most": 200, "receipts_kept_days": 30},
    SAFETY_STOCK: {"max_change_share": 0.5, "free_units": 2},
    STALE_FEED: AS_SHIPPED,
}
FORGOTTEN_AT_ONCE = 20
"""How many old pushes an acknowledgement takes away at most, so that it stays quick."""
_SQL = named_statements(Path(__file__).parents[1] / "push.sql")


def install_defaults(*, by: Actor) -> None:
    """What provisioning calls: figures told are read back, receipts are kept for a month, safety
    stock changes by half at most, a silent source raises buffers by a fifth.
    """
    install_policies(DEFAULTS, by=by)


def queue_publications(*, by: Actor) -> None:
    """One command per channel that shows an old figure and has none waiting: the latest wins."""
    channels = [code for (code,) in hot(_SQL["unpublished_channels"], ())]
    waiting = waiting_targets(PUBLISH)
    for code in channels:
        if code not in waiting:
            queue_command(
                kind=PUBLISH,
                target=code,
                idempotency_key=f"{PUBLISH}:{code}:{_next_number()}",
                payload={"channel": code},
                by=by,
            )


def _next_number() -> int:
    """A number no publication had before, so that each command has a key of its own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('outbox_outboundcommand_id_seq')")
        (number,) = cursor.fetchone()
    return int(number)


@transaction.atomic
def begin_push(*, channel: str, key: str, limit: int) -> PushDraft | None:
    """Keep what a channel is about to be told, before it leaves; None when it shows everything.

    Committed before the call: a push whose answer is lost stays on the trail as sent and not
    acknowledged.
    """
    rows = hot(_SQL["begin"], {"channel": channel, "key": key, "limit": limit, "now": clock.now()})
    if not rows:
        return None
    return PushDraft(
        id=rows[0][0], channel=channel, figures=[Publication(*row[1:]) for row in rows]
    )


@transaction.atomic
def acknowledge(push: PushDraft) -> None:
    """Note that a channel acknowledged a push, and how long its figures took to get there.

    Figures that changed meanwhile are in the next push. Old receipts are taken away on the way.
    """
    now = clock.now()
    kept_days = int(current_policy(POLICY).value["receipts_kept_days"])
    with pipelined():
        hot_write(_SQL["lock_holds"], {"push": push.id})
        hot_write(_SQL["lock_told"], {"push": push.id})
        hot_write(_SQL["acknowledge"], {"push": push.id, "now": now})
        hot_write(
            _SQL["forget"],
            {"before": now - timedelta(days=kept_days), "limit": FORGOTTEN_AT_ONCE},
        )
    latency = push_seconds.labels(tenant=tenant_label(), channel=push.channel)
    for one in push.figures:
        latency.observe(max(0.0, (now - one.changed_at).total_seconds()))


def note_error(push: PushDraft, error: str) -> None:
    """Keep why a push was not acknowledged; the figures are told again by the next attempt."""
    Push.objects.filter(pk=push.id).update(error=error[:300])


@transaction.atomic
def note_unconfirmed(channel: str, *, by: Actor) -> int:
    """Note that every attempt to tell a channel failed; returns the listings now in doubt."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["note_unconfirmed"], {"channel": channel, "now": clock.now()})
        listings: int = cursor.rowcount
    if listings:
        record(
            "exposure.unconfirmed",
            subject=("channel", channel),
            by=by,
            data={"listings": listings},
        )
    return listings


@transaction.atomic
def confirm_channels(channels: Sequence[str], *, by: Actor) -> int:
    """Note that channels were told everything again; returns the listings that were in doubt."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["confirm"], {"channels": list(channels)})
        listings: int = cursor.rowcount
    if listings:
        record_all(
            "exposure.confirmed",
            kind="channel",
            subjects={channel: {} for channel in channels},
            by=by,
        )
    return listings


def to_read_back(push: PushDraft) -> list[Publication]:
    """The figures of a push that the channel is to be asked for, as policy says.

    One that showed something else before is always among them.
    """
    policy = current_policy(POLICY).value
    share, most = float(policy["read_back_share"]), int(policy["read_back_most"])
    doubted = [one for one in push.figures if one.disagreements]
    others = [
        one
        for one in push.figures
        if not one.disagreements and is_sampled(one.item_id, push.id, share)
    ]
    return [*doubted, *others[: max(0, most - len(doubted))]]


@transaction.atomic
def note_read_back(
    push: PushDraft, asked: Sequence[Publication], shown: Mapping[str, int | None], *, by: Actor
) -> None:
    """Compare what a channel says it shows with what it was told (REC-11).

    It is told a figure that it does not show once more; if that does not help either, detection
    opens a case. An item that it does not list shows nothing.
    """
    now = clock.now()
    answers = {one.item_id: shown.get(one.sku) for one in asked}
    parameters = {
        "push": push.id,
        "items": numbers(one.item_id for one in asked),
        "shown": numbers(
            NOT_LISTED if (seen := answers[one.item_id]) is None else seen for one in asked
        ),
        "told": numbers(one.quantity for one in asked),
        "now": now,
    }
    with pipelined():
        hot_write(_SQL["note_shown"], parameters)
        judged = hot(_SQL["judge_shown"], parameters)
    if not judged:
        return
    skus = {one.item_id: one.sku for one in asked}
    record_all(
        "listing.disagreed",
        kind="listing",
        subjects={
            f"{skus[item]}/{push.channel}": {"told": told, "shown": seen, "in_a_row": in_a_row}
            for item, in_a_row, seen, told in judged
            if in_a_row
        },
        by=by,
    )
    _look_at([item for item, in_a_row, *_ in judged if in_a_row in (0, TOLD_TWICE)], push, now)


def _look_at(items: Sequence[int], push: PushDraft, now: datetime) -> None:
    """Have detection look at items whose disagreement became, or ceased to be, a case."""
    if not items:
        return
    with connection.cursor() as cursor:
        cursor.execute(_SQL["anchors"], {"channel": push.channel, "items": list(items)})
        note_changed_places(cursor.fetchall(), now)
    ring("detect")
