"""Routes of the connectors API."""

from __future__ import annotations

from django.urls import path

from connectors.api.commands import CommandListView, CommandRetryView
from connectors.api.replays import (
    LegalHoldLiftView,
    LegalHoldListView,
    ReplayListView,
    ReplayStartView,
    ReplayStopView,
    ReplayView,
)
from connectors.api.subscriptions import SubscriptionListView, SubscriptionView
from connectors.api.views import ConnectorListView, WebhookView

urlpatterns = [
    path("webhooks/<slug:code>", WebhookView.as_view(), name="webhook"),
    path("connectors", ConnectorListView.as_view(), name="connector-list"),
    path("commands", CommandListView.as_view(), name="command-list"),
    path("commands/<int:command_id>/retry", CommandRetryView.as_view(), name="command-retry"),
    path("replays", ReplayListView.as_view(), name="replay-list"),
    path("replays/<int:replay_id>", ReplayView.as_view(), name="replay-detail"),
    path("replays/<int:replay_id>/start", ReplayStartView.as_view(), name="replay-start"),
    path("replays/<int:replay_id>/stop", ReplayStopView.as_view(), name="replay-stop"),
    path("subscriptions", SubscriptionListView.as_view(), name="subscription-list"),
    path("subscriptions/<slug:code>", SubscriptionView.as_view(), name="subscription-detail"),
    path("legal-holds", LegalHoldListView.as_view(), name="legal-hold-list"),
    path("legal-holds/<int:hold_id>/lift", LegalHoldLiftView.as_view(), name="legal-hold-lift"),
]
