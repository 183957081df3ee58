"""Pages of connectors."""

from __future__ import annotations

from django.urls import path

from connectors.console.replays import (
    LegalHoldActView,
    LegalHoldListView,
    ReplayActView,
    ReplayListView,
)
from connectors.console.subscribers import (
    SubscriberActView,
    SubscriberDetailView,
    SubscriberListView,
)

app_name = "connectors"
urlpatterns = [
    path("replays/", ReplayListView.as_view(), name="replay-list"),
    path("replays/<int:pk>/<slug:act>/", ReplayActView.as_view(), name="replay-act"),
    path("subscribers/", SubscriberListView.as_view(), name="subscriber-list"),
    path("subscribers/<slug:code>/", SubscriberDetailView.as_view(), name="subscriber-detail"),
    path("subscribers/<slug:code>/<slug:act>/", SubscriberActView.as_view(), name="subscriber-act"),
    path("holds/", LegalHoldListView.as_view(), name="legal-hold-list"),
    path("holds/<int:pk>/lift/", LegalHoldActView.as_view(), name="legal-hold-lift"),
]
