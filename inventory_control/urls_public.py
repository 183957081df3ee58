"""URLs of the partner's house, and of the probes under any host name."""

from __future__ import annotations

from django.urls import include, path

from inventory_control.kpi.api.views import metrics
from inventory_control.web.health import health, ready

urlpatterns = [
    path("health", health, name="health"),
    path("ready", ready, name="ready"),
    path("metrics", metrics, name="metrics"),
    path("", include("inventory_control.people.console.urls")),
    path("", include("tenants.console.partner_urls")),
]

handler400 = "inventory_control.web.problems.bad_request"
handler404 = "inventory_control.web.problems.no_such_page"
handler500 = "inventory_control.web.problems.fault"
