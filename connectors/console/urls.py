"""Pages of connectors."""

from __future__ import annotations

from django.urls import path

from connectors.console.replays import (
    LegalHoldActView,
    LegalHoldListView,
    ReplayActView,
    ReplayListView,
)
from connectors.console.subscribers import SubscriberEndView, SubscriberListView

app_name = "connectors"
urlpatterns = [
    path("replays/", ReplayListView.as_view(), name="replay-list"),
    path("replays/<int:pk>/<slug:act>/", ReplayActView.as_view(), name="replay-act"),
    path("subscribers/", SubscriberListView.as_view(), name="subscriber-list"),
    path("subscribers/<slug:code>/end/", SubscriberEndView.as_view(), name="subscriber-end"),
    path("holds/", LegalHoldListView.as_view(), name="legal-hold-list"),
    path("holds/<int:pk>/lift/", LegalHoldActView.as_view(), name="legal-hold-lift"),
]
