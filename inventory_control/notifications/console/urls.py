"""Pages of what customers were told."""

from __future__ import annotations

from django.urls import path

from inventory_control.notifications.console.views import (
    NotificationCallOffView,
    NotificationDetailView,
    NotificationListView,
)

app_name = "notifications"
urlpatterns = [
    path("", NotificationListView.as_view(), name="request-list"),
    path("<str:number>/", NotificationDetailView.as_view(), name="request-detail"),
    path("<str:number>/call-off/", NotificationCallOffView.as_view(), name="request-call-off"),
]
