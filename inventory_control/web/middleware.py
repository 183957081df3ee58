"""Around every request: a correlation id, a log line, a timing, and refusals as pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django_htmx.middleware import HtmxMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

from inventory_control.core.errors import DomainError
from inventory_control.core.telemetry import correlated, note_answer
from inventory_control.web.problems import refusal_page

CORRELATION_HEADER = "X-Correlation-Id"
_CORRELATION_META = "HTTP_X_CORRELATION_ID"


def offered_correlation(headers: Mapping[str, Any]) -> str | None:
    """The caller's own correlation id, if it is a sane one."""
    offered: str = headers.get(_CORRELATION_META, "")
    is_sane = 8 <= len(offered) <= 64 and offered.replace("-", "").isalnum()
    return offered if is_sane else None


class ObservedRequest:
    """Gives the request its correlation id, answers with it, logs and times the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Take over a sane correlation id from the caller, or start one."""
        started = time.perf_counter()
        with correlated(offered_correlation(request.META)) as correlation:
            response = self._get_response(request)
            response[CORRELATION_HEADER] = correlation
            if not response.streaming and "Content-Length" not in response:
                response["Content-Length"] = str(len(response.content))
            seconds = time.perf_counter() - started
            match, tenant = request.resolver_match, getattr(request, "tenant", None)
            note_answer(
                tenant=tenant.label if tenant else "-",
                view=match.view_name if match else "none",
                method=request.method or "",
                status=response.status_code,
                seconds=seconds,
                is_logged=response.status_code >= 500 or not request.path.startswith("/static/"),
            )
            _let_go(request, response)
            return response


def _let_go(request: HttpRequest, response: HttpResponse) -> None:
    """Part an answered request from what the caller sent and from the answer.

    A request and its view know each other, and so do an answer and its renderer: they stay until
    the collector comes, after hundreds of batches (see `wsgi`). What was sent and answered was two
    fifths of the process's memory by then.
    """
    for name in ("_body", "_stream"):
        request.__dict__.pop(name, None)
    request.META.pop("wsgi.input", None)
    if getattr(response, "is_rendered", False):
        response.__dict__.pop("renderer_context", None)


class ForBrowsers:
    """Mixed into what only a browser needs: a program that shows a key passes it by.

    A program has no session, no cookie to forge, no page to frame and no message to read; all of
    that would take longer than posting its event.
    """

    get_response: Any

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let programs through."""
        if "HTTP_AUTHORIZATION" in request.META and request.path.startswith("/api/"):
            return self.get_response(request)
        answer: HttpResponse = super().__call__(request)  # type: ignore[misc]
        return answer


class StaticFiles(ForBrowsers, WhiteNoiseMiddleware):
    """The console's files."""


class ContentSecurityPolicy(ForBrowsers, CSPMiddleware):
    """What a page may load."""


class Sessions(ForBrowsers, SessionMiddleware):
    """Who is signed in."""


class Addresses(ForBrowsers, CommonMiddleware):
    """A missing slash at the end of a page's address."""


class ForgeryCheck(ForBrowsers, CsrfViewMiddleware):
    """Forms come from our own pages."""


class Members(ForBrowsers, AuthenticationMiddleware):
    """The account behind the session."""


class Messages(ForBrowsers, MessageMiddleware):
    """What a page says once."""


class Frames(ForBrowsers, XFrameOptionsMiddleware):
    """No page of ours inside another one."""


class Htmx(ForBrowsers, HtmxMiddleware):
    """Whether a fragment is asked for."""


class RefusalsAsPages:
    """Turns a refusal raised by a console view into the page or fragment that shows it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing before the view."""
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Show a `DomainError`; anything else is a fault and goes on as one."""
        if isinstance(error, DomainError):
            return refusal_page(request, error)
        return None
