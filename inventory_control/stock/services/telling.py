"""Telling: facts the product itself knows go the way of all facts, as events that post once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from inventory_control.core.actors import Actor
from inventory_control.events.errors import ContentConflictError, InvalidEventError
from inventory_control.events.services import draft_events, read_rows
from inventory_control.events.states import Outcome
from inventory_control.events.values import EventDraft, Posted, Refusal
from inventory_control.stock.services.posting import post_events


def post_facts(bodies: Sequence[Mapping[str, Any]], *, source: str, by: Actor) -> list[Posted]:
    """Post facts that a service decided on, in its transaction, under that service's name.

    The caller has asked for the permission its act needs; posting needs none of its own. Raises
    `InvalidEventError` or `ContentConflictError` when one is refused: then nothing is posted.
    """
    drafts = draft_events(
        read_rows([msgspec.json.encode(body) for body in bodies]),
        received_from=source,
        may_speak_for=lambda name: name == source,
        by=by,
        is_ours=True,
    )
    refused = next((one for one in drafts if isinstance(one, Refusal)), None)
    if refused is not None:
        raise InvalidEventError(refused.reason, field=refused.field)
    posted = post_events(
        [one for one in drafts if isinstance(one, EventDraft)], by=_posting_for(by)
    )
    for answer in posted:
        if answer.outcome == Outcome.CONFLICT:
            raise ContentConflictError(answer.detail or None)
        if answer.outcome == Outcome.QUARANTINED:
            raise InvalidEventError(answer.detail)
    return posted


def _posting_for(by: Actor) -> Actor:
    """The same actor with the right to post what it decided on."""
    return Actor(
        kind=by.kind,
        id=by.id,
        name=by.name,
        permissions=by.permissions | {"events.write"},
        scopes=None,
        person=by.person,
    )
