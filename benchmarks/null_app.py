"""Null views with and without the tenant middleware: what routing to a tenant costs.

`BENCH_ROUTING` is `bare` (no tenant is chosen), `fixed` (always the same one) or `tenant` (that of
the host, as the product does). Everything else of the middleware stack is left out of all three.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import django
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

MODE = os.environ["BENCH_ROUTING"]
Answer = Callable[[HttpRequest], HttpResponse]


class Fixed:
    """Enters one tenant for every request, so that no switch is ever needed."""

    def __init__(self, get_response: Answer) -> None:
        from inventory_control.core.tenancy import in_tenant
        from tenants.selectors import tenant_labelled

        self._get_response, self._in_tenant = get_response, in_tenant
        self._tenant = tenant_labelled("bench1")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with self._in_tenant(self._tenant):
            return self._get_response(request)


def null(_request: HttpRequest) -> HttpResponse:
    """Nothing at all."""
    return HttpResponse(b"{}", content_type="application/json")


def one(_request: HttpRequest) -> HttpResponse:
    """One indexed row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM catalog_item WHERE sku = 'ITEM-00001'")
        return HttpResponse(str(cursor.fetchone()), content_type="text/plain")


urlpatterns = [path("null", null), path("one", one)]

django.setup()
settings.MIDDLEWARE = {
    "bare": [],
    "fixed": ["benchmarks.null_app.Fixed"],
    "tenant": ["tenants.middleware.TenantOfHost"],
}[MODE]
settings.ROOT_URLCONF = "benchmarks.null_app"

from django.core.wsgi import get_wsgi_application  # noqa: E402 - after the settings

application = get_wsgi_application()
