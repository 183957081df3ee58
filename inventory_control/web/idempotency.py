"""One rule for repeated writes: same key and body, same answer; another body, 422.

What is kept is written once, in `is_kept`, and told in docs/decisions/0027.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.http import HttpResponse, HttpResponseBase

from inventory_control.core import clock
from inventory_control.core.errors import Conflict, DomainError, Refused
from inventory_control.web.models import IdempotentAnswer
from inventory_control.web.problems import problem_response

BAD_REQUEST, CONFLICT = 400, 409
RUNNING_FOR = timedelta(seconds=60)
REPLAY_HEADER = "Idempotent-Replay"


class KeyReusedError(Refused):
    """This Idempotency-Key was used before with another request."""

    code = "idempotency_key_reused"


class StillRunningError(Conflict):
    """The first request with this Idempotency-Key is still running; try again shortly."""

    code = "idempotency_key_running"


def answered_once(
    *,
    key: str,
    actor_id: str,
    route: str,
    body: bytes,
    answer: Callable[[], HttpResponseBase],
    effect: Callable[[], AbstractContextManager[object]] = transaction.atomic,
) -> HttpResponseBase:
    """Answer a write once per key; later calls get the stored answer, marked as a replay.

    The answer is stored in the transaction of its effect, so there is never one without the
    other; only a write that must see the work of others passes another `effect`, and has to bear
    being done twice. Whether a refusal is raised or returned makes no difference to `is_kept`.
    """
    if len(key) > 255 or "\0" in key:
        raise Refused("An Idempotency-Key has at most 255 characters.", field="Idempotency-Key")
    digest = hashlib.sha256(route.encode() + b"\0" + body).digest()
    known = _claim(key=key, actor_id=actor_id, route=route, digest=digest)
    if known is not None:
        return _replayed(known, digest)
    try:
        with effect():
            response = answer()
            _settle(key, actor_id, response)
    except BaseException as error:
        if isinstance(error, DomainError) and is_kept(error.status):
            response = problem_response(error)
            _settle(key, actor_id, response)
            return response
        _let_go(key, actor_id)
        raise
    return response


def is_kept(status: int) -> bool:
    """Whether an answer is the answer for good: what was done, and a conflict with the state then.

    Any other refusal says that the request could not be decided as it came: its body, its right,
    the names in it. Nothing was done; whoever mends that sends it again, under the same key even
    with another body. Faults of ours are not kept either.
    """
    return status < BAD_REQUEST or status == CONFLICT


def _claim(*, key: str, actor_id: str, route: str, digest: bytes) -> IdempotentAnswer | None:
    now = clock.real_now()
    try:
        with transaction.atomic():
            IdempotentAnswer.objects.create(
                actor_id=actor_id, key=key, route=route[:200], digest=digest, started_at=now
            )
    except IntegrityError:
        known = IdempotentAnswer.objects.get(actor_id=actor_id, key=key)
        if known.status == 0 and known.started_at < now - RUNNING_FOR:
            taken = IdempotentAnswer.objects.filter(
                pk=known.pk, status=0, started_at=known.started_at
            ).update(started_at=now, digest=digest)
            if taken:
                return None
        return known
    return None


def _settle(key: str, actor_id: str, response: HttpResponseBase) -> None:
    if not isinstance(response, HttpResponse) or not is_kept(response.status_code):
        _let_go(key, actor_id)
        return
    IdempotentAnswer.objects.filter(actor_id=actor_id, key=key).update(
        status=response.status_code,
        content_type=response.headers.get("Content-Type", ""),
        body=response.content,
    )


def _let_go(key: str, actor_id: str) -> None:
    IdempotentAnswer.objects.filter(actor_id=actor_id, key=key, status=0).delete()


def _replayed(known: IdempotentAnswer, digest: bytes) -> HttpResponse:
    if bytes(known.digest) != digest:
        raise KeyReusedError
    if known.status == 0:
        raise StillRunningError
    response = HttpResponse(bytes(known.body), status=known.status, content_type=known.content_type)
    if not known.content_type:
        del response["Content-Type"]
    response[REPLAY_HEADER] = "true"
    return response
