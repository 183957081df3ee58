"""The metrics page: what was counted, and how far behind each tenant is at this moment."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from inventory_control.core.telemetry import metrics_page
from inventory_control.core.tenancy import in_tenant
from inventory_control.kpi.selectors import backlogs, event_lag_seconds, oldest_unsealed_seconds
from tenants.selectors import open_tenants

LOOPBACK = frozenset({"127.0.0.1", "::1", ""})


class BehindGauges(Collector):
    """Reads at the scrape how far behind every open tenant is: two short queries a tenant."""

    def collect(self) -> Iterable[Metric]:
        """The four gauges, one sample per tenant (and stage)."""
        lag = GaugeMetricFamily(
            "ic_event_lag_seconds",
            "Age of the oldest received message that is not posted yet.",
            labels=["tenant"],
        )
        oldest = GaugeMetricFamily(
            "ic_oldest_due_seconds", "Age of the oldest due row.", labels=["tenant", "stage"]
        )
        depth = GaugeMetricFamily("ic_queue_depth", "Due rows.", labels=["tenant", "stage"])
        unsealed = GaugeMetricFamily(
            "ic_oldest_unsealed_seconds",
            "Age of the oldest audit entry that is not sealed yet.",
            labels=["tenant"],
        )
        for tenant in open_tenants():
            with in_tenant(tenant):
                found, waits = backlogs(), oldest_unsealed_seconds()
            lag.add_metric([tenant.label], event_lag_seconds(found))
            unsealed.add_metric([tenant.label], waits)
            for one in found:
                oldest.add_metric([tenant.label, one.stage], one.oldest_seconds)
                depth.add_metric([tenant.label, one.stage], one.waiting)
        return lag, oldest, depth, unsealed


def metrics(request: HttpRequest) -> HttpResponse:
    """All series, for whoever holds METRICS_TOKEN; without one only for this machine."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        is_allowed = hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    else:
        is_allowed = request.META.get("REMOTE_ADDR", "") in LOOPBACK
    if not is_allowed:
        return HttpResponse(status=403)
    return HttpResponse(
        metrics_page(BehindGauges()), content_type="text/plain; version=0.0.4; charset=utf-8"
    )
