"""Around every request: a correlation id, a log line, a timing, and refusals as pages."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from inventory_control.core.errors import DomainError
from inventory_control.core.telemetry import correlated, log, request_seconds
from inventory_control.web.problems import refusal_page

CORRELATION_HEADER = "X-Correlation-Id"
_logger = log(__name__)


class ObservedRequest:
    """Gives the request its correlation id, answers with it, logs and times the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Take over a sane correlation id from the caller, or start one."""
        offered = request.headers.get(CORRELATION_HEADER, "")
        is_sane = 8 <= len(offered) <= 64 and offered.replace("-", "").isalnum()
        started = time.perf_counter()
        with correlated(offered if is_sane else None) as correlation:
            response = self._get_response(request)
            response[CORRELATION_HEADER] = correlation
            seconds = time.perf_counter() - started
            match = request.resolver_match
            view = match.view_name if match else "none"
            request_seconds.labels(
                view=view, method=request.method or "", status=str(response.status_code)
            ).observe(seconds)
            if response.status_code >= 500 or not request.path.startswith("/static/"):
                _logger.info(
                    "request.answered",
                    method=request.method,
                    view=view,
                    status=response.status_code,
                    milliseconds=round(seconds * 1000, 1),
                )
            return response


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
