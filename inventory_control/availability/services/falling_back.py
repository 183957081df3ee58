"""Falling back: while a source is silent the channels that sell on its word hold more back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from inventory_control.audit.services import record_all
from inventory_control.availability.models import ChannelFallback
from inventory_control.availability.rules import fallback_for
from inventory_control.availability.states import Fallback
from inventory_control.availability.values import FallbackTerms
from inventory_control.catalog.models import Channel
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.events.models import Feed
from inventory_control.events.rules import is_silent
from inventory_control.events.selectors import source_marks
from inventory_control.policies.selectors import policy_in_force
from inventory_control.policies.values import PolicyValue
from inventory_control.stock.services import mark_places

POLICY = "stale_feed"
AS_SHIPPED = {"default": {"action": Fallback.BUFFER.value, "share": 0.2, "units": 0}, "sources": {}}
"""Version 1 of the policy: every channel keeps a fifth more back."""
Key = tuple[int, str]
"""(channel id, source)."""


@transaction.atomic(savepoint=False)
def apply_fallbacks(*, by: Actor) -> int:
    """Begin and end what channels hold back, by the sources that are silent now (INT-27).

    Called when sources were looked at, by one at a time. A source concerns the channels that draw
    on a node it ever spoke of. Returns how many fallbacks began, changed or ended; what those
    channels sell is worked out anew.
    """
    now = clock.now()
    known = {(one.channel_id, one.source): one for one in ChannelFallback.objects.all()}
    silent = [
        source.code
        for source in source_marks()
        if is_silent(source.silent_since, source.expected_minutes, now)
    ]
    if not silent and not known:
        return 0
    policy = _policy()
    wanted = _wanted(silent, policy)
    begun = {
        key: terms
        for key, terms in wanted.items()
        if key not in known or _terms(known[key]) != terms
    }
    over = [one for key, one in known.items() if key not in wanted]
    if not begun and not over:
        return 0
    _begin(begun, policy.name, now, by)
    _end(over, by)
    channels = {channel for channel, _ in begun} | {one.channel_id for one in over}
    drawn = Channel.nodes.through.objects.filter(channel_id__in=channels)
    mark_places(node_ids=sorted(set(drawn.values_list("node_id", flat=True))))
    return len(begun) + len(over)


def _policy() -> PolicyValue:
    """The policy in force; the product's own in a tenant older than the policy."""
    return policy_in_force(POLICY) or PolicyValue(key=POLICY, version=0, value=AS_SHIPPED)


def _wanted(silent: list[str], policy: PolicyValue) -> dict[Key, FallbackTerms]:
    """What policy asks of each channel that draws on a node some silent source speaks of."""
    fed: dict[int, set[str]] = {}
    for node, source in Feed.objects.filter(source__in=silent).values_list("node_id", "source"):
        fed.setdefault(node, set()).add(source)
    drawn = Channel.nodes.through.objects.filter(node_id__in=fed)
    found = {
        (channel, source): fallback_for(source, policy.value)
        for channel, node in drawn.values_list("channel_id", "node_id")
        for source in fed[node]
    }
    return {key: terms for key, terms in found.items() if terms.action != Fallback.FLAG}


def _terms(one: ChannelFallback) -> FallbackTerms:
    return FallbackTerms(one.action, one.share, one.units)


def _begin(begun: Mapping[Key, FallbackTerms], policy: str, now: datetime, by: Actor) -> None:
    ChannelFallback.objects.bulk_create(
        [
            ChannelFallback(
                channel_id=channel,
                source=source,
                action=terms.action,
                share=terms.share,
                units=terms.units,
                policy=policy,
                since=now,
            )
            for (channel, source), terms in begun.items()
        ],
        update_conflicts=True,
        unique_fields=["channel", "source"],
        update_fields=["action", "share", "units", "policy"],
    )
    codes = dict(Channel.objects.values_list("pk", "code"))
    record_all(
        "fallback.begun",
        kind="channel",
        subjects={
            f"{codes[channel]}/{source}": {
                "action": terms.action,
                "share": terms.share,
                "units": terms.units,
                "policy": policy,
            }
            for (channel, source), terms in begun.items()
        },
        by=by,
    )


def _end(over: list[ChannelFallback], by: Actor) -> None:
    ChannelFallback.objects.filter(pk__in=[one.pk for one in over]).delete()
    codes = dict(Channel.objects.values_list("pk", "code"))
    record_all(
        "fallback.ended",
        kind="channel",
        subjects={
            f"{codes[one.channel_id]}/{one.source}": {"policy": one.policy, "since": one.since}
            for one in over
        },
        by=by,
    )
