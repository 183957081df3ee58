"""URLs of a tenant's house."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("inventory_control.stock.api.urls")),
]
