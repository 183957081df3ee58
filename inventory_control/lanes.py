"""The short lane: how a till's request reaches a hot door without what Django does for pages.

The answer is observed, secured and given in its tenant as every other is; a request object,
resolving the address anew, signals, sessions and everything else a page needs stay out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from django.core.handlers.exception import response_for_exception
from django.core.handlers.wsgi import WSGIRequest
from django.db import DEFAULT_DB_ALIAS, connections
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware
from django.urls import resolve, reverse

from inventory_control.core.errors import DomainError
from inventory_control.core.telemetry import correlated, note_answer
from inventory_control.core.tenancy import TenantRef, in_tenant
from inventory_control.web.calls import Answer, Call
from inventory_control.web.keys import presented_key
from inventory_control.web.middleware import CORRELATION_HEADER, offered_correlation
from inventory_control.web.problems import problem_answer
from inventory_control.web.views import ApiView
from tenants.middleware import tenant_at

HOT = ("event-list", "reservation-list", "availability")
"""The doors a till waits at; their views override `ApiView.at_once`."""
WAYS_KEPT = 100
"""How many ways a request can come in (door, scheme, proxy) are remembered."""
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Door:
    """A hot door: its name in logs and its view."""

    name: str
    view: ApiView


class ShortLane:
    """A WSGI application around another: hot doors at once, everything else the general way.

    Whatever `at_once` does not take (another method, an Idempotency-Key, no key at all) goes to the
    application behind with its body unread, and so does whatever is not plain about its host or
    its scheme, so that there is one set of rules for it.
    """

    def __init__(self, application: WSGIApplication, names: Sequence[str] = HOT) -> None:
        self._application = application
        self._doors = {reverse(name): _door(name) for name in names}
        self._secured = _Secured()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer at once, or have it answered."""
        door = self._doors.get(environ["PATH_INFO"])
        if door is None or "HTTP_AUTHORIZATION" not in environ:
            return self._application(environ, start_response)
        session = connections[DEFAULT_DB_ALIAS]
        if not session.in_atomic_block:
            session.close_if_unusable_or_obsolete()
        secret, tenant = presented_key(environ), tenant_at(environ)
        secured = self._secured.headers(environ)
        if secret is None or tenant is None or secured is None:
            return self._application(environ, start_response)
        call = Call(environ)
        with correlated(offered_correlation(environ)) as correlation:
            answer = _answer(door, tenant, call, secret)
        if answer is None:
            call.give_back()
            return self._application(environ, start_response)
        headers = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.content))),
            (CORRELATION_HEADER, correlation),
            *answer.headers,
            *secured,
        ]
        start_response(answer.line, headers)
        return [answer.content]


class _Secured:
    """The headers that make an answer safe to show, as `SecurityMiddleware` writes them.

    They depend on how a request came in, not on what it says, so they are written once for each
    way; a request that is to be sent elsewhere (from http to https) gets none.
    """

    def __init__(self) -> None:
        self._middleware = SecurityMiddleware(_unused)
        self._known: dict[tuple[str, str, str | None], Headers | None] = {}

    def headers(self, environ: WSGIEnvironment) -> Headers | None:
        """The headers for a request that came in like this one."""
        proxy = settings.SECURE_PROXY_SSL_HEADER
        way = (
            environ["PATH_INFO"],
            environ["wsgi.url_scheme"],
            environ.get(proxy[0]) if proxy else None,
        )
        try:
            return self._known[way]
        except KeyError:
            if len(self._known) >= WAYS_KEPT:
                self._known.clear()
            found = self._known[way] = self._headers_of(WSGIRequest(environ))
            return found

    def _headers_of(self, request: HttpRequest) -> Headers | None:
        if self._middleware.process_request(request) is not None:
            return None
        bare = HttpResponse()
        del bare["Content-Type"]
        return tuple(self._middleware.process_response(request, bare).items())


def _answer(door: _Door, tenant: TenantRef, call: Call, secret: str) -> Answer | None:
    started = time.perf_counter()
    try:
        with in_tenant(tenant):
            answer = door.view.at_once(call, secret)
    except DomainError as error:
        answer = problem_answer(error)
    except Exception as error:  # noqa: BLE001 - what Django does with a fault behind its handler
        answer = _fault(call, error)
    if answer is not None:
        note_answer(
            tenant=tenant.label,
            view=door.name,
            method=call.method,
            status=answer.status,
            seconds=time.perf_counter() - started,
        )
    return answer


def _fault(call: Call, error: Exception) -> Answer:
    shown: Any = response_for_exception(WSGIRequest(call.META), error)
    headers = dict(shown.items())
    content_type = headers.pop("Content-Type")
    return Answer(shown.status_code, shown.content, content_type, tuple(headers.items()))


def _unused(_request: HttpRequest) -> HttpResponse:
    raise AssertionError("the lane asks the middleware for its two halves")


def _door(name: str) -> _Door:
    match = resolve(reverse(name))
    return _Door(match.view_name, match.func.view_class())  # type: ignore[attr-defined]  # a class's view
