"""Routes of the connectors API."""

from __future__ import annotations

from django.urls import path

from connectors.api.views import ConnectorListView, WebhookView

urlpatterns = [
    path("webhooks/<slug:code>", WebhookView.as_view(), name="webhook"),
    path("connectors", ConnectorListView.as_view(), name="connector-list"),
]
