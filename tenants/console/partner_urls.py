"""Pages of the partner's own house."""

from __future__ import annotations

from django.urls import path

from tenants.console.urls import urlpatterns as brand
from tenants.console.views import TenantListView

app_name = "tenants"
urlpatterns = [*brand, path("", TenantListView.as_view(), name="tenant-list")]
