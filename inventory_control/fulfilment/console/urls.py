"""Pages of those who wait for stock."""

from __future__ import annotations

from django.urls import path

from inventory_control.fulfilment.console.backorder import BackorderDetailView, BackorderReleaseView
from inventory_control.fulfilment.console.queue import BackorderListView

app_name = "fulfilment"
urlpatterns = [
    path("", BackorderListView.as_view(), name="backorder-list"),
    path("<int:pk>/", BackorderDetailView.as_view(), name="backorder-detail"),
    path("<int:pk>/release/", BackorderReleaseView.as_view(), name="backorder-release"),
]
