"""One rule for repeated writes (D18): same key and body, same answer; another body, 422."""

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

CONFLICT = 409
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
    being done twice. A conflict with the state of then (409) is the answer too. What never began,
    because the body or the right was wrong, and server faults are not kept: the caller may mend
    it and try again.
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
            if isinstance(response, HttpResponse):
                _keep(key, actor_id, response)
    except BaseException as error:
        if isinstance(error, DomainError) and error.status == CONFLICT:
            response = problem_response(error)
            _keep(key, actor_id, response)
            return response
        IdempotentAnswer.objects.filter(actor_id=actor_id, key=key, status=0).delete()
        raise
    return response


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


def _keep(key: str, actor_id: str, response: HttpResponse) -> None:
    if hasattr(response, "render") and not getattr(response, "is_rendered", True):
        return
    if response.status_code >= 500:
        IdempotentAnswer.objects.filter(actor_id=actor_id, key=key).delete()
        return
    IdempotentAnswer.objects.filter(actor_id=actor_id, key=key).update(
        status=response.status_code,
        content_type=response.headers.get("Content-Type", ""),
        body=response.content,
    )


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
