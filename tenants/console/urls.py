"""Pages of tenants that every house has: its brand."""

from __future__ import annotations

from django.urls import path

from tenants.console.views import BrandLogoView, BrandSheetView

app_name = "tenants"
urlpatterns = [
    path("brand.css", BrandSheetView.as_view(), name="brand-css"),
    path("brand/logo.png", BrandLogoView.as_view(), name="brand-logo"),
]
