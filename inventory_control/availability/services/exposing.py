"""Exposing: what people decide about listings, by rule and by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TypeVar

from django.db import models, transaction

from inventory_control.audit.services import record, record_all
from inventory_control.availability import permissions
from inventory_control.availability.errors import (
    HeldByRuleError,
    NotPausedError,
    ReasonMissingError,
)
from inventory_control.availability.models import Exposure, ExposureHold, ExposureRule
from inventory_control.availability.states import HoldStatus
from inventory_control.availability.values import ListingTerms, RuleTerms
from inventory_control.catalog.models import Channel, Item, Node
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.stock.services import mark_places

LONGEST_REASON = 300
Row = TypeVar("Row", bound=models.Model)


@transaction.atomic
def set_rule(terms: RuleTerms, *, by: Actor) -> ExposureRule:
    """Put a new version of an exposure rule in force, or end it; holds are judged by it at once."""
    require(by, permissions.EXPOSE)
    reason = _reason(terms.reason)
    item = None if terms.item is None else _item(terms.item)
    node = None if terms.node is None else _node(terms.node)
    _check(terms)
    last = ExposureRule.objects.select_for_update().filter(key=terms.key, is_current=True).first()
    if last is not None:
        ExposureRule.objects.filter(pk=last.pk).update(is_current=False)
    rule: ExposureRule = ExposureRule.objects.create(
        key=terms.key,
        version=1 if last is None else last.version + 1,
        is_active=terms.is_active,
        item=item,
        node=node,
        hold_below=terms.hold_below,
        resume_from=terms.resume_from,
        resume_after=terms.resume_after,
        margin_below=terms.margin_below,
        channels=sorted(terms.channels),
        reason=reason,
        set_at=clock.now(),
        set_by=by.id,
    )
    record(
        "exposure_rule.set",
        subject=("exposurerule", terms.key),
        by=by,
        data={**asdict(terms), "version": rule.version},
    )
    _mark([rule] if last is None else [last, rule])
    return rule


@transaction.atomic
def set_listings(rows: Sequence[ListingTerms], *, by: Actor) -> int:
    """Set the buffer and the cap of items on channels; None goes back to the channel's own buffer
    and no cap. Returns the rows taken.
    """
    require(by, permissions.EXPOSE)
    items = _known(Item, "sku", {row.item for row in rows}, "item")
    channels = _known(Channel, "code", {row.channel for row in rows}, "channel")
    now = clock.now()
    Exposure.objects.bulk_create(
        [
            Exposure(
                item=items[row.item],
                channel=channels[row.channel],
                buffer=row.buffer,
                cap=row.cap,
                changed_at=now,
                changed_by=by.id,
            )
            for row in rows
        ],
        update_conflicts=True,
        unique_fields=["item", "channel"],
        update_fields=["buffer", "cap", "changed_at", "changed_by"],
    )
    record_all(
        "listing.set",
        kind="listing",
        subjects={
            f"{row.item}/{row.channel}": {"buffer": row.buffer, "cap": row.cap} for row in rows
        },
        by=by,
    )
    mark_places(item_ids=sorted({item.pk for item in items.values()}))
    return len(rows)


@transaction.atomic
def pause_listing(*, item: str, channel: str, reason: str, by: Actor) -> Exposure:
    """Take an item off a channel by hand until somebody resumes it; the channel is told 0."""
    require(by, permissions.EXPOSE)
    words = _reason(reason)
    one = _listing(item, channel, by)
    return _write_pause(one, item, channel, words, by, is_paused=True)


@transaction.atomic
def resume_listing(*, item: str, channel: str, reason: str, by: Actor) -> Exposure:
    """Put an item back on a channel that somebody paused.

    Raises `HeldByRuleError` where a rule holds it: to sell against a rule takes a second person,
    whom a request asks.
    """
    require(by, permissions.EXPOSE)
    words = _reason(reason)
    one = _listing(item, channel, by)
    holds = list(
        ExposureHold.objects.filter(
            item=one.item_id, channel=one.channel_id, status=HoldStatus.HELD
        ).values_list("rule_key", flat=True)
    )
    if holds:
        raise HeldByRuleError(
            f"The exposure rule {holds[0]} holds {item} on {channel}. It resumes by itself when "
            "the rule lets it; to resume sooner somebody else must approve it.",
            field="channel",
            extra={"rules": holds},
        )
    if not one.is_paused:
        raise NotPausedError(f"{item} is not paused on {channel}.", field="channel")
    return _write_pause(one, item, channel, words, by, is_paused=False)


def _write_pause(
    one: Exposure, item: str, channel: str, words: str, by: Actor, *, is_paused: bool
) -> Exposure:
    one.is_paused, one.reason = is_paused, words
    one.changed_at, one.changed_by = clock.now(), by.id
    one.save(update_fields=["is_paused", "reason", "changed_at", "changed_by"])
    record(
        "listing.paused" if is_paused else "listing.resumed",
        subject=("listing", f"{item}/{channel}"),
        by=by,
        data={"reason": words},
    )
    mark_places(item_ids=[one.item_id])
    return one


def _listing(sku: str, code: str, by: Actor) -> Exposure:
    """The row of an item on a channel, locked; made when nothing was ever decided about it."""
    item, channel = _item(sku), _known(Channel, "code", {code}, "channel")[code]
    Exposure.objects.bulk_create(
        [Exposure(item=item, channel=channel, changed_at=clock.now(), changed_by=by.id)],
        ignore_conflicts=True,
    )
    row: Exposure = Exposure.objects.select_for_update().get(item=item, channel=channel)
    return row


def _check(terms: RuleTerms) -> None:
    if terms.resume_from < terms.hold_below:
        raise Refused("resume_from cannot lie below hold_below.", field="resume_from")
    if (terms.margin_below is None) == (not terms.channels):
        raise Refused(
            "Name either margin_below or channels: one of them says which channels it is about.",
            field="channels",
        )
    _known(Channel, "code", set(terms.channels), "channels")


def _reason(text: str) -> str:
    words = text.strip()
    if not words:
        raise ReasonMissingError(field="reason")
    if len(words) > LONGEST_REASON:
        raise Refused(f"reason may have {LONGEST_REASON} characters.", field="reason")
    return words


def _mark(rules: Iterable[ExposureRule]) -> None:
    """Have every item looked at that a version of a rule is about."""
    for rule in rules:
        if rule.item_id is not None:
            mark_places(item_ids=[rule.item_id])
        elif rule.node_id is not None:
            mark_places(node_ids=[rule.node_id])
        else:
            drawn = Channel.nodes.through.objects.values_list("node_id", flat=True).distinct()
            mark_places(node_ids=sorted(drawn))


def _item(sku: str) -> Item:
    return _known(Item, "sku", {sku}, "item")[sku]


def _node(code: str) -> Node:
    return _known(Node, "code", {code}, "node")[code]


def _known(model: type[Row], key: str, codes: set[str], field: str) -> Mapping[str, Row]:
    """Rows by their codes; raises `Refused` naming the first that nobody knows."""
    rows = model._default_manager.filter(**{f"{key}__in": codes})
    found = {str(getattr(row, key)): row for row in rows}
    if missing := sorted(codes - set(found)):
        raise Refused(f"No {model._meta.verbose_name} is called {missing[0]}.", field=field)
    return found
