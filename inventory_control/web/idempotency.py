"""One rule for repeated writes: same key and body, same answer; another body, 422.

What is kept is written once, in `is_kept`, and told in docs/decisions/0027.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db import Error, connection, transaction
from django.http import HttpResponse, HttpResponseBase

from inventory_control.core import clock
from inventory_control.core.errors import Conflict, DomainError, Refused
from inventory_control.core.tenancy import current_tenant
from inventory_control.web.models import IdempotentAnswer
from inventory_control.web.problems import problem_response

BAD_REQUEST, CONFLICT = 400, 409
REPLAY_HEADER = "Idempotent-Replay"
_KEEP = """
    INSERT INTO web_idempotentanswer
        (actor_id, key, route, digest, started_at, status, content_type, body)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (actor_id, key) DO NOTHING
"""


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
    Who comes while the first runs is told so (409); when the first dies, its session with the
    database dies with it, and the next call begins at once.
    """
    if len(key) > 255 or "\0" in key:
        raise Refused("An Idempotency-Key has at most 255 characters.", field="Idempotency-Key")
    asked = IdempotentAnswer(
        actor_id=actor_id,
        key=key,
        route=route[:200],
        digest=hashlib.sha256(route.encode() + b"\0" + body).digest(),
        started_at=clock.real_now(),
    )
    with _alone(asked) as is_alone:
        known = IdempotentAnswer.objects.filter(actor_id=actor_id, key=key).first()
        if known is not None:
            return _replayed(known, asked)
        if not is_alone:
            raise StillRunningError
        try:
            with effect():
                response = answer()
                _keep(asked, response)
        except DomainError as error:
            if not is_kept(error.status) or isinstance(error, StillRunningError):
                raise
            response = problem_response(error)
            _keep(asked, response)
    return response


def is_kept(status: int) -> bool:
    """Whether an answer is the answer for good: what was done, and a conflict with the state then.

    Any other refusal says that the request could not be decided as it came: its body, its right,
    the names in it. Nothing was done; whoever mends that sends it again, under the same key even
    with another body. Faults of ours are not kept either.
    """
    return status < BAD_REQUEST or status == CONFLICT


@contextmanager
def _alone(asked: IdempotentAnswer) -> Iterator[bool]:
    """Keep every other call with this key from beginning; says whether none is inside.

    The lock is the session's, not a row with a lease: PostgreSQL lets go of it when the process
    that holds it dies, and never while the call runs, however long that takes.
    """
    name = f"{current_tenant().schema_name}.answer.{asked.actor_id}.{asked.key}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        is_alone = cursor.fetchone() == (True,)
    try:
        yield is_alone
    finally:
        if is_alone:
            _give_back(name)


def _give_back(name: str) -> None:
    """Let the next call in. A session that cannot say so ends, and what it holds with it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
    except Error:
        connection.close()


def _keep(asked: IdempotentAnswer, response: HttpResponseBase) -> None:
    """Keep an answer for whoever asks again.

    Raises `StillRunningError`, and so undoes the effect, when somebody else has kept one: inside
    a longer transaction the lock is given back before that ends, and the constraint stands in.
    """
    if not isinstance(response, HttpResponse) or not is_kept(response.status_code):
        return
    if not getattr(response, "is_rendered", True):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP,
            [
                asked.actor_id,
                asked.key,
                asked.route,
                bytes(asked.digest),
                asked.started_at,
                response.status_code,
                response.headers.get("Content-Type", ""),
                response.content,
            ],
        )
        if cursor.rowcount != 1:
            raise StillRunningError


def _replayed(known: IdempotentAnswer, asked: IdempotentAnswer) -> HttpResponse:
    if bytes(known.digest) != asked.digest:
        raise KeyReusedError
    response = HttpResponse(bytes(known.body), status=known.status, content_type=known.content_type)
    if not known.content_type:
        del response["Content-Type"]
    response[REPLAY_HEADER] = "true"
    return response
