"""Turns the host of a request into a house, and the house into a database context."""

from __future__ import annotations

from collections.abc import Callable
from wsgiref.types import WSGIEnvironment

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.shortcuts import render

from inventory_control.core.tenancy import TenantRef, in_public, in_tenant
from inventory_control.web.keys import presented_key
from inventory_control.web.problems import problem_at_door, problem_response
from inventory_control.web.views import BodyTooLargeError
from tenants.rules import DomainNameRefusedError, normalise_domain
from tenants.selectors import House, house_of
from tenants.services import keep_call
from tenants.states import TenantStatus

HOSTLESS = frozenset({"/health", "/ready", "/metrics"})
"""Paths a probe may ask under any host name; they show nothing of a tenant."""

MAINTENANCE = "This tenant is being brought to a new version; try again in a few minutes."
POSTPONABLE = frozenset({"/api/v1/events", "/api/v1/events/bulk"})
"""Where facts are told: what comes there during maintenance is kept and posted afterwards."""
DOMAINS_KEPT = 10_000
"""How many host headers a process remembers the normalised name of."""
_domains: dict[str, str] = {}


class TenantOfHost:
    """Every request runs inside its host's tenant, or on the public tables, or not at all.

    Sets `request.house` (and `request.tenant`, a `TenantRef`, on a tenant's host). An unknown
    host is a plain 404 that shows nobody's brand.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Choose the context, answer inside it, leave it."""
        if request.path in HOSTLESS:
            return self._in_public(request)
        house = _house_asked(request)
        if house is None:
            told = problem_at_door(request, status=404, code="not_found", detail="Not found.")
            return told or HttpResponseNotFound("Not found.", content_type="text/plain")
        request.house = house  # type: ignore[attr-defined]  # ours
        tenant = house.tenant
        if tenant is None:
            return self._in_public(request)
        request.tenant = tenant  # type: ignore[attr-defined]  # ours
        if house.status != TenantStatus.OPEN:
            with in_public():
                if house.status == TenantStatus.MAINTENANCE and (kept := _kept(request, tenant)):
                    return kept
                told = problem_at_door(request, status=503, code="maintenance", detail=MAINTENANCE)
                return told or render(
                    request, "errors/maintenance.html", {"house": house}, status=503
                )
        with in_tenant(tenant):
            return self._get_response(request)

    def _in_public(self, request: HttpRequest) -> HttpResponse:
        request.urlconf = settings.PUBLIC_SCHEMA_URLCONF
        with in_public():
            return self._get_response(request)


def tenant_at(environ: WSGIEnvironment) -> TenantRef | None:
    """The open tenant whose host is asked for, for the short lane.

    None means that `TenantOfHost` has more to say: no house, a partner's, a tenant that is closed
    or in maintenance.
    """
    domain = _domains.get(environ.get("HTTP_HOST", ""))
    house = _house_asked(WSGIRequest(environ)) if domain is None else house_of(domain)
    return house.tenant if house is not None and house.status == TenantStatus.OPEN else None


def _kept(request: HttpRequest, tenant: TenantRef) -> HttpResponse | None:
    """The receipt of a call that posts events, kept until the tenant is open; None for all else.

    Events are facts that happened whether we are open or not; every other write is somebody's
    wish, and is refused.
    """
    secret = presented_key(request.META)
    if request.method != "POST" or request.path not in POSTPONABLE or not secret:
        return None
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > settings.EVENT_BODY_LIMIT:
        return problem_response(
            BodyTooLargeError(f"At most {settings.EVENT_BODY_LIMIT:,} bytes are taken at once.")
        )
    receipt = keep_call(
        tenant,
        path=request.path,
        content_type=_plain(request.META.get("CONTENT_TYPE", "")),
        content_encoding=_plain(request.META.get("HTTP_CONTENT_ENCODING", "")),
        secret=secret,
        idempotency_key=request.headers.get("Idempotency-Key"),
        body=request.body,
    )
    if receipt is None:
        return None
    return JsonResponse({"outcome": "kept", "receipt": str(receipt)}, status=202)


def _plain(header: str) -> str:
    return header.replace("\0", "")[:200]


def _house_asked(request: HttpRequest) -> House | None:
    """The house of the host asked for; a name that could never be a domain leads nowhere."""
    asked = request.META.get("HTTP_HOST", "")
    domain = _domains.get(asked)
    if domain is None:
        try:
            domain = normalise_domain(request.get_host())
        except (DisallowedHost, DomainNameRefusedError):
            return None
        if len(_domains) >= DOMAINS_KEPT:
            _domains.clear()
        # The same header always gives the same name, unless a proxy's header is believed instead.
        if asked and not settings.USE_X_FORWARDED_HOST:
            _domains[asked] = domain
    return house_of(domain)
