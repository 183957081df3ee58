"""The brand's stylesheet and logo, and the partner's board of its tenants."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import quote_etag
from django.views import View

from inventory_control.core import clock
from tenants.models import Tenant
from tenants.selectors import brand_sheet_of, logo_of, staff_of, tenants_of

STALE_AFTER = timedelta(minutes=10)
"""Counters older than this are shown as stale: an old figure is not a present one."""


class BrandSheetView(View):
    """The five brand tokens of the house; it shows nothing of a tenant."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The sheet, cacheable until the brand changes."""
        house: Any = request.house  # type: ignore[attr-defined]  # tenants.middleware
        etag = quote_etag(f"brand-{house.brand_version}")
        if request.headers.get("If-None-Match") == etag:
            return HttpResponse(status=304)
        sheet = brand_sheet_of(house) or ""
        response = HttpResponse(sheet, content_type="text/css")
        response.headers["ETag"] = etag
        response.headers["Cache-Control"] = "public, max-age=300"
        return response


class BrandLogoView(View):
    """The re-encoded logo of the house."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The picture, or 404 without one."""
        logo = logo_of(request.house)  # type: ignore[attr-defined]  # tenants.middleware
        if logo is None:
            raise Http404
        return HttpResponse(logo, content_type="image/png")


class TenantListView(View):
    """The partner's board: every tenant with its counters, the worst first."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The board; a public account that is nobody's staff is refused."""
        staff = staff_of(request.user.pk) if request.user.is_authenticated else None
        house: Any = request.house  # type: ignore[attr-defined]  # tenants.middleware
        if staff is None or staff.partner_id != house.partner_id:
            return render(request, "errors/403.html", status=403)
        now = clock.real_now()
        rows = [_row(tenant, now) for tenant in tenants_of(staff.partner)]
        context = {
            "rows": rows,
            "totals": _totals(rows),
            "tenant_name": f"All {len(rows)} retailers",
            "now": now,
            "port": _port(request),
            "no_rows": {
                "icon": "check",
                "title": "No retailers yet",
                "text": "They appear here when they are set up.",
            },
        }
        return render(request, "tenants/board.html", context)


def _port(request: HttpRequest) -> str:
    _, separator, port = request.get_host().partition(":")
    return f"{separator}{port}"


def _row(tenant: Tenant, now: Any) -> dict[str, Any]:
    counters = getattr(tenant, "counters", None)
    domain = tenant.domains.order_by("pk").first()
    return {
        "tenant": tenant,
        "domain": domain.domain if domain else "",
        "counters": counters,
        "is_stale": counters is not None and now - counters.counted_at > STALE_AFTER,
        "tone": {"good": "ok", "attention": "med", "stuck": "crit"}.get(
            counters.health if counters else "", ""
        ),
    }


def _totals(rows: list[dict[str, Any]]) -> dict[str, Any]:
    counted = [row["counters"] for row in rows if row["counters"] is not None]
    return {
        "open_cases": sum(one.open_cases for one in counted),
        "past_due": sum(one.past_due for one in counted),
        "approvals_waiting": sum(one.approvals_waiting for one in counted),
        "dead_letters": sum(one.dead_letters for one in counted),
        "uncounted": len(rows) - len(counted),
        "at_stake": _by_currency(rows),
    }


def _by_currency(rows: list[dict[str, Any]]) -> list[tuple[str, Decimal]]:
    """Money is never summed over currencies."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        if row["counters"] is not None:
            currency = row["tenant"].currency
            sums[currency] = sums.get(currency, Decimal(0)) + row["counters"].at_stake
    return sorted(sums.items())
