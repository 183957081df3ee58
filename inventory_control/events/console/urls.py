"""Pages of events."""

from __future__ import annotations

from django.urls import path

from inventory_control.events.console.views import (
    DeadLetterDiscardView,
    DeadLetterListView,
    DeadLetterMapView,
    DeadWorkListView,
    DeadWorkRetryView,
)

app_name = "events"
urlpatterns = [
    path("", DeadLetterListView.as_view(), name="dead-letter-list"),
    path("<int:pk>/discard/", DeadLetterDiscardView.as_view(), name="dead-letter-discard"),
    path("work/", DeadWorkListView.as_view(), name="dead-work-list"),
    path("work/<int:pk>/retry/", DeadWorkRetryView.as_view(), name="dead-work-retry"),
    path("<int:pk>/map/", DeadLetterMapView.as_view(), name="dead-letter-map"),
]
