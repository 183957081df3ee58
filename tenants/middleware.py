"""Turns the host of a request into a house, and the house into a database context."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.shortcuts import render

from inventory_control.core.tenancy import in_public, in_tenant
from inventory_control.web.problems import problem_at_door
from tenants.rules import DomainNameRefusedError, normalise_domain
from tenants.selectors import House, house_of
from tenants.states import TenantStatus

HOSTLESS = frozenset({"/health", "/ready", "/metrics"})
"""Paths a probe may ask under any host name; they show nothing of a tenant."""

MAINTENANCE = "This tenant is being brought to a new version; try again in a few minutes."
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
            told = problem_at_door(request, status=503, code="maintenance", detail=MAINTENANCE)
            if told is not None:
                return told
            with in_public():
                return render(request, "errors/maintenance.html", {"house": house}, status=503)
        with in_tenant(tenant):
            return self._get_response(request)

    def _in_public(self, request: HttpRequest) -> HttpResponse:
        request.urlconf = settings.PUBLIC_SCHEMA_URLCONF
        with in_public():
            return self._get_response(request)


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
