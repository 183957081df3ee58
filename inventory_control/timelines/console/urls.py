"""Pages of timelines."""

from __future__ import annotations

from django.urls import path

from inventory_control.timelines.console.events import (
    EventDetailView,
    EventListView,
    ReopenTouchedView,
)
from inventory_control.timelines.console.objects import TimelineView

app_name = "timelines"
urlpatterns = [
    path("events/", EventListView.as_view(), name="event-list"),
    path("events/<int:pk>/", EventDetailView.as_view(), name="event-detail"),
    path("events/<int:pk>/reopen/", ReopenTouchedView.as_view(), name="event-reopen"),
    path("timelines/<slug:kind>/<path:object_id>/", TimelineView.as_view(), name="object-detail"),
]
