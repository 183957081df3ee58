"""Pages of sources."""

from __future__ import annotations

from django.urls import path

from inventory_control.events.console.sources import (
    SourceChangeView,
    SourceDetailView,
    SourceListView,
)

app_name = "sources"
urlpatterns = [
    path("", SourceListView.as_view(), name="source-list"),
    path("<int:pk>/", SourceDetailView.as_view(), name="source-detail"),
    path("<int:pk>/change/", SourceChangeView.as_view(), name="source-change"),
]
