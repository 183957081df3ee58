"""URLs of a tenant's house: the REST API below /api/v1/, the console beside it."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from inventory_control.sandbox import SandboxClockView, SandboxStateView

api: list[URLPattern | URLResolver] = [
    path("", include("inventory_control.stock.api.urls")),
    path("", include("inventory_control.events.api.urls")),
    path("", include("inventory_control.catalog.api.urls")),
    path("", include("inventory_control.people.api.urls")),
    path("", include("inventory_control.availability.api.urls")),
    path("", include("inventory_control.orders.api.urls")),
    path("", include("inventory_control.fulfilment.api.urls")),
    path("", include("inventory_control.notifications.api.urls")),
    path("", include("inventory_control.reconciliation.api.urls")),
    path("", include("inventory_control.audit.api.urls")),
    path("", include("exceptions.api.urls")),
    path("", include("ai_advice.api.urls")),
    path("", include("workflows.api.urls")),
    path("", include("connectors.api.urls")),
    path("", include("inventory_control.timelines.api.urls")),
    path("sandbox/clock", SandboxClockView.as_view(), name="sandbox-clock"),
    path("sandbox/state", SandboxStateView.as_view(), name="sandbox-state"),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="exceptions:case-list"), name="home"),
    path("api/v1/", include(api)),
    path("exceptions/", include("workflows.console.case_urls")),
    path("approvals/", include("workflows.console.urls")),
    path("items/", include("inventory_control.availability.console.urls")),
    path("backorders/", include("inventory_control.fulfilment.console.urls")),
    path("notifications/", include("inventory_control.notifications.console.urls")),
    path("orders/", include("inventory_control.orders.console.urls")),
    path("reconciliation/", include("inventory_control.reconciliation.console.urls")),
    path("audit/", include("inventory_control.audit.console.urls")),
    path("events/", include("connectors.console.urls")),
    path("", include("inventory_control.timelines.console.urls")),
    path("sources/", include("inventory_control.events.console.source_urls")),
    path("dead-letters/", include("inventory_control.events.console.urls")),
    path("dead-letters/", include("inventory_control.stock.console.urls")),
    path("", include("inventory_control.people.console.urls")),
    path("", include("tenants.console.urls")),
]

handler400 = "inventory_control.web.problems.bad_request"
handler404 = "inventory_control.web.problems.no_such_page"
handler500 = "inventory_control.web.problems.fault"
