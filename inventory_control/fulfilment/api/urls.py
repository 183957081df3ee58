"""Routes of the fulfilment API."""

from __future__ import annotations

from django.urls import path

from inventory_control.fulfilment.api.views import BackorderListView

urlpatterns = [
    path("backorders", BackorderListView.as_view(), name="backorder-list"),
]
