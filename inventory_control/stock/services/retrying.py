"""Retrying: refused rows come in again, once their cause is mended.

By hand, one, some or all of a filter; by themselves when they waited for a name that somebody has
said the meaning of. A row posts exactly once whichever way it goes: its letter is locked and its
event has its keys.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import DatabaseError, transaction

from inventory_control.core.actors import Actor, ActorKind
from inventory_control.core.errors import Conflict, DomainError, Refused
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import log
from inventory_control.events import permissions
from inventory_control.events.errors import NotSuspectedError
from inventory_control.events.models import DeadLetter
from inventory_control.events.selectors import known_again, open_dead_letters
from inventory_control.events.services import (
    draft_events,
    hold_suspects,
    mark_released,
    mark_retried,
    note_refusals,
    read_rows,
)
from inventory_control.events.states import DeadLetterStatus, Outcome
from inventory_control.events.values import EventDraft, LetterFilter, Posted, Refusal
from inventory_control.stock.services.posting import in_one_transaction, post_events

BATCH = 500
AT_MOST = 5_000
"""Letters one call retries; whoever has more calls again."""
_ACCEPTED = frozenset({Outcome.POSTED, Outcome.NOTED, Outcome.DUPLICATE, Outcome.HELD})
_NOT_THEIRS = frozenset({"foreign_source", "not_permitted"})
"""What a sender had no right to say. Whoever retries it says it with a right of their own."""
_SUSPECTED = "suspected_duplicate"
_logger = log(__name__)


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of one dead letter this time."""

    letter_id: int
    outcome: str
    code: str = ""
    field: str = ""
    detail: str = ""


def retry_letter(letter_id: int, *, by: Actor) -> Retried:
    """Draft and post the kept body of a dead letter again; it closes when the row is accepted.

    A row refused again stays open with its new reason; one accepted meanwhile is a duplicate, which
    changes nothing. Raises `Conflict` when there is no such letter, or it was discarded.
    """
    (retried,) = retry_letters([letter_id], by=by)
    if retried.outcome == _GONE:
        raise Conflict(retried.detail, field="id")
    return retried


def retry_letters(letter_ids: Sequence[int], *, by: Actor) -> list[Retried]:
    """Try some dead letters again, as a set; one answer per letter, in order.

    Each five hundred are one transaction. A letter that was accepted before, by itself or by somebody
    else's press, is a duplicate; one that is not open any more otherwise is answered, and stops no
    other. Raises `Refused` beyond `AT_MOST`.
    """
    require(by, permissions.RETRY)
    if len(letter_ids) > AT_MOST:
        raise Refused(
            f"At most {AT_MOST:,} letters a call; this has {len(letter_ids):,}.", field="ids"
        )
    wanted = list(dict.fromkeys(letter_ids))
    answers: dict[int, Retried] = {}
    for start in range(0, len(wanted), BATCH):
        answers.update(_retried(wanted[start : start + BATCH], by, _sender(by)))
    answers |= _accepted_before([pk for pk in wanted if pk not in answers])
    return [
        answers.get(pk) or Retried(pk, _GONE, "not_open", "id", f"Dead letter {pk} is not open.")
        for pk in wanted
    ]


def retry_found(asked: LetterFilter, *, by: Actor) -> list[Retried]:
    """Try again whatever a filter finds, oldest first, at most `AT_MOST` letters a call."""
    require(by, permissions.RETRY)
    found = open_dead_letters(asked).order_by("id").values_list("pk", flat=True)
    return retry_letters(list(found[:AT_MOST]), by=by)


@transaction.atomic
def release_letter(letter_id: int, *, reason: str, by: Actor) -> Retried:
    """Let a suspected duplicate post after all: it did happen twice.

    Raises `NotSuspectedError` for every other letter, `Refused` without a reason.
    """
    require(by, permissions.RETRY)
    if not reason.strip():
        raise Refused("Say why this happened twice.", field="reason")
    letters = _locked([letter_id])
    if not letters:
        raise Conflict(f"Dead letter {letter_id} is not open.", field="id")
    if letters[0].code != _SUSPECTED:
        raise NotSuspectedError(field="id")
    (answer,) = _posted_again(letters, by, _sender(by), is_released=True)
    if isinstance(answer, Posted) and answer.outcome in _ACCEPTED:
        mark_released(letters[0], reason=reason, by=by)
    elif isinstance(answer, Refusal):
        note_refusals({letters[0].pk: answer})
    return _told(letters[0], answer)


def post_named(*, by: Actor) -> int:
    """Post what waited for a name that is known by now; returns the letters that closed.

    Batches; each letter is tried once a run. One that breaks its batch is tried alone, and if it
    fails alone it waits no longer but stays open, for a person.
    """
    require(by, permissions.RETRY)
    closed, last = 0, 0
    while letter_ids := known_again(after=last, limit=AT_MOST):
        last = letter_ids[-1]
        for start in range(0, len(letter_ids), BATCH):
            answers = _named(letter_ids[start : start + BATCH], by)
            closed += sum(answer.outcome in _ACCEPTED for answer in answers)
    return closed


def _named(letter_ids: Sequence[int], by: Actor) -> list[Retried]:
    try:
        return list(_retried(letter_ids, by, by).values())
    except (DomainError, DatabaseError) as error:
        _logger.warning("letters.batch_failed", letters=len(letter_ids), error=str(error))
        return [answer for one in letter_ids for answer in _alone(one, by)]


def _alone(letter_id: int, by: Actor) -> list[Retried]:
    try:
        return list(_retried([letter_id], by, by).values())
    except (DomainError, DatabaseError) as error:
        note_refusals({letter_id: _broken(str(error))})
        return []


def _retried(letter_ids: Sequence[int], by: Actor, sender: Actor) -> dict[int, Retried]:
    """One batch in one transaction: post, close what was accepted, note why the rest was not."""

    def retry() -> list[Retried]:
        letters = _locked(letter_ids)
        answers = _posted_again(letters, by, sender)
        accepted = [
            letter
            for letter, answer in zip(letters, answers, strict=True)
            if isinstance(answer, Posted) and answer.outcome in _ACCEPTED
        ]
        mark_retried(accepted, by=by)
        note_refusals(
            {
                letter.pk: answer
                for letter, answer in zip(letters, answers, strict=True)
                if isinstance(answer, Refusal)
            }
        )
        return [_told(letter, answer) for letter, answer in zip(letters, answers, strict=True)]

    return {retried.letter_id: retried for retried in in_one_transaction(retry)}


def _accepted_before(letter_ids: Sequence[int]) -> dict[int, Retried]:
    """Of some letters that are not open, those whose row is in the books already."""
    if not letter_ids:
        return {}
    found = DeadLetter.objects.filter(pk__in=letter_ids, status=DeadLetterStatus.RETRIED)
    told = "It was accepted before; nothing changed."
    return {
        pk: Retried(pk, str(Outcome.DUPLICATE), detail=told)
        for pk in found.values_list("pk", flat=True)
    }


def _locked(letter_ids: Sequence[int]) -> list[DeadLetter]:
    """The letters that are still open, locked in one order."""
    letters = DeadLetter.objects.select_for_update().filter(
        pk__in=letter_ids, status=DeadLetterStatus.OPEN
    )
    return list(letters.order_by("pk"))


def _posted_again(
    letters: Sequence[DeadLetter], by: Actor, sender: Actor, *, is_released: bool = False
) -> list[Posted | Refusal]:
    """Draft and post the bodies of some letters, those of each sender together."""
    groups: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for place, letter in enumerate(letters):
        groups[letter.received_from, _may_open(letter, by)].append(place)
    answers: dict[int, Posted | Refusal] = {}
    for (received_from, may_open), places in groups.items():
        reading = read_rows([bytes(letters[place].body) for place in places])
        drafts = draft_events(
            reading,
            received_from=received_from,
            may_speak_for=_speaks([letters[place] for place in places], by),
            by=_opening(sender) if may_open else sender,
        )
        if not is_released:
            drafts = hold_suspects(drafts, reading.gate())
        posted = iter(
            post_events([one for one in drafts if isinstance(one, EventDraft)], by=sender)
        )
        for place, one in zip(places, drafts, strict=True):
            answers[place] = one if isinstance(one, Refusal) else next(posted)
    return [answers[place] for place in range(len(letters))]


def _speaks(letters: Sequence[DeadLetter], by: Actor) -> Callable[[str], bool]:
    """For which sources these letters may speak: what they were taken for the first time."""
    sources = {letter.received_from for letter in letters}
    sources |= {
        letter.source
        for letter in letters
        if letter.source and (letter.code not in _NOT_THEIRS or by.may(permissions.WRITE))
    }
    return lambda source: source in sources


def _may_open(letter: DeadLetter, by: Actor) -> bool:
    """Whether an opening balance among the letters may be: its sender might, or who retries may.

    A row without a source was never read as far as its rights.
    """
    is_allowed = bool(letter.source) and letter.code not in _NOT_THEIRS
    return is_allowed or by.may(permissions.OPEN_STOCK)


def _sender(by: Actor) -> Actor:
    return Actor.system(f"retry for {by.id}")


def _opening(sender: Actor) -> Actor:
    return Actor(
        kind=ActorKind.SYSTEM,
        id=sender.id,
        name=sender.name,
        permissions=frozenset({permissions.OPEN_STOCK}),
    )


_GONE = "gone"


def _told(letter: DeadLetter, answer: Posted | Refusal) -> Retried:
    detail = answer.reason if isinstance(answer, Refusal) else answer.detail
    return Retried(letter.pk, str(answer.outcome), answer.code, answer.field, detail)


def _broken(error: str) -> Refusal:
    return Refusal(
        outcome=Outcome.QUARANTINED,
        code="not_posted",
        field="",
        reason=error[:500],
        body=b"",
    )
