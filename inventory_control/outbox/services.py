"""Commands of the outbox: queue, claim, tell the outcome."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any
from uuid import uuid4

import msgspec
from django.db import connection, transaction
from django.db.models import F, Q

from inventory_control.audit.services import advance, advance_all, record, record_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.permissions import require
from inventory_control.core.sql import hot
from inventory_control.core.telemetry import correlation_id
from inventory_control.outbox import permissions
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.selectors import waiting_targets
from inventory_control.outbox.states import CommandStatus
from inventory_control.outbox.values import (
    USUAL_RETRIES,
    ClaimedCommand,
    CommandDraft,
    RetryTerms,
)

LEASE = timedelta(seconds=60)
Retries = Mapping[str, RetryTerms]
"""Targets that are tried otherwise than usual."""
_TAKE_NEWS = """
    UPDATE outbox_outboundcommand SET is_news = false
     WHERE id IN (
               SELECT id FROM outbox_outboundcommand
                WHERE is_news ORDER BY id FOR UPDATE SKIP LOCKED
           )
    RETURNING id
"""


@transaction.atomic
def queue_command(
    *,
    kind: str,
    target: str,
    idempotency_key: str,
    payload: Mapping[str, Any],
    subject: tuple[str, str] = ("", ""),
    by: Actor,
) -> OutboundCommand:
    """Queue an instruction together with the change that decided it.

    The same idempotency key again returns the command there is, so that deciding twice sends
    once.
    """
    now = clock.real_now()
    command, is_new = OutboundCommand.objects.get_or_create(
        idempotency_key=idempotency_key,
        defaults={
            "kind": kind,
            "target": target,
            "payload": dict(payload),
            "queued_at": clock.now(),
            "not_before": now,
            "subject_kind": subject[0],
            "subject_id": subject[1],
            "correlation_id": correlation_id(),
        },
    )
    if is_new:
        record(
            "command.queued",
            subject=("outboundcommand", str(command.pk)),
            by=by,
            data={"kind": kind, "target": target, "key": idempotency_key},
        )
        ring("deliver")
    return command


@transaction.atomic
def queue_commands(drafts: Sequence[CommandDraft], *, by: Actor) -> int:
    """Queue a set of instructions in three statements; those queued before are left as they are.

    Returns how many were new.
    """
    if not drafts:
        return 0
    known = set(
        OutboundCommand.objects.filter(
            idempotency_key__in=[draft.idempotency_key for draft in drafts]
        ).values_list("idempotency_key", flat=True)
    )
    fresh = [draft for draft in drafts if draft.idempotency_key not in known]
    now, real_now = clock.now(), clock.real_now()
    made = OutboundCommand.objects.bulk_create(
        OutboundCommand(
            kind=draft.kind,
            target=draft.target,
            idempotency_key=draft.idempotency_key,
            payload=dict(draft.payload),
            queued_at=now,
            not_before=real_now,
            subject_kind=draft.subject[0],
            subject_id=draft.subject[1],
            correlation_id=correlation_id(),
        )
        for draft in fresh
    )
    record_all(
        "command.queued",
        kind="outboundcommand",
        subjects={
            str(command.pk): {
                "kind": command.kind,
                "target": command.target,
                "key": command.idempotency_key,
            }
            for command in made
        },
        by=by,
    )
    if made:
        ring("deliver")
    return len(made)


def queue_looks(*, kind: str, targets: Sequence[str], subject_kind: str = "", by: Actor) -> int:
    """One command per target that has none waiting; what it carries is looked up as it leaves.

    With `subject_kind` the target is its subject too, so that its commands are found again.

    Returns how many were new.
    """
    if not targets:
        return 0
    waiting = waiting_targets(kind)
    return queue_commands(
        [
            CommandDraft(
                kind,
                target,
                f"{kind}:{target}:{uuid4().hex}",
                {},
                subject=(subject_kind, target) if subject_kind else ("", ""),
            )
            for target in targets
            if target not in waiting
        ],
        by=by,
    )


@transaction.atomic
def claim_due(
    limit: int, *, besides: Sequence[str] = (), retries: Retries | None = None
) -> list[ClaimedCommand]:
    """Take commands that are due, each with one attempt more and a lease.

    The attempt is counted before the try, so a killed deliverer counts; when the lease runs out
    the row is due again, until the last attempt. Real time, as for every lease. Commands to the
    targets `besides` are left where they are.
    """
    now = clock.real_now()
    attempts = {target: terms.attempts for target, terms in (retries or {}).items()}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE outbox_outboundcommand SET attempts = attempts + 1, not_before = %s
             WHERE id IN (
                       SELECT id FROM outbox_outboundcommand
                        WHERE status = 'due' AND not_before <= %s
                          AND attempts < coalesce((%s::jsonb ->> target)::int, %s)
                          AND NOT target = ANY(%s)
                        ORDER BY not_before, id LIMIT %s FOR UPDATE SKIP LOCKED
                   )
            RETURNING id, kind, target, idempotency_key, payload, attempts, correlation_id
            """,
            [
                now + LEASE,
                now,
                msgspec.json.encode(attempts).decode(),
                USUAL_RETRIES.attempts,
                list(besides),
                limit,
            ],
        )
        rows = cursor.fetchall()
    claimed = [
        ClaimedCommand(pk, kind, target, key, _decoded(payload), attempts, correlation)
        for pk, kind, target, key, payload, attempts, correlation in rows
    ]
    return sorted(claimed, key=lambda one: one.id)


@transaction.atomic
def put_back(command_ids: Sequence[int]) -> None:
    """Give up a claim on commands nobody tried to deliver: due again at once, no attempt counted."""
    if command_ids:
        OutboundCommand.objects.filter(pk__in=command_ids, status=CommandStatus.DUE).update(
            attempts=F("attempts") - 1, not_before=clock.real_now()
        )


def withdraw(idempotency_key: str, *, by: Actor) -> bool:
    """Take back a command nobody has tried to deliver yet; says whether it could be."""
    return bool(withdraw_all([idempotency_key], by=by))


@transaction.atomic
def withdraw_all(idempotency_keys: Collection[str], *, by: Actor) -> int:
    """Take back those of some commands that nobody has tried to deliver yet; returns how many.

    A command that was tried may have reached the other side: undoing it takes another command.
    """
    untried = OutboundCommand.objects.select_for_update().filter(
        idempotency_key__in=idempotency_keys, status=CommandStatus.DUE, attempts=0
    )
    withdrawn = advance_all(
        list(untried.order_by("pk")), CommandStatus.CANCELLED, by=by, verb="command.withdrawn"
    )
    return len(withdrawn)


@transaction.atomic
def call_off(command_id: int, *, why: str, by: Actor) -> OutboundCommand:
    """End a claimed command without sending it, because what it would tell is no longer right."""
    return advance(
        OutboundCommand.objects.get(pk=command_id),
        CommandStatus.CANCELLED,
        by=by,
        verb="command.called_off",
        error=why,
    )


def mark_delivered(answers: Mapping[int, Mapping[str, Any]], *, by: Actor) -> list[OutboundCommand]:
    """Note what the other side answered to some commands, by their ids."""
    return advance_all(
        list(OutboundCommand.objects.filter(pk__in=list(answers))),
        CommandStatus.SENT,
        by=by,
        verb="command.sent",
        each={pk: {"answer": dict(answer)} for pk, answer in answers.items()},
        sent_at=clock.now(),
        error="",
    )


@transaction.atomic
def mark_failed(
    command_id: int,
    *,
    error: str,
    is_final: bool,
    terms: RetryTerms = USUAL_RETRIES,
    served_by: str = "",
    by: Actor,
) -> OutboundCommand:
    """Note a failed attempt: wait and try again, or give up after the last or a final refusal."""
    command = OutboundCommand.objects.select_for_update().get(pk=command_id)
    if is_final or command.attempts >= terms.attempts:
        return advance(
            command,
            CommandStatus.DEAD,
            by=by,
            verb="command.died",
            error=error,
            served_by=served_by,
            is_news=True,
        )
    command.not_before = clock.real_now() + terms.waits[max(1, command.attempts) - 1]
    command.error, command.served_by = error, served_by
    command.save(update_fields=["not_before", "error", "served_by"])
    return command


@transaction.atomic
def bury_exhausted(*, retries: Retries | None = None, by: Actor) -> Sequence[OutboundCommand]:
    """Give up on commands whose deliverer died at the last attempt."""
    other = {target: terms.attempts for target, terms in (retries or {}).items()}
    usual = Q(attempts__gte=USUAL_RETRIES.attempts) & ~Q(target__in=list(other))
    spent = reduce(or_, (Q(target=one, attempts__gte=most) for one, most in other.items()), usual)
    exhausted = OutboundCommand.objects.filter(
        spent, status=CommandStatus.DUE, not_before__lte=clock.real_now()
    )
    return [
        advance(
            command,
            CommandStatus.DEAD,
            by=by,
            verb="command.died",
            error="Deliverer died.",
            is_news=True,
        )
        for command in exhausted
    ]


@transaction.atomic
def supersede(*, kind: str, targets: Sequence[str], by: Actor) -> int:
    """Withdraw dead commands that a later one of their kind has made up for; returns how many.

    For kinds that tell what is true now, never what happened.
    """
    made_up_for = OutboundCommand.objects.filter(
        kind=kind, target__in=targets, status=CommandStatus.DEAD
    )
    withdrawn = advance_all(
        list(made_up_for.order_by("pk")),
        CommandStatus.CANCELLED,
        by=by,
        verb="command.superseded",
        is_news=True,
    )
    return len(withdrawn)


def note_command_news(commands: Sequence[int]) -> None:
    """Have detection look at commands whose delivery ended a doubt."""
    OutboundCommand.objects.filter(pk__in=commands).update(is_news=True)


def take_command_news() -> bool:
    """Take the notes of commands there is something to say of; says whether there was one.

    A command somebody is just telling about keeps its note: its end rings again.
    """
    return bool(hot(_TAKE_NEWS, ()))


@transaction.atomic
def retry(command: OutboundCommand, *, by: Actor) -> OutboundCommand:
    """Send a dead command again, with the same idempotency key."""
    require(by, permissions.RETRY, command)
    moved = advance(
        command,
        CommandStatus.DUE,
        by=by,
        verb="command.retried",
        attempts=0,
        not_before=clock.real_now(),
        is_news=True,
    )
    ring("deliver")
    ring("detect")
    return moved


def _decoded(payload: object) -> dict[str, Any]:
    if isinstance(payload, str):
        decoded: dict[str, Any] = msgspec.json.decode(payload)
        return decoded
    return dict(payload)  # type: ignore[call-overload]
