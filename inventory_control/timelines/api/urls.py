"""Routes of the timelines API; searching the log is the ledger's door."""

from __future__ import annotations

from django.urls import path

from inventory_control.timelines.api.views import (
    ConsequencesView,
    EventDetailView,
    ReopenTouchedView,
    TimelineView,
)

urlpatterns = [
    path("events/<int:event_id>", EventDetailView.as_view(), name="event-detail"),
    path("events/<int:event_id>/consequences", ConsequencesView.as_view(), name="event-touched"),
    path(
        "events/<int:event_id>/consequences/reopen",
        ReopenTouchedView.as_view(),
        name="event-touched-reopen",
    ),
    path("timelines/<slug:kind>/<path:object_id>", TimelineView.as_view(), name="timeline-detail"),
]
