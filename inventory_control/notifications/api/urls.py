"""Routes of the notifications API."""

from __future__ import annotations

from django.urls import path

from inventory_control.notifications.api.views import (
    ConsentView,
    RequestCallOffView,
    RequestListView,
    RequestView,
)

urlpatterns = [
    path("notification-requests", RequestListView.as_view(), name="notification-list"),
    path("notification-requests/<str:number>", RequestView.as_view(), name="notification-detail"),
    path(
        "notification-requests/<str:number>/call-off",
        RequestCallOffView.as_view(),
        name="notification-call-off",
    ),
    path("customers/<str:customer>/consents", ConsentView.as_view(), name="customer-consents"),
]
