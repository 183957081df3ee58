"""The short lane: how a till's request reaches a hot door without what Django does for pages.

The same middlewares that observe a request, secure its answer and choose its tenant stand around
the door; resolving the address anew, signals, sessions and everything else a page needs stay out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.core.handlers.exception import response_for_exception
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware
from django.urls import ResolverMatch, resolve, reverse

from inventory_control.core.errors import DomainError
from inventory_control.web.keys import presented_key
from inventory_control.web.middleware import ObservedRequest
from inventory_control.web.problems import problem_response
from inventory_control.web.views import ApiView
from tenants.middleware import TenantOfHost

HOT = ("event-list", "reservation-list", "availability")
"""The doors a till waits at; their views override `ApiView.at_once`."""


class _GeneralWayError(Exception):
    """This request is not answered at once."""


@dataclass(frozen=True, slots=True)
class _Door:
    """A hot door: where its address leads, and its view."""

    match: ResolverMatch
    view: type[ApiView]


class ShortLane:
    """A WSGI application around another: hot doors at once, everything else the general way.

    Whatever `at_once` does not take (another method, an Idempotency-Key, no key at all) goes to the
    application behind with its body unread, so that there is one set of rules for it.
    """

    def __init__(self, application: WSGIApplication, names: Sequence[str] = HOT) -> None:
        self._application = application
        self._doors = {reverse(name): _door(name) for name in names}
        self._secure = SecurityMiddleware(self._unused)
        self._observed = ObservedRequest(self._secured)
        self._placed = TenantOfHost(self._answered)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer at once, or have it answered."""
        door = self._doors.get(environ["PATH_INFO"])
        if door is None or "HTTP_AUTHORIZATION" not in environ:
            return self._application(environ, start_response)
        request = WSGIRequest(environ)
        request.resolver_match = door.match
        request.door = door  # type: ignore[attr-defined]  # ours
        try:
            response = self._observed(request)
        except _GeneralWayError:
            if hasattr(request, "_body"):
                environ["wsgi.input"] = BytesIO(request.body)
            return self._application(environ, start_response)
        finally:
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items()])
        return [response.content]

    def _secured(self, request: HttpRequest) -> HttpResponse:
        answer: HttpResponse = self._secure.process_request(request) or self._placed(request)
        return self._secure.process_response(request, answer)

    @staticmethod
    def _answered(request: HttpRequest) -> HttpResponse:
        secret = presented_key(request.META)
        if secret is None or not hasattr(request, "tenant"):
            raise _GeneralWayError
        door: _Door = request.door  # type: ignore[attr-defined]  # ours
        try:
            answer = door.view().at_once(request, secret)
        except DomainError as error:
            return problem_response(error)
        except Exception as error:  # noqa: BLE001 - what Django does with a fault behind its handler
            return response_for_exception(request, error)
        if answer is None:
            raise _GeneralWayError
        return answer

    @staticmethod
    def _unused(_request: HttpRequest) -> HttpResponse:
        raise AssertionError("the lane asks the middleware for its two halves")


def _door(name: str) -> _Door:
    match = resolve(reverse(name))
    return _Door(match, match.func.view_class)  # type: ignore[attr-defined]  # a class's view
