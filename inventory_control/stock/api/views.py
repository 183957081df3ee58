"""The hot doors: one event, many events, reservations. msgspec in and out, no serializers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_control.core import clock
from inventory_control.core.doorbell import bells_held
from inventory_control.core.errors import DomainError
from inventory_control.events import permissions as event_permissions
from inventory_control.events.api.searching import EventSearchView
from inventory_control.events.errors import ContentConflictError, InvalidEventError
from inventory_control.events.states import Outcome
from inventory_control.events.values import Posted, Refusal
from inventory_control.stock import permissions
from inventory_control.stock.api.bodies import read_body, rows_of, unreadable
from inventory_control.stock.api.claims import (
    CLAIM_FILTERS,
    ClaimPageSerializer,
    claim_page,
)
from inventory_control.stock.api.schemas import (
    BULK_ANSWER,
    EVENT,
    EVENT_ANSWER,
    EVENTS,
    RESERVATIONS,
    RESERVATIONS_ANSWER,
    ReservationBody,
)
from inventory_control.stock.errors import (
    FrozenError,
    NotAvailableError,
    ReservationEndedError,
)
from inventory_control.stock.rules import expiry_at
from inventory_control.stock.services import (
    check,
    post_presented,
    post_rows,
    reserve,
    reserve_presented,
)
from inventory_control.stock.values import Granted, ReservationLine
from inventory_control.web.calls import Answer, Call, Incoming, json_answer
from inventory_control.web.problems import problem_answer
from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

BATCH = 1_000
"""Rows a posting statement takes at once: beyond it latency grows and throughput does not."""
FEW_LINES = 100
"""Lines of a call that may share a transaction with others; more have enough company in themselves."""
_decode_reservations = msgspec.json.Decoder(ReservationBody).decode


class EventView(EventSearchView):
    """The event log, and one canonical event posted in this request's transaction."""

    tier = Tier.SYSTEM
    permissions = {**EventSearchView.permissions, "POST": event_permissions.WRITE}
    parser_classes = []

    def at_once(self, call: Call, secret: str) -> Answer | None:
        """Post the event of a key together with those that other threads post just now.

        The key is looked up where the event is posted. A caller who wants an answer kept under an
        Idempotency-Key, or who is in a transaction of its own, goes the general way and posts
        alone.
        """
        is_own = "HTTP_IDEMPOTENCY_KEY" in call.META or connection.in_atomic_block
        if is_own or call.method != "POST":
            return None
        self.refuse_large(call)
        body = read_body(call)
        with bells_held():
            return answer_to(post_presented(secret, body))

    @extend_schema(operation_id="post_event", request=EVENT, responses=EVENT_ANSWER)
    def post(self, request: Request) -> HttpResponse:
        """Post one event. 201 posted, 200 duplicate, 202 held as a suspected duplicate, 409 same
        id with other content, 422 invalid.

        A refused event is kept as a dead letter, whose reason is the answer's detail; therefore
        the refusal is returned, not raised: raising would roll the dead letter back.
        """
        (answer,) = _post(self, [read_body(request._request)])
        return answer_to(answer).response()


class EventBulkView(ApiView):
    """Many canonical events, JSON array or NDJSON, with one answer per row."""

    tier = Tier.SYSTEM
    permissions = {"POST": event_permissions.WRITE}
    parser_classes = []

    @extend_schema(operation_id="post_events", request=EVENTS, responses=BULK_ANSWER)
    def post(self, request: Request) -> HttpResponse:
        """Post up to 10,000 events. Always 200 once the body could be read; see `results`.

        Each thousand rows are one transaction; a bad row harms no other.
        """
        return bulk_answer(rows_of(request._request), lambda rows: _post(self, rows))


class ReservationView(ApiView):
    """Reservations: promise stock to order lines."""

    tier = Tier.EXPERIENCE
    permissions = {"GET": permissions.READ, "POST": permissions.RESERVE}
    parser_classes = []

    @extend_schema(
        operation_id="list_reservations",
        parameters=CLAIM_FILTERS,
        responses=ClaimPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """A page of claims by key, of an order, an item or an item at a node."""
        return claim_page(request)

    @extend_schema(operation_id="reserve", request=RESERVATIONS, responses=RESERVATIONS_ANSWER)
    def post(self, request: Request) -> HttpResponse:
        """Reserve order lines. 201 when every line got what it asked, 200 when partial lines got
        less, 409 when a line that wants all or nothing could not be served; then nothing of the
        call is reserved.
        """
        lines = lines_in(request._request)
        promised = reserve(
            lines, by=self.actor, accept=lambda found: _refuse_unserved(lines, found)
        )
        return _promised(promised).response()

    def at_once(self, call: Call, secret: str) -> Answer | None:
        """Reserve for a key together with those whom other threads serve just now."""
        is_own = "HTTP_IDEMPOTENCY_KEY" in call.META or connection.in_atomic_block
        if is_own or call.method != "POST":
            return None
        self.refuse_large(call)
        try:
            lines = lines_in(call)
        except DomainError:
            return None  # whether the key is good is said before what is wrong with the body
        if len(lines) > FEW_LINES:
            return None
        with bells_held():
            return _promised(
                reserve_presented(
                    secret, lines, accept=lambda found: _refuse_unserved(lines, found)
                )
            )


class ReservationCheckView(ApiView):
    """What would be promised."""

    tier = Tier.EXPERIENCE
    permissions = {"POST": permissions.RESERVE}
    parser_classes = []

    @extend_schema(
        operation_id="check_reservation",
        request=RESERVATIONS,
        responses={200: RESERVATIONS_ANSWER[200]},
    )
    def post(self, request: Request) -> HttpResponse:
        """What each line would be granted now, and why less; nothing is kept."""
        answers = check(lines_in(request._request), by=self.actor)
        return json_answer({"lines": answers}).response()


def lines_in(request: Incoming) -> list[ReservationLine]:
    """The order lines of a reservation's body, with its defaults filled in."""
    body = read_body(request)
    try:
        asked = _decode_reservations(body)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise unreadable(error) from None
    expires_at = None
    if asked.expires_in is not None or asked.expires_at is not None:
        expires_at = expiry_at(
            now=clock.now(), expires_in=asked.expires_in, expires_at=asked.expires_at
        )
    return [_line(one, asked, expires_at) for one in asked.lines]


def _promised(answers: Sequence[Granted]) -> Answer:
    complete = all(one.granted == one.requested for one in answers)
    return json_answer({"lines": answers}, status=201 if complete else 200)


def _post(view: ApiView, rows: Sequence[bytes]) -> list[Posted | Refusal]:
    """Post a batch in one transaction as the holder of the key; answers in the order of the rows."""
    holder: Any = view.request.user
    return post_rows(
        rows, received_from=holder.key_name, may_speak_for=holder.may_speak_for, by=view.actor
    )


def bulk_answer(
    rows: Sequence[bytes], post: Callable[[Sequence[bytes]], list[Posted | Refusal]]
) -> HttpResponse:
    """Post the rows of a bulk call, a batch at a time; one result per row, in order."""
    results: list[dict[str, Any]] = []
    for start in range(0, len(rows), BATCH):
        for answer in post(rows[start : start + BATCH]):
            results.append(_row(answer, len(results)))
    counts = Counter(row["outcome"] for row in results)
    return json_answer({"counts": dict(counts), "results": results}).response()


def answer_to(answer: Posted | Refusal) -> Answer:
    """What the caller of a single event is told."""
    if isinstance(answer, Refusal) and answer.outcome == Outcome.HELD:
        return json_answer(_row(answer, 0), status=202)
    if isinstance(answer, Refusal):
        refusal = InvalidEventError(
            answer.reason, field=answer.field, extra={"reason": answer.code}
        )
        return problem_answer(refusal)
    if answer.outcome == Outcome.CONFLICT:
        return problem_answer(ContentConflictError(answer.detail or None))
    if answer.outcome == Outcome.QUARANTINED:
        return problem_answer(
            InvalidEventError(answer.detail, field=answer.field, extra={"reason": answer.code})
        )
    status = 200 if answer.outcome == Outcome.DUPLICATE else 201
    return json_answer(answer.as_row(0), status=status)


def _row(answer: Posted | Refusal, row: int) -> dict[str, Any]:
    if isinstance(answer, Posted):
        return answer.as_row(row)
    return {
        "row": row,
        "outcome": answer.outcome,
        "code": answer.code,
        "field": answer.field,
        "detail": answer.reason,
    }


def _line(one: Any, asked: ReservationBody, expires_at: datetime | None) -> ReservationLine:
    mode = None if asked.mode is None else asked.mode == "partial"
    return ReservationLine(
        order=one.order or asked.order or "",
        line=one.line,
        sku=one.item,
        node=one.node,
        quantity=one.quantity,
        channel=one.channel or asked.channel or "",
        is_partial=mode if one.partial is None else one.partial,
        customer=one.customer,
        occurred_at=one.occurred_at,
        expires_at=expires_at,
    )


_REFUSALS: dict[str, type[DomainError]] = {
    one.code: one for one in (FrozenError, NotAvailableError, ReservationEndedError)
}


def _refuse_unserved(lines: Sequence[ReservationLine], answers: Sequence[Granted]) -> None:
    for line, answer in zip(lines, answers, strict=True):
        is_welcome = answer.is_partial or answer.is_repeat or answer.granted == answer.requested
        if is_welcome and answer.code != ReservationEndedError.code:
            continue
        raise _REFUSALS[answer.code](
            answer.reason,
            field=f"lines[{lines.index(line)}].quantity",
            extra={"available": answer.available, "requested": answer.requested},
        )
