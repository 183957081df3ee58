"""The late door of events: what was kept during maintenance is posted as if it came in now.

A door and not a service, because it gives the answers of the other doors: a caller that repeats
its call afterwards with the same Idempotency-Key gets the answer of the kept one.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.http import HttpResponse, HttpResponseBase

from inventory_control.audit.services import record
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import DomainError
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import correlated
from inventory_control.events import permissions
from inventory_control.events.services import park
from inventory_control.events.states import Outcome
from inventory_control.events.values import Posted, Refusal
from inventory_control.people.errors import KeyRefusedError
from inventory_control.people.selectors import KeyHolder, holder_of_digest
from inventory_control.stock.api.bodies import plain_body, rows_in
from inventory_control.stock.api.views import answer_to, bulk_answer
from inventory_control.stock.errors import ContentionError
from inventory_control.stock.services import post_rows
from inventory_control.web.idempotency import StillRunningError, answered_once
from tenants.selectors import KeptCall, oldest_kept_call
from tenants.services import drop_kept_call

BULK = "/api/v1/events/bulk"


def take_postponed(*, by: Actor) -> int:
    """Post every kept call in the order they came, each in a transaction; returns how many.

    A call whose key may not post any more, or whose body cannot be read, ends as a dead letter.
    """
    require(by, permissions.WRITE)
    taken = 0
    while _take_oldest(by):
        taken += 1
    return taken


@transaction.atomic
def _take_oldest(by: Actor) -> bool:
    call = oldest_kept_call()
    if call is None:
        return False
    with correlated(call.correlation_id):
        try:
            with transaction.atomic():
                status = _posted(call).status_code
            verb = "postponed_call.posted"
        except (ContentionError, StillRunningError):
            raise
        except DomainError as error:
            _give_up(call, error)
            status, verb = error.status, "postponed_call.refused"
        record(
            verb,
            subject=("postponed_call", str(call.receipt)),
            by=by,
            data={"path": call.path, "key": call.key_prefix, "status": status},
        )
        drop_kept_call(call.receipt)
    return True


def _posted(call: KeptCall) -> HttpResponseBase:
    """The answer the call would have had, kept under its Idempotency-Key if it has one."""
    holder = holder_of_digest(call.key_prefix, call.key_digest, at=clock.real_now())
    if holder is None:
        raise KeyRefusedError
    require(holder.actor, permissions.WRITE)
    if call.idempotency_key is None:
        return _answer(call, holder)
    return answered_once(
        key=call.idempotency_key,
        actor_id=holder.actor.id,
        route=f"POST {call.path}",
        body=call.body,
        answer=lambda: _answer(call, holder),
    )


def _answer(call: KeptCall, holder: KeyHolder) -> HttpResponse:
    def post(rows: Sequence[bytes]) -> list[Posted | Refusal]:
        return post_rows(
            rows,
            received_from=holder.key_name,
            may_speak_for=holder.may_speak_for,
            by=holder.actor,
        )

    body = plain_body(call.body, call.content_encoding)
    if call.path == BULK:
        return bulk_answer(rows_in(body, call.content_type.partition(";")[0].strip()), post)
    (answer,) = post([body])
    return answer_to(answer).response()


def _give_up(call: KeptCall, error: DomainError) -> None:
    refusal = Refusal(
        outcome=Outcome.QUARANTINED,
        code=error.code,
        field=error.field or "",
        reason=error.detail,
        body=call.body,
        source_id=f"call {call.receipt}",
    )
    park([refusal], received_from=f"key {call.key_prefix}")
