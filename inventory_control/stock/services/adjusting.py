"""Adjusting: what people decided about the book becomes events, one each, dated now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from django.db import transaction

from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Conflict, Refused
from inventory_control.core.permissions import require
from inventory_control.events.services import draft_events, read_rows
from inventory_control.events.states import Outcome
from inventory_control.events.values import EventDraft, Refusal
from inventory_control.stock import permissions
from inventory_control.stock.services.posting import post_events
from inventory_control.stock.values import DecidedAdjustment, DecidedCorrection

SOURCE = "decisions"
_TAKEN = frozenset({Outcome.POSTED, Outcome.NOTED, Outcome.DUPLICATE})


@transaction.atomic
def adjust(decided: Sequence[DecidedAdjustment], *, by: Actor) -> dict[str, int]:
    """Post decided adjustments; returns each reference's event id.

    A reference posts once however often it comes. All of them or none: `Conflict` says which the
    ledger did not take.
    """
    require(by, permissions.ADJUST)
    return _posted([(one.reference, _adjustment(one)) for one in decided], by)


@transaction.atomic
def correct(decided: Sequence[DecidedCorrection], *, by: Actor) -> dict[str, int]:
    """Post what undoes and replaces earlier events; returns each reference's event id."""
    require(by, permissions.ADJUST)
    return _posted([(one.reference, _correction(one)) for one in decided], by)


def _posted(rows: Sequence[tuple[str, Mapping[str, object]]], by: Actor) -> dict[str, int]:
    drafts = draft_events(
        read_rows([msgspec.json.encode(body) for _, body in rows]),
        received_from=SOURCE,
        may_speak_for=lambda source: source == SOURCE,
        by=by,
        is_ours=True,
    )
    for draft in drafts:
        if isinstance(draft, Refusal):
            raise Refused(draft.reason, field=draft.field)
    answers = post_events([draft for draft in drafts if isinstance(draft, EventDraft)], by=by)
    posted: dict[str, int] = {}
    for (reference, _), answer in zip(rows, answers, strict=True):
        if answer.outcome not in _TAKEN or answer.event_id is None:
            raise Conflict(answer.detail or f"The ledger did not take {reference}.")
        posted[reference] = answer.event_id
    return posted


def _adjustment(one: DecidedAdjustment) -> dict[str, object]:
    return _told(one.reference, one.correlation_id, one.reason, one.note) | {
        "type": "adjustment.recorded",
        "item": one.sku,
        "node": one.node,
        "quantity": one.quantity,
        "to_state": one.state,
    }


def _correction(one: DecidedCorrection) -> dict[str, object]:
    told = _told(one.reference, one.correlation_id, one.reason, one.note) | {
        "type": "event.corrected",
        "corrects": {"source": one.source, "source_id": one.source_id},
    }
    # Without a quantity a count is withdrawn, with one of zero it would have counted nothing.
    return told | {"quantity": one.quantity} if one.quantity else told


def _told(reference: str, correlation_id: str, reason: str, note: str) -> dict[str, object]:
    told: dict[str, object] = {
        "source_id": reference,
        "occurred_at": clock.now(),
        "reason": reason[:200],
    }
    if correlation_id:
        told["correlation_id"] = correlation_id
    if note:
        told["note"] = note
    return told
