"""Retrying: a refused row comes in again, once its cause is mended."""

from __future__ import annotations

from django.db import transaction

from inventory_control.core.actors import Actor
from inventory_control.core.errors import Conflict
from inventory_control.core.permissions import require
from inventory_control.events import permissions
from inventory_control.events.models import DeadLetter
from inventory_control.events.services import draft_events, mark_retried, read_rows
from inventory_control.events.states import DeadLetterStatus, Outcome
from inventory_control.events.values import EventDraft, Posted, Refusal
from inventory_control.stock.services.posting import post_events

_ACCEPTED = frozenset({Outcome.POSTED, Outcome.NOTED, Outcome.DUPLICATE, Outcome.HELD})


@transaction.atomic
def retry_letter(letter_id: int, *, by: Actor) -> Posted | Refusal:
    """Draft and post the kept body of a dead letter again; it closes when the row is accepted.

    A row refused again stays as it is, with its new reason in the answer. Raises `Conflict` when
    there is no such open letter.
    """
    require(by, permissions.RETRY)
    letter = (
        DeadLetter.objects.select_for_update()
        .filter(pk=letter_id, status=DeadLetterStatus.OPEN)
        .first()
    )
    if letter is None:
        raise Conflict(f"Dead letter {letter_id} is not open.", field="id")
    sender = Actor.system(f"retry for {by.id}")
    (draft,) = draft_events(
        read_rows([bytes(letter.body)]),
        received_from=letter.received_from,
        may_speak_for=lambda source: source == (letter.source or letter.received_from),
        by=sender,
    )
    if not isinstance(draft, EventDraft):
        return draft
    (posted,) = post_events([draft], by=sender)
    if posted.outcome in _ACCEPTED:
        mark_retried(letter, by=by)
    return posted
