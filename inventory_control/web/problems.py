"""Refusals on the wire: RFC 9457 problem JSON for the API, a page or fragment for the console."""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import set_rollback

from inventory_control.core.errors import DomainError
from inventory_control.core.postgresql.base import is_server_away
from inventory_control.core.telemetry import correlation_id
from inventory_control.web.calls import Answer

CONTENT_TYPE = "application/problem+json"
AWAY_S = "2"
"""Seconds after which to ask again while the database is away: a restart takes about as long."""
_FOR_OPERATORS = "; use sys."
"""Where Python, refusing an endless number, starts to advise whoever runs it."""
_CHALLENGE = ("WWW-Authenticate", "Bearer")
"""A 401 says what would have been accepted."""


class NotFoundError(DomainError):
    """There is no such thing, or not for you."""

    code = "not_found"
    status = 404


def problem(
    *, status: int, code: str, detail: str, field: str | None = None, **extra: object
) -> dict[str, Any]:
    """The one shape of every error of the API (INT-13)."""
    body: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
        "correlation_id": correlation_id(),
    }
    if field:
        body["field"] = field
    return body | extra


def problem_of(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every refusal becomes a problem; a fault stays a fault (500)."""
    del context
    set_rollback()
    if isinstance(error, DomainError):
        return _response(_problem_of_refusal(error), dict(_headers_of(error)))
    if isinstance(error, Http404):
        return _response(problem(status=404, code="not_found", detail="There is no such thing."))
    if isinstance(error, PermissionDenied):
        return _response(problem(status=403, code="not_permitted", detail="Not permitted."))
    if isinstance(error, ValidationError):
        return _response(_invalid(error))
    if isinstance(error, APIException):
        response = _response(
            problem(
                status=error.status_code,
                code=str(getattr(error, "default_code", "error")),
                detail=str(error.detail).partition(_FOR_OPERATORS)[0],
            )
        )
        challenge, wait = getattr(error, "auth_header", None), getattr(error, "wait", None)
        if challenge:
            response["WWW-Authenticate"] = challenge
        if wait:
            response["Retry-After"] = str(int(wait))
        return response
    return None


def problem_answer(error: DomainError) -> Answer:
    """A refusal as a hot door answers it."""
    body = _as_json(_problem_of_refusal(error))
    return Answer(error.status, body, CONTENT_TYPE, _headers_of(error))


def problem_response(error: DomainError) -> HttpResponse:
    """A refusal as an answer rather than an exception, for doors that keep what they refuse."""
    return problem_answer(error).response()


def refusal_page(request: HttpRequest, error: DomainError) -> HttpResponse:
    """A refusal in the console: the fragment for htmx, a whole page otherwise."""
    htmx = getattr(request, "htmx", False)
    template = "console/_refusal.html" if htmx else "errors/refusal.html"
    return render(request, template, {"error": error}, status=error.status)


def problem_at_door(
    request: HttpRequest, *, status: int, code: str, detail: str
) -> JsonResponse | None:
    """What a program is told that never reached a view, or None when a page will do."""
    if not request.path.startswith("/api/"):
        return None
    body = problem(status=status, code=code, detail=detail)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 400: a request no view ever saw."""
    del exception
    detail = "The request could not be understood."
    told = problem_at_door(request, status=400, code="bad_request", detail=detail)
    return told or HttpResponse(render_to_string("errors/400.html"), status=400)


def no_such_page(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 404: there is nothing at this address."""
    del exception
    detail = "There is nothing at this address."
    told = problem_at_door(request, status=404, code="not_found", detail=detail)
    return told or render(request, "errors/404.html", status=404)


def fault(request: HttpRequest) -> HttpResponse:
    """Django's 500: our fault; asks neither database nor session for what it shows.

    A database that went away in the middle is none of ours: that is a 503, and when to come again.
    """
    if is_server_away(sys.exception()):
        return _away(request)
    detail = "Something failed on our side; nothing of this request was saved."
    told = problem_at_door(request, status=500, code="fault", detail=detail)
    reference = {"correlation_id": correlation_id()}
    return told or HttpResponse(render_to_string("errors/500.html", reference), status=500)


def _away(request: HttpRequest) -> HttpResponse:
    detail = (
        "The database went away. Whether this request was saved is not known: send it again with "
        "the same keys; what was saved is not saved twice."
    )
    told = problem_at_door(request, status=503, code="unavailable", detail=detail)
    answer = told or HttpResponse(render_to_string("errors/503.html"), status=503)
    answer["Retry-After"] = AWAY_S
    return answer


def csrf_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form from another site, or one that is too old."""
    told = problem_at_door(request, status=403, code="csrf", detail=reason)
    return told or render(request, "errors/403.html", {"reason": reason}, status=403)


def _problem_of_refusal(error: DomainError) -> dict[str, Any]:
    return problem(
        status=error.status, code=error.code, detail=error.detail, field=error.field, **error.extra
    )


def _headers_of(error: DomainError) -> tuple[tuple[str, str], ...]:
    return (_CHALLENGE,) if error.status == HTTPStatus.UNAUTHORIZED else ()


def _as_json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, cls=DjangoJSONEncoder).encode()


def _response(body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(body, status=body["status"], content_type=CONTENT_TYPE, headers=headers)


def _invalid(error: ValidationError) -> dict[str, Any]:
    faults = list(_flattened(error.detail, ""))
    field, detail = faults[0] if faults else ("", "The input is not valid.")
    return problem(
        status=422,
        code="invalid_input",
        detail=detail,
        field=field,
        errors=[{"field": path, "detail": text} for path, text in faults],
    )


def _flattened(detail: Any, path: str) -> Any:
    if isinstance(detail, dict):
        for key, inner in detail.items():
            step = "" if key == "non_field_errors" else str(key)
            yield from _flattened(inner, f"{path}.{step}".strip("."))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from _flattened(inner, f"{path}[{index}]" if nested else path)
    else:
        yield path, str(detail)
